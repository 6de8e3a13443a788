"""Kinds: what sells best of the kinds that a customer buys, or that go with those."""

import numpy as np

from engine.scorers.kinds import KindAffinity

PATHS = {"ale": "Bar > Ale", "bock": "Bar > Ale", "nuts": "Bar > Nuts", "crisps": "Bar > Crisps", "rope": "Yard > Rope"}
BOTH = [(f"c{n}", product, 2) for n in range(9) for product in ("ale", "nuts")]


def test_a_product_never_bought_is_proposed_for_its_kind(shop):
    data = shop(*BOTH, ("a", "ale", 1), ("z", "bock", 1), ("y", "rope", 1), category_path=PATHS)
    scores = dict(zip(data.product_ids, KindAffinity().fit(data).score(np.array([0])).toarray()[0], strict=True))
    assert scores["ale"] > scores["bock"] > 0  # of one kind, the better seller first
    assert scores["nuts"] > 0  # goes with ale
    assert scores["rope"] == 0


def test_what_has_not_sold_for_four_weeks_is_not_proposed(shop):
    data = shop(("a", "ale", 1), ("a", "bock", 29), category_path=PATHS)
    assert KindAffinity().fit(data).score(np.array([0])).indices.tolist() == [0]
