"""The contract of a scorer: fitted once on a dataset, asked for many customers at a time."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Rows


class Scorer(Protocol):
    """One model of what a customer may buy. Every scorer passes `engine.checks.check_scorer`."""

    name: str

    def fit(self, data: Dataset) -> Self:
        """Learn from a dataset, strictly from what is in it."""
        ...

    def score(self, rows: Rows) -> sparse.csr_array:
        """Score the candidates of some customers.

        Args:
            rows: (n,) row numbers of customers; -1 stands for one who is not known.

        Returns:
            (n, products) float32, above 0 where a product is a candidate; the higher, the likelier.
        """
        ...


def keep_top(scores: NDArray[np.float32], n: int) -> sparse.csr_array:
    """Keep the n highest scores above 0 of each row of a dense block; ties go to the lower column.

    >>> keep_top(np.array([[1, 2, 1, 0]], dtype=np.float32), 2).toarray().tolist()
    [[1.0, 2.0, 0.0, 0.0]]
    """
    rows, width = scores.shape
    scores = np.ascontiguousarray(scores)  # a block made of chosen columns lies column by column
    kept = scores > 0
    if n < width:
        kept &= scores >= _floor(scores, n)
    place = np.flatnonzero(kept)  # in one dimension it is found in half the time
    values, starts = scores.ravel()[place], np.searchsorted(place, np.arange(rows + 1) * width)
    best = _best(values, starts, n)
    starts = np.concatenate([[0], np.cumsum(best)])[starts]
    return sparse.csr_array((values[best], place[best] % width, starts), shape=scores.shape)


def _floor(scores: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """(rows, 1) what the n highest of each row reach at least: the n-th of every few columns, which is found sooner."""
    some = np.ascontiguousarray(scores[:, :: max(int((scores.shape[1] / n) ** 0.5), 1)])
    return np.partition(some, some.shape[1] - n, axis=1)[:, -n, np.newaxis]


def _best(values: NDArray[np.float32], starts: NDArray[np.intp], n: int) -> NDArray[np.bool_]:
    """(values,) whether each is among the n highest of its row; of those that tie for the last place, the first are."""
    counts = np.diff(starts)
    last = np.zeros(len(counts), dtype=np.float32)
    for row in np.flatnonzero(counts > n):
        last[row] = np.partition(values[starts[row] : starts[row + 1]], -n)[-n]
    last = np.repeat(last, counts)
    best = values >= last
    kept = np.diff(np.concatenate([[0], np.cumsum(best)])[starts])
    for row in np.flatnonzero(kept > n):
        mine = slice(starts[row], starts[row + 1])
        tied = np.flatnonzero(values[mine] == last[mine])
        best[mine][tied[len(tied) - (kept[row] - n) :]] = False
    return best


def most(counts: NDArray[np.integer] | NDArray[np.floating], n: int) -> NDArray[np.intp]:
    """The places of the n highest counts above 0, in ascending order; ties go to the lower place.

    >>> most(np.array([2, 0, 3, 2]), 2).tolist()
    [0, 2]
    """
    best = np.argsort(-counts, kind="stable")[:n]
    return np.sort(best[counts[best] > 0])


def known_rows(matrix: sparse.csr_array, rows: Rows) -> sparse.csr_array:
    """Take rows of a matrix; -1 gives an empty row."""
    known = rows >= 0
    taken = sparse.csr_array(matrix[rows[known]])
    sizes = np.zeros(len(rows), dtype=np.intp)
    sizes[known] = np.diff(taken.indptr)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return sparse.csr_array((taken.data, taken.indices, starts), shape=(len(rows), matrix.shape[1]))
