"""Pairs: look-up and rank in bulk agree with doing it one at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from engine.pairs import LookUp, keep_top_sparse, rank, union, values_at

TABLES = st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=4)


@given(TABLES)
def test_values_at_pairs_are_those_of_the_dense_table(rows):
    dense = np.array(rows, dtype=np.float32)
    row, column = (part.ravel() for part in np.indices(dense.shape))
    assert values_at(sparse.csr_array(dense), row, column).tolist() == dense.ravel().tolist()


@given(TABLES)
def test_the_union_holds_every_pair_once_in_order(rows):
    dense = np.array(rows, dtype=np.float32)
    row, column = union([sparse.csr_array(dense), sparse.csr_array(dense[:, ::-1])])
    expected = (dense > 0) | (dense[:, ::-1] > 0)
    assert list(zip(row.tolist(), column.tolist(), strict=True)) == list(map(tuple, np.argwhere(expected).tolist()))


@given(TABLES, st.integers(1, 5))
def test_the_kept_are_the_highest_of_each_row(rows, n):
    dense = np.array(rows, dtype=np.float32)
    kept = keep_top_sparse(sparse.csr_array(dense), n).toarray()
    for before, after in zip(dense, kept, strict=True):
        assert sorted(after[after > 0]) == sorted(np.sort(before)[::-1][:n][np.sort(before)[::-1][:n] > 0])


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-9, 9, width=32)), max_size=20), st.sampled_from([1, 1 << 40]))
def test_ranks_are_those_of_a_sort_by_row_and_score(pairs, spread):
    pairs = sorted(pairs, key=lambda pair: pair[0])
    row = np.array([pair[0] * spread for pair in pairs], dtype=np.int64)
    score = np.array([pair[1] for pair in pairs], dtype=np.float32)
    order = sorted(range(len(pairs)), key=lambda place: (row[place], -score[place], place))
    ranks = rank(row, score)
    assert [int(ranks[place]) for place in order] == [
        sum(row[other] == row[place] for other in order[:n]) for n, place in enumerate(order)
    ]


def test_ranks_start_anew_in_each_row():
    assert rank(np.array([0, 0, 2, 2]), np.array([1, 2, 4, 3], np.float32)).tolist() == [1, 0, 0, 1]


def test_what_is_not_listed_is_missing():
    found = LookUp(np.array([1, 3]), np.array([3, 2]))
    assert found.take(np.array([5, 7], np.float32), missing=9).tolist() == [7, 9]
    assert LookUp(np.array([], dtype=np.int64), np.array([3])).take(np.array([], np.float32), missing=9).tolist() == [9]
