"""Tastes: what a customer buys by kind, how lately, and a product's place within its kind."""

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.tastes import HALF_LIFE_DAYS, NEVER_DAYS, Tastes

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")


@pytest.fixture
def tastes():
    """Ann bought oat milk 56 days ago and tea 7 days ago; Bob bought whole milk twice, 14 days ago last."""
    lines = [("ann", "oat", HALF_LIFE_DAYS), ("ann", "tea", 7), ("bob", "whole", 14), ("bob", "whole", 28)]
    bought = pd.DataFrame(lines, columns=["customer_id", "product_id", "days"])
    bought["at"] = AS_OF - pd.to_timedelta(bought["days"], unit="D")
    bought = bought.assign(order_id=range(4), quantity=1.0, price_minor=100.0)
    goods = pd.DataFrame({"product_id": ["oat", "tea", "whole"], "title": ["Oat milk", "Tea", "Whole milk"]})
    paths = ["Food > Milk", "Drinks > Tea", "Food > Milk"]
    goods = goods.assign(category_path=paths, brand="", size="", available=True, recommendable=True)
    data = Dataset.from_frames(bought, goods, as_of=AS_OF)
    return Tastes(data, np.array([1, 5, 3], dtype=np.float32))


def described(tastes, customer, product):
    """The features of one pair: of customers 0 Ann, 1 Bob, -1 nobody; of products 0 oat, 1 tea, 2 whole milk."""
    return [float(values[0]) for values in tastes.features(np.array([customer]), np.array([0]), np.array([product]))]


def test_a_product_never_bought_is_known_by_its_kind(tastes):
    taste, last, share, aisle, within, quiet, short, long = described(tastes, 0, 2)
    assert (taste, last, quiet) == (pytest.approx(0.5), pytest.approx(HALF_LIFE_DAYS), pytest.approx(7))
    assert share == aisle == pytest.approx(0.5 / (0.5 + 2 ** (-7 / HALF_LIFE_DAYS)))
    assert within == pytest.approx(3 / 4)
    assert (short, long) == (0, 0)


def test_own_purchases_fade_fast_and_slowly(tastes):
    *_, short, long = described(tastes, 1, 2)
    assert short == pytest.approx(2**-0.5 + 2**-1)
    assert long == pytest.approx(2 ** (-14 / 365) + 2 ** (-28 / 365))


def test_of_nobody_only_the_product_is_known(tastes):
    assert described(tastes, -1, 0) == pytest.approx([0, NEVER_DAYS, 0, 0, 1 / 4, NEVER_DAYS, 0, 0])
