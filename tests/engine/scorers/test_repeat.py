"""Repeat: a customer's own products, the most bought lately first."""

import numpy as np
import pytest

from engine.scorers.repeat import Repeat


def test_own_purchases_fade_with_age(shop):
    fitted = Repeat(half_life_days=10).fit(shop(("a", "p", 10.5), ("a", "p", 20.5), ("a", "q", 5.5)))
    assert fitted.score(np.array([0])).toarray()[0].tolist() == pytest.approx([2**-1.05 + 2**-2.05, 2**-0.55])


def test_only_own_products_are_proposed_and_no_more_than_asked(shop):
    data = shop(("a", "p", 1), ("a", "p", 2), ("a", "r", 1), ("b", "q", 1))
    assert (Repeat().fit(data).score(np.array([1, -1])).toarray() > 0).tolist() == [[False, True, False], [False] * 3]
    assert Repeat(candidates=1).fit(data).score(np.array([0])).indices.tolist() == [0]
