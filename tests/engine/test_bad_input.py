"""Bad input: a sound slate, or a clear error with its remedy."""

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.errors import NothingToLearn
from engine.recommender import Recommender
from engine.slate import SlateRules

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
LINES = [(f"c{n}", f"p{n % 4}", 1 + n % 30) for n in range(40)]


def bought(lines=LINES, **columns):
    """Purchases (customer, product, days ago)."""
    frame = pd.DataFrame(lines, columns=["customer_id", "product_id", "days"])
    at = AS_OF - pd.to_timedelta(frame["days"], unit="D")
    given = {"order_id": frame.index.astype(str), "at": at, "quantity": 1.0, "price_minor": 100.0}
    return frame.assign(**{**given, **columns})


def goods(**columns):
    """Four products."""
    listed = pd.DataFrame({"product_id": [f"p{n}" for n in range(4)], "title": "Thing", "category_path": "Food"})
    return listed.assign(**{"brand": "Mill", "size": "", "available": True, "recommendable": True, **columns})


def slates(purchases, products=None, **rules):
    """Slates of all who bought."""
    data = Dataset.from_frames(purchases, goods() if products is None else products, as_of=AS_OF)
    return Recommender().fit(data).recommend(data.customer_ids.tolist(), 2, rules=SlateRules(**rules))


def is_sound(found):
    """Two different products for each customer, with scores that are numbers."""
    assert found.groupby("customer_id")["product_id"].nunique().eq(2).all()
    assert np.isfinite(found["score"]).all()


def test_purchases_of_the_future_are_as_if_they_were_not_there():
    future = bought([("c0", "p3", -1), ("zz", "p3", -400)], order_id=["f1", "f2"])
    found, expected = slates(pd.concat([bought(), future])), slates(bought())
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(NothingToLearn, match="sync orders first, or choose a later time"):
        slates(future)


@pytest.mark.parametrize("price", [np.nan, "free", -5.0, None])
def test_a_price_that_is_no_price_hinders_nothing(price):
    is_sound(slates(bought(price_minor=[price] * len(LINES))))


def test_no_purchases_are_told():
    with pytest.raises(NothingToLearn, match="sync orders first"):
        slates(bought([]))


def test_where_nothing_is_in_stock_slates_are_empty():
    assert slates(bought(), goods(available=False), in_stock=True).empty


def test_one_customer_and_one_product_make_a_slate_of_one():
    assert slates(bought([("c0", "p0", 3)]))["product_id"].tolist() == ["p0"]


def test_ids_of_mixed_types_are_kept_apart_as_they_are():
    mixed = bought(customer_id=pd.Series([n if n % 2 else f"c{n}" for n in range(len(LINES))], dtype=object))
    found = slates(mixed)
    is_sound(found)
    assert set(found["customer_id"]) == set(mixed["customer_id"])


def test_a_million_duplicates_are_one_purchase():
    many = bought([("c0", "p0", 3)]).loc[[0] * 1_000_000]
    pd.testing.assert_frame_equal(
        slates(pd.concat([bought(), many])), slates(pd.concat([bought(), bought([("c0", "p0", 3)])]))
    )
