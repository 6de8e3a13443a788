"""User neighbours: what customers with the like purchases buy, the customer's own left out."""

import numpy as np

from engine.scorers.user_neighbours import UserNeighbours

TWINS = [(name, product, 1) for name in "ab" for product in ("ale", "bun")]


def test_a_twin_s_other_purchases_are_proposed_and_a_stranger_s_are_not(shop):
    data = shop(*TWINS, ("b", "cod", 1), ("z", "yam", 1))
    scores = UserNeighbours().fit(data).score(np.array([0])).toarray()[0]
    ale, bun, cod, yam = scores
    assert cod > 0
    assert yam == 0
    assert ale > 0  # what both buy: told of the twin, not of the customer
    assert bun == ale


def test_who_has_no_like_gets_nothing(shop):
    fitted = UserNeighbours().fit(shop(*TWINS, ("z", "yam", 1)))
    assert fitted.score(np.array([2, -1])).nnz == 0


def test_a_small_pool_is_drawn_by_the_seed(shop):
    data = shop(*[(f"c{n:02}", f"p{n % 7}", 1 + n % 3) for n in range(60)])
    first, same, other = (UserNeighbours(pool=10, seed=seed).fit(data).score(np.arange(60)) for seed in (1, 1, 2))
    assert (first != same).nnz == 0
    assert (first != other).nnz > 0
