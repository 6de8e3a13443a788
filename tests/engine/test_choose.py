"""Choosing: the best within the limits, for all customers at once as for each alone."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.choose import Cap, Quota, Variety, choose

CATEGORIES = np.array([0, 0, 0, 1, 1, 2], dtype=np.int32)
SCORED = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(1, 4)), unique_by=lambda pair: pair[:2], max_size=24
)


def chosen(pairs, size, **limits):
    """The (row, product) chosen of pairs (row, product, score)."""
    table = np.array(sorted(pairs), dtype=np.intp).reshape(-1, 3)
    places = choose(table[:, 0], table[:, 1], table[:, 2].astype(np.float32), size, **limits)
    return [tuple(pair) for pair in table[places, :2].tolist()]


def test_the_best_come_first_and_ties_go_to_the_lower_column():
    assert chosen([(0, 2, 1), (0, 0, 1), (0, 1, 2), (1, 1, 1)], 2) == [(0, 1), (0, 0), (1, 1)]


def test_no_pairs_give_no_slate():
    assert chosen([], 3) == []


@settings(deadline=None)
@given(SCORED, st.integers(1, 6), st.one_of(st.none(), st.integers(1, 3)))
def test_slates_with_a_cap_equal_those_chosen_one_by_one(pairs, size, most):
    expected = []
    for row in range(4):
        held = Counter()
        for _, product, _ in sorted((p for p in pairs if p[0] == row), key=lambda pair: (-pair[2], pair[1])):
            if held.total() < size and (most is None or held[CATEGORIES[product]] < most):
                held[CATEGORIES[product]] += 1
                expected.append((row, product))
    caps = [] if most is None else [Cap(CATEGORIES, most)]
    assert chosen(pairs, size, caps=caps) == expected


@settings(deadline=None)
@given(SCORED, st.integers(1, 6), st.integers(0, 6), st.integers(0, 6))
def test_a_quota_is_kept_as_far_as_there_are_candidates_and_never_shortens_a_slate(pairs, size, least, most):
    table = np.array(sorted(pairs), dtype=np.intp).reshape(-1, 3)
    quota = Quota(CATEGORIES[table[:, 1]] == 0, min(least, most), most)
    found = chosen(pairs, size, quotas=[quota])
    for row in range(4):
        mine = [product for of, product in found if of == row]
        there = [product for of, product, _ in pairs if of == row]
        counted, others = (sum((CATEGORIES[p] == 0) == kind for p in there) for kind in (True, False))
        held = sum(CATEGORIES[product] == 0 for product in mine)
        assert len(mine) == min(size, len(there))
        assert held >= min(quota.least, counted, size)
        assert held <= max(most, size - others)


def test_a_further_product_of_a_group_counts_less():
    pairs = [(0, 0, 10), (0, 1, 9), (0, 3, 6)]
    assert chosen(pairs, 3, variety=Variety(CATEGORIES, 1.0)) == [(0, 0), (0, 1), (0, 3)]
    assert chosen(pairs, 3, variety=Variety(CATEGORIES, 0.5)) == [(0, 0), (0, 3), (0, 1)]
    assert chosen(pairs, 3, variety=Variety(CATEGORIES, 0.0)) == [
        (0, 0),
        (0, 3),
        (0, 1),
    ]
