"""Offers: what is on offer of the kinds that a customer buys."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.scorers.offers import Offers

PATHS = {"ale": "Bar > Ale", "bock": "Bar > Ale", "rope": "Yard > Rope"}


@pytest.fixture
def data(shop):
    """Many buy ale, bock and rope; a (row 0) buys ale only; bock and rope are on offer."""
    made = shop(*[(f"c{n}", product, 2) for n in range(9) for product in PATHS], ("a", "ale", 1), category_path=PATHS)
    week = pd.Timedelta(days=7)
    offers = pd.DataFrame({"product_id": ["bock", "rope"], "kind": "mailer", "starts_at": made.as_of})
    return replace(made, offers=offers.assign(ends_at=made.as_of + week, announced_at=made.as_of - week))


def test_an_offer_of_a_kind_that_is_bought_comes_first(data):
    ale, bock, rope = Offers().fit(data).score(np.array([0])).toarray()[0]
    assert ale == 0  # not on offer
    assert bock > rope


def test_nothing_on_offer_proposes_nothing(data):
    assert Offers().fit(data.without_offers()).score(np.array([0])).nnz == 0
