"""What scorers share: the highest of each row, and the rows of those who are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.scorers.base import keep_top, known_rows

FEW_VALUES = arrays(
    np.float32, st.tuples(st.integers(0, 5), st.integers(1, 20)), elements=st.sampled_from([-1, 0, 1, 2, 3])
)


@settings(deadline=None)
@given(FEW_VALUES, st.integers(1, 8))
def test_the_highest_are_kept_and_ties_go_to_the_lower_column(scores, n):
    kept = keep_top(scores, n).toarray()
    for row, mine in zip(scores, kept, strict=True):
        best = [place for place in np.argsort(-row, kind="stable")[:n] if row[place] > 0]
        assert np.flatnonzero(mine).tolist() == sorted(best)
        assert mine[best].tolist() == row[best].tolist()


@pytest.mark.parametrize("rows", [[2, -1, 0, 0], [-1, -1], [], [1]])
def test_who_is_not_known_has_an_empty_row(rows):
    matrix = sparse.csr_array(np.array([[1, 0], [0, 0], [2, 3]], dtype=np.float32))
    wide = np.vstack([matrix.toarray(), np.zeros((1, 2))])
    assert known_rows(matrix, np.array(rows, dtype=np.intp)).toarray().tolist() == wide[rows].tolist()
