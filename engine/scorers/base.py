"""The contract of a scorer: fitted once on a dataset, asked for many customers at a time."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset

Rows = NDArray[np.intp]


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
    """Keep the n highest scores above 0 of each row of a dense block; ties go to the lower column."""
    rows, columns = scores.shape
    n = min(n, columns)
    top = np.argpartition(-scores, n - 1, axis=1)[:, :n] if n < columns else np.tile(np.arange(columns), (rows, 1))
    top.sort(axis=1)
    values = np.take_along_axis(scores, top, axis=1)
    kept = values > 0
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return sparse.csr_array((values[kept], top[kept], starts), shape=scores.shape)


def known_rows(matrix: sparse.csr_array, rows: Rows) -> sparse.csr_array:
    """Take rows of a matrix; -1 gives an empty row."""
    padded = sparse.vstack([matrix, sparse.csr_array((1, matrix.shape[1]), dtype=matrix.dtype)], format="csr")
    return padded[np.where(rows < 0, matrix.shape[0], rows)]
