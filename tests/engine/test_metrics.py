"""Metrics against figures worked by hand: five places, hits at the first and fourth, three products bought."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics import PER_CUSTOMER, average_precision, hit, ndcg, precision, recall

HITS = [True, False, False, True, False]
BY_HAND = {
    precision: 2 / 5,
    recall: 2 / 3,
    average_precision: (1 / 1 + 2 / 4) / 3,
    ndcg: (1 / log2(2) + 1 / log2(5)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)),
    hit: 1,
}


@pytest.mark.parametrize(("measure", "expected"), BY_HAND.items())
def test_figures_equal_those_worked_by_hand(measure, expected):
    assert measure(HITS, 3, 5) == pytest.approx(expected)


@pytest.mark.parametrize("measure", PER_CUSTOMER.values())
def test_a_perfect_slate_is_1_and_an_empty_one_or_one_without_hits_is_0(measure):
    assert measure([True] * 3, 3, 3) == pytest.approx(1)
    assert measure([False] * 3, 3, 3) == 0
    assert measure([], 3, 3) == 0


def test_a_slate_shorter_than_k_is_judged_on_k_places():
    assert precision([True], 1, 10) == 0.1
    assert ndcg([True], 1, 10) == 1
    assert average_precision([True], 1, 10) == 1


def test_places_beyond_k_do_not_count():
    assert [measure([False, True], 1, 1) for measure in PER_CUSTOMER.values()] == [0] * len(PER_CUSTOMER)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(1, 12), st.integers(0, 5))
def test_every_figure_lies_between_0_and_1(hits, k, others):
    relevant = sum(hits) + others or 1
    assert all(0 <= measure(hits, relevant, k) <= 1 + 1e-12 for measure in PER_CUSTOMER.values())


@given(st.lists(st.booleans(), min_size=2, max_size=10), st.data())
def test_a_hit_further_in_front_is_never_worse(hits, data):
    place = data.draw(st.integers(1, len(hits) - 1))
    better = hits.copy()
    better[place - 1], better[place] = sorted(hits[place - 1 : place + 1], reverse=True)
    relevant = max(sum(hits), 1)
    for measure in PER_CUSTOMER.values():
        assert measure(better, relevant, len(hits)) >= measure(hits, relevant, len(hits)) - 1e-12
