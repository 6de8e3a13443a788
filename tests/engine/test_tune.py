"""Tune: the search nears a known best, the defaults go first, and what may be chance is not taken."""

from math import log

import numpy as np
import pandas as pd
import pytest

from engine.evaluate import COVERAGE_COLUMNS, Evaluation
from engine.parameters import DEFAULTS, Parameters
from engine.tune import RANGES, tune

WEEK = pd.Timestamp("2026-02-16", tz="UTC")


def judge(worth, noise=0.0):
    """Judges by a formula: 60 customers, each of nDCG `worth(parameters)`, more or less."""
    spread = np.random.default_rng(0).normal(0, 0.01, 60)

    def judged(how):
        rng = np.random.default_rng(round(1e6 * worth(how)))
        values = worth(how) + spread + noise * rng.normal(0, 1, 60)
        rows = [
            {"scorer": "blend", "task": task, "cutoff": WEEK, "customer_id": f"c{n}", "ndcg": value}
            for task in ("any", "new")
            for n, value in enumerate(values)
        ]
        return Evaluation(pd.DataFrame(rows), pd.DataFrame(columns=COVERAGE_COLUMNS), pd.DataFrame())

    return judged


def ridge_of_40(how):
    return 0.3 - 0.05 * abs(log(how.neighbours_ridge / 40))


def test_the_defaults_are_tried_first_and_a_better_place_is_found_and_taken():
    found = tune(judge(ridge_of_40), judge(ridge_of_40), seconds=3)
    assert found.trials.iloc[0][list(RANGES)].to_dict() == {name: getattr(DEFAULTS, name) for name in RANGES}
    assert found.trials["score"].iloc[0] == 1
    assert abs(log(found.best.neighbours_ridge / 40)) < abs(log(DEFAULTS.neighbours_ridge / 40)) / 3
    assert isinstance(found.best.user_neighbours, int)
    assert found.proof["any"].value > 0.1
    for name, (low, high) in RANGES.items():
        assert found.trials[name].between(low, high).all()


def test_what_does_not_hold_on_other_weeks_is_not_taken():
    found = tune(judge(ridge_of_40), judge(lambda how: 0.3, noise=0.1), seconds=2)
    assert found.found != DEFAULTS
    assert found.best == DEFAULTS


def test_what_is_surely_worse_elsewhere_is_not_taken():
    found = tune(judge(ridge_of_40), judge(lambda how: 1 - ridge_of_40(how)), seconds=2)
    assert found.proof["any"].value < 0
    assert found.best == DEFAULTS


def test_without_time_only_the_defaults_are_tried():
    tried = []
    found = tune(judge(ridge_of_40), pytest.fail, seconds=0, tried=lambda: tried.append(1))
    assert len(found.trials) == len(tried) == 1
    assert (found.best, found.proof) == (DEFAULTS, {})


def test_a_shop_where_nothing_hits_scores_as_the_defaults():
    found = tune(judge(lambda how: -1e-9), judge(lambda how: 0.0), seconds=0)
    assert found.best == Parameters()
