"""Repeat: how often, how long ago, how far apart."""

import numpy as np
import pytest

from engine.scorers.repeat import Repeat


def test_days_times_and_gaps_are_those_of_the_purchases(shop):
    fitted = Repeat(half_life_days=10).fit(shop(("a", "p", 10.5), ("a", "p", 20.5), ("a", "p", 20.4), ("a", "q", 5.5)))
    assert fitted.times.toarray().tolist() == [[2, 1]]
    assert fitted.last_days.toarray()[0].tolist() == pytest.approx([10.5, 5.5])
    assert fitted.gap_days.toarray()[0].tolist() == pytest.approx([9.9, 0], rel=1e-5)
    assert fitted.decayed.toarray()[0].tolist() == pytest.approx([2**-1.05 + 2**-2.04, 2**-0.55])


def test_only_own_products_are_proposed(shop):
    scores = Repeat().fit(shop(("a", "p", 1), ("b", "q", 1))).score(np.array([1, -1])).toarray()
    assert (scores > 0).tolist() == [[False, True], [False, False]]
