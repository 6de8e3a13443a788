"""Metrics against figures worked by hand, and against plain loops over one customer's slate."""

from itertools import combinations
from math import isnan, log2

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics import (
    PER_CUSTOMER,
    average_precision,
    calibration,
    calibration_error,
    diversity,
    hit,
    ndcg,
    novelty,
    precision,
    recall,
)

# Five places, hits at the first and fourth, three products bought.
HITS = [True, False, False, True, False]
BY_HAND = {
    precision: 2 / 5,
    recall: 2 / 3,
    average_precision: (1 / 1 + 2 / 4) / 3,
    ndcg: (1 / log2(2) + 1 / log2(5)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)),
    hit: 1,
}


def of_one(measure, hits, relevant):
    return float(measure(np.array([hits], dtype=bool), np.array([relevant]))[0])


@pytest.mark.parametrize(("measure", "expected"), BY_HAND.items())
def test_figures_equal_those_worked_by_hand(measure, expected):
    assert of_one(measure, HITS, 3) == pytest.approx(expected)


@pytest.mark.parametrize("measure", PER_CUSTOMER.values())
def test_a_perfect_slate_is_1_and_one_without_hits_is_0(measure):
    assert of_one(measure, [True] * 3, 3) == pytest.approx(1)
    assert of_one(measure, [False] * 3, 3) == 0


def test_a_slate_shorter_than_k_is_judged_on_k_places():
    hits = [True] + [False] * 9
    assert of_one(precision, hits, 1) == 0.1
    assert of_one(ndcg, hits, 1) == 1
    assert of_one(average_precision, hits, 1) == 1


def loops(hits, relevant):
    """The same figures of one customer, from the definitions, one place at a time."""
    k = len(hits)
    precisions = [sum(hits[: n + 1]) / (n + 1) for n in range(k) if hits[n]]
    gain = sum(1 / log2(n + 2) for n in range(k) if hits[n])
    best = sum(1 / log2(n + 2) for n in range(min(k, relevant)))
    return {
        "precision": sum(hits) / k,
        "recall": sum(hits) / relevant,
        "map": sum(precisions) / min(k, relevant),
        "ndcg": gain / best,
        "hit": float(any(hits)),
    }


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 12))
def test_all_customers_at_once_are_figured_as_each_alone_by_loops(seed, customers, k):
    rng = np.random.default_rng(seed)
    hits = rng.random((customers, k)) < 0.4
    relevant = np.maximum(hits.sum(axis=1) + rng.integers(0, 5, customers), 1)
    expected = [loops(mine, n) for mine, n in zip(hits.tolist(), relevant.tolist(), strict=True)]
    for name, measure in PER_CUSTOMER.items():
        np.testing.assert_allclose(measure(hits, relevant), [each[name] for each in expected], rtol=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 5))
def test_every_figure_lies_between_0_and_1(hits, others):
    relevant = sum(hits) + others or 1
    assert all(0 <= of_one(measure, hits, relevant) <= 1 + 1e-12 for measure in PER_CUSTOMER.values())


@given(st.lists(st.booleans(), min_size=2, max_size=10), st.data())
def test_a_hit_further_in_front_is_never_worse(hits, data):
    place = data.draw(st.integers(1, len(hits) - 1))
    better = hits.copy()
    better[place - 1], better[place] = sorted(hits[place - 1 : place + 1], reverse=True)
    relevant = max(sum(hits), 1)
    for measure in PER_CUSTOMER.values():
        assert of_one(measure, better, relevant) >= of_one(measure, hits, relevant) - 1e-12


PATHS = ["Food > Milk > Whole", "Food > Milk > Skim", "Food > Bread", "Food", "Home > Soap", "Home > Soap"]
LEVELS = np.array([[0, 0, 0], [0, 0, 1], [0, 1, -1], [0, -1, -1], [1, 2, -1], [1, 2, -1]])
SHARE = np.array([0.5, 0.25, 0.25, 0.1, 1.0, 0.01])


def apart(one, other):
    mine, theirs = PATHS[one].split(" > "), PATHS[other].split(" > ")
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
        shared += 1
    return 1 - shared / max(len(mine), len(theirs))


@given(st.lists(st.lists(st.integers(0, 5), unique=True, max_size=4), min_size=1, max_size=6))
def test_novelty_and_diversity_equal_loops_over_the_slates(picks):
    slates = np.full((len(picks), 4), -1)
    for mine, products in zip(slates, picks, strict=True):
        mine[: len(products)] = products
    new = [np.mean([-log2(SHARE[p]) for p in mine]) if mine else np.nan for mine in picks]
    mixed = [np.mean([apart(*pair) for pair in combinations(mine, 2)]) if len(mine) > 1 else np.nan for mine in picks]
    np.testing.assert_allclose(novelty(slates, SHARE), new, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(diversity(slates, LEVELS), mixed, rtol=1e-12, atol=1e-12)


def test_what_everybody_buys_is_not_novel_and_one_category_is_not_diverse():
    assert novelty(np.array([[4]]), SHARE).tolist() == [0]
    assert diversity(np.array([[4, 5]]), LEVELS).tolist() == [0]


def test_products_without_a_category_count_as_different():
    assert diversity(np.array([[0, 1]]), np.array([[0], [1]])).tolist() == [1]
    assert diversity(np.array([[0, 1]]), np.array([[-1], [-1]])).tolist() == [1]


def test_chances_that_come_true_as_often_as_they_say_are_well_calibrated():
    rng = np.random.default_rng(1)
    chances = rng.random(50_000)
    table = calibration(chances, rng.random(50_000) < chances)
    assert table["pairs"].tolist() == [5_000] * 10
    assert table["predicted"].is_monotonic_increasing
    assert calibration_error(table) < 0.02


def test_chances_twice_too_high_are_off_by_what_they_say_too_much():
    rng = np.random.default_rng(1)
    chances = rng.random(50_000)
    assert calibration_error(calibration(chances, rng.random(50_000) < chances / 2)) == pytest.approx(0.25, abs=0.02)


def test_few_pairs_make_few_bins_and_none_make_an_empty_table():
    assert len(calibration(np.array([0.2, 0.4]), np.array([False, True]))) == 2
    nothing = calibration(np.zeros(0), np.zeros(0, dtype=bool))
    assert list(nothing) == ["pairs", "predicted", "observed"]
    assert isnan(calibration_error(nothing))
    assert isinstance(nothing, pd.DataFrame)
