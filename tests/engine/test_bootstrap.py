"""The bootstrap: intervals that hold the truth as often as they say, and comparisons that see what is there."""

import numpy as np
import pytest

from engine import bootstrap
from engine.bootstrap import interval, paired
from engine.errors import NothingToLearn


def customers(rng, n=80, weeks=3, own=0.3, noise=0.1, mean=0.5):
    """Customers who differ more from each other than their own weeks do; some weeks are missing."""
    values = mean + rng.normal(0, own, (n, 1)) + rng.normal(0, noise, (n, weeks))
    return np.where(rng.random((n, weeks)) < 0.7, values, np.nan)


def test_the_value_is_the_mean_within_each_week_then_over_the_weeks():
    values = np.array([[1.0, 0.0], [0.0, np.nan], [0.5, np.nan]])
    assert interval(values).value == pytest.approx((0.5 + 0) / 2)


def test_about_95_of_100_intervals_hold_the_known_mean():
    rng = np.random.default_rng(5)
    found = [interval(customers(rng), seed=n, draws=400) for n in range(300)]
    held = np.mean([each.low <= 0.5 <= each.high for each in found])
    assert 0.91 <= held <= 0.98


def test_the_weeks_of_a_customer_are_no_new_evidence():
    """Ten weeks that only repeat the first tell no more than it does; drawn one by one they would seem to."""
    one = np.random.default_rng(2).random((50, 1))
    first, tenfold = interval(one), interval(np.repeat(one, 10, axis=1))
    assert (tenfold.low, tenfold.high) == pytest.approx((first.low, first.high))


def test_more_customers_make_a_narrower_interval():
    rng = np.random.default_rng(3)
    few, many = interval(customers(rng, n=50)), interval(customers(rng, n=5_000))
    assert many.high - many.low < (few.high - few.low) / 5


def test_one_seed_gives_one_result_and_another_seed_another():
    values = customers(np.random.default_rng(4))
    assert interval(values, seed=1) == interval(values, seed=1)
    assert interval(values, seed=1) != interval(values, seed=2)


def test_the_memory_at_hand_changes_nothing(monkeypatch):
    values = customers(np.random.default_rng(4))
    at_once = interval(values)
    monkeypatch.setattr(bootstrap, "MOST_COUNTS", 7 * len(values))
    assert interval(values) == at_once


def test_a_method_compared_with_itself_is_no_better():
    values = customers(np.random.default_rng(6))
    found = paired(values, values)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_small_gain_of_every_customer_is_seen_though_customers_differ_widely():
    worse = customers(np.random.default_rng(7))
    found = paired(worse * 1.02, worse)
    assert found.value == pytest.approx(0.02)
    assert found.low == pytest.approx(0.02)
    assert found.p < 0.001


def test_the_worse_method_is_worse_with_the_same_certainty():
    rng = np.random.default_rng(8)
    first = customers(rng)
    second = first + rng.normal(0.05, 0.1, first.shape)
    better, worse = paired(second, first), paired(first, second)
    assert better.value > 0 > worse.value
    assert better.low > 0 > worse.high
    assert better.p == worse.p


def test_without_a_real_difference_small_p_values_are_as_rare_as_they_say():
    rng = np.random.default_rng(9)
    found = []
    for n in range(300):
        first = customers(rng, n=60)
        found.append(paired(first, first + rng.normal(0, 0.1, first.shape), seed=n, draws=300).p)
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.09


def test_a_method_that_never_hits_can_not_be_compared_with_in_percent():
    found = paired(np.array([[0.5], [0.2]]), np.zeros((2, 1)))
    assert np.isnan([found.value, found.low, found.high]).all()


def test_no_customer_at_all_is_refused_with_its_remedy():
    with pytest.raises(NothingToLearn, match="choose weeks"):
        interval(np.full((3, 2), np.nan))
    with pytest.raises(NothingToLearn):
        paired(np.zeros((0, 2)), np.zeros((0, 2)))
