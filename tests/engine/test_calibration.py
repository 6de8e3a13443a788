"""Calibration: chances are those observed, and the order never changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calibration import Calibration


def test_chances_are_the_shares_observed():
    rng = np.random.default_rng(0)
    score = rng.normal(size=50_000).astype(np.float32)
    truth = 1 / (1 + np.exp(2 - score))
    found = Calibration().fit(score, rng.random(50_000) < truth, np.ones(50_000, np.float32))(score)
    for low, high in ((-1, 0), (0, 1), (1, 2)):
        mine = (score > low) & (score < high)
        assert found[mine].mean() == pytest.approx(truth[mine].mean(), rel=0.1)


def test_sampled_misses_count_as_many_as_they_stand_for():
    rng = np.random.default_rng(0)
    score = rng.random(20_000).astype(np.float32)
    hit = rng.random(20_000) < 0.1
    kept = hit | (rng.random(20_000) < 0.25)
    weight = np.where(hit, 1, 4).astype(np.float32)
    found = Calibration().fit(score[kept], hit[kept], weight[kept])(score)
    assert found.mean() == pytest.approx(0.1, rel=0.1)


@given(st.lists(st.tuples(st.floats(-50, 50, width=32), st.booleans()), min_size=1))
def test_two_scores_are_never_swapped(pairs):
    score = np.array([value for value, _ in pairs], dtype=np.float32)
    chance = Calibration().fit(score, np.array([hit for _, hit in pairs]), np.ones(len(pairs), np.float32))(score)
    order = np.argsort(score, kind="stable")
    assert (np.diff(chance[order]) >= 0).all()
    assert np.isfinite(chance).all()


def test_scores_beyond_those_learnt_from_keep_their_order():
    score = np.linspace(-3, 3, 1000, dtype=np.float32)
    fitted = Calibration().fit(score, score > 0, np.ones(1000, np.float32))
    assert (np.diff(fitted(np.linspace(-9, 9, 1000, dtype=np.float32))) > 0).all()
