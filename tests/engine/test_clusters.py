"""Clusters: as many as there are, none where there are none, the same from run to run."""

import numpy as np
import pytest

from engine.clusters import FEWEST_A_SEGMENT, Tried, _choose, cluster


def heaps(*middles, size=60, width=0.2, seed=1):
    return np.concatenate([np.random.default_rng(seed).normal(middle, width, (size, 3)) for middle in middles])


@pytest.mark.parametrize("k", [2, 5])
def test_heaps_that_stand_apart_are_found(k):
    corners = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4], [4, 4, 4]])
    labels, choice = cluster(heaps(*corners[:k]), seed=0)
    assert choice.k == k
    assert all(len(set(labels[start : start + 60])) == 1 for start in range(0, 60 * k, 60))
    assert f"{k} segments: silhouette 0." in str(choice)
    assert "when half of the customers are left out" in str(choice)


def test_one_round_or_long_cloud_is_one_group():
    round_cloud = np.random.default_rng(2).normal(size=(500, 4))
    for cloud in (round_cloud, round_cloud * [5, 1, 1, 1]):
        labels, choice = cluster(cloud, seed=0)
        assert choice.k == 1
        assert set(labels) == {0}
        assert str(choice).startswith("1 segment: no ")


@pytest.mark.parametrize("customers", [0, 1, 2 * FEWEST_A_SEGMENT - 1])
def test_too_few_customers_are_one_group(customers):
    labels, choice = cluster(np.random.default_rng(0).normal(size=(customers, 2)), seed=0)
    assert (len(labels), choice.k) == (customers, 1)
    assert f"{customers} customers are too few" in str(choice)


def test_a_few_extreme_customers_are_no_group():
    labels, choice = cluster(np.concatenate([heaps([0, 0, 0]), heaps([9, 9, 9], size=5)]), seed=0)
    assert set(labels) == {0}
    assert str(choice) == "1 segment: every parting has a group of fewer than 15 customers"


def test_more_customers_than_the_sample_are_all_grouped(monkeypatch):
    monkeypatch.setattr("engine.clusters.SAMPLE", 200)
    monkeypatch.setattr("engine.clusters.COMPARED", 100)
    labels, choice = cluster(heaps([0, 0, 0], [4, 0, 0], [0, 4, 0], size=1_000), seed=0)
    assert choice.k == 3
    assert np.bincount(labels).tolist() == [1_000] * 3


def test_many_customers_who_are_like_one_of_two_are_two_groups():
    labels, choice = cluster(np.repeat([[0.0, 1.0], [1.0, 0.0]], 40, axis=0), seed=0)
    assert choice.k == 2
    assert len(set(labels[:40])) == len(set(labels[40:])) == 1


def did(k, gain, stability, smallest=50):
    return Tried(k, smallest, silhouette=0.2 * np.exp(gain), chance=0.2, spread=0.0, stability=stability)


@pytest.mark.parametrize(
    ("tried", "before", "chosen"),
    [
        ([did(2, 0.3, 0.9), did(3, 0.6, 0.9)], 0, 3),
        ([did(2, 0.6, 0.9), did(3, 0.3, 0.9)], 0, 2),
        ([did(2, 0.6, 0.9), did(3, 0.55, 0.9)], 0, 3),  # as good, and tells more
        ([did(2, 0.3, 0.9), did(3, 0.6, 0.7)], 0, 2),  # not stable
        ([did(2, 0.3, 0.9), did(3, 0.6, 0.7)], 3, 3),  # stable enough to be kept
        ([did(2, 0.6, 0.9), did(3, 0.3, 0.9)], 3, 2),  # no longer as good
        ([did(2, 0.3, 0.9), did(3, 0.6, 0.6)], 3, 2),  # no longer stable
        ([did(2, 0.3, 0.9), did(3, 0.6, 0.9, smallest=3)], 0, 2),
        ([did(2, -0.1, 0.9)], 0, None),
        ([did(2, 0.3, 0.5)], 0, None),
        ([], 4, None),
    ],
)
def test_the_stable_number_that_stands_apart_most_is_taken(tried, before, chosen):
    found = _choose(tuple(tried), before)
    assert (found.k if found else None) == chosen


def test_the_groups_of_the_last_run_are_found_again_under_any_number():
    table = heaps([0, 0, 0], [4, 0, 0], [0, 4, 0])
    before, _ = cluster(table, seed=0)
    again, choice = cluster(table, seed=5, before=before)
    assert choice.k == 3
    assert (again == before).all()
    unknown, _ = cluster(table, seed=0, before=np.full(180, -1))
    assert (unknown == before).all()
