"""Neighbours: what follows from a purchase, and which purchase it follows from."""

import numpy as np
import pytest
from scipy import sparse

from engine.scorers.neighbours import Neighbours, item_weights

TEA_AND_MILK = [(f"c{n}", product, 1) for n in range(8) for product in ("milk", "tea")]
MILK, SOAP, TEA = range(3)


@pytest.fixture
def fitted(shop):
    """Eight bought tea and milk, a (row 0) tea only, b (row 1) soap only."""
    return Neighbours().fit(shop(*TEA_AND_MILK, ("a", "tea", 1), ("a", "tea", 9), ("b", "soap", 1)))


def strongest(fitted, row, product, silent=()):
    """The product that speaks most for one pair, and on how many days it was bought."""
    bought = fitted.history.of(np.array([row]))
    mask = np.isin(np.arange(3), list(silent))
    cause, often, _ = fitted.strongest(bought, np.array([0]), np.array([product]), mask)
    return int(cause[0]), float(often[0])


def test_what_others_bought_along_is_proposed_and_traced_to_its_purchase(fitted):
    assert fitted.score(np.array([0])).indices.tolist() == [MILK]
    assert strongest(fitted, 0, MILK) == (TEA, 2)
    assert strongest(fitted, 0, SOAP) == (-1, 0)


def test_what_is_not_to_be_told_is_never_the_cause(fitted):
    assert strongest(fitted, 0, MILK, silent=[TEA]) == (-1, 0)


def test_causes_of_many_pairs_are_those_of_each(fitted):
    bought = fitted.history.of(np.array([0, 1, 2]))
    row, product = np.array([0, 0, 1, 2, 2]), np.array([MILK, SOAP, MILK, TEA, MILK])
    cause, _, part = fitted.strongest(bought, row, product, np.zeros(3, dtype=bool))
    assert cause.tolist() == [TEA, -1, -1, MILK, TEA]
    # Row 0 bought tea alone: its part is all that is told of the pair.
    assert part[:3] == pytest.approx(fitted.at(fitted.dense(bought), row, product)[:3])
    assert part[0] > 0


def test_who_is_not_known_and_products_too_rare_have_no_neighbours(shop):
    rare = Neighbours(products=1).fit(shop(*TEA_AND_MILK, ("a", "tea", 1), ("b", "soap", 1)))
    assert strongest(rare, -1, MILK) == (-1, 0)
    assert strongest(rare, 1, SOAP) == (-1, 0)
    assert rare.score(np.array([-1])).nnz == 0


@pytest.mark.parametrize("customers", [2, 40])
def test_few_customers_and_many_give_the_weights_of_the_paper(customers):
    counts = np.random.default_rng(0).poisson(0.5, (customers, 12)).astype(np.float32)
    inverse = np.linalg.inv(counts.T @ counts + 3 * np.eye(12))
    expected = np.eye(12) - inverse / np.diag(inverse)
    assert item_weights(sparse.csr_array(counts), 3) == pytest.approx(expected, abs=1e-4)
