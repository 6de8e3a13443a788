"""Neighbours: what follows from a purchase, and which purchase it follows from."""

import numpy as np

from engine.scorers.neighbours import Neighbours

TEA_AND_MILK = [(f"c{n}", product, 1) for n in range(8) for product in ("milk", "tea")]


def test_what_others_bought_along_is_proposed_and_traced_to_its_purchase(shop):
    data = shop(*TEA_AND_MILK, ("a", "tea", 1), ("b", "soap", 1))
    milk, soap, tea = 0, 1, 2
    fitted = Neighbours().fit(data)
    row = int(data.customer_ids.get_loc("a"))
    assert fitted.score(np.array([row])).indices.tolist() == [milk]
    assert fitted.strongest(row, milk) == tea
    assert fitted.strongest(row, soap) is None


def test_who_is_not_known_and_products_too_rare_have_no_neighbours(shop):
    fitted = Neighbours(products=1).fit(shop(*TEA_AND_MILK, ("a", "tea", 1), ("b", "soap", 1)))
    assert fitted.strongest(-1, 0) is None
    assert fitted.strongest(0, 1) is None
    assert fitted.score(np.array([-1])).nnz == 0
