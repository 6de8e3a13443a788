"""What every scorer can do, and the small matrix work they share."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset


@dataclass(frozen=True)
class Evidence:
    """Why a scorer scored a product for a customer: one of the kinds of `engine.reasons`, and its facts."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


class Scorer(Protocol):
    """One model of what a customer may buy."""

    name: ClassVar[str]

    def fit(self, dataset: Dataset) -> Self:
        """Learn from the dataset, the same way each time."""

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Score products for customers.

        Args:
            customers: (n,) customer numbers; -1 is a customer nobody knows.

        Returns:
            (n, products), higher is better, no entry where the scorer has nothing to say, none below 0.
        """

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Say why from the scorer's own parts; None where it gave no score."""


def top_per_row(matrix: sparse.csr_array, count: int) -> sparse.csr_array:
    """Keep the `count` highest entries of each row.

    >>> top_per_row(sparse.csr_array([[1.0, 3.0, 2.0], [0.0, 0.0, 1.0]]), 1).toarray().tolist()
    [[0.0, 3.0, 0.0], [0.0, 0.0, 1.0]]
    """
    matrix = sparse.csr_array(matrix)
    matrix.sort_indices()
    kept = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(np.diff(matrix.indptr) > count):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        order = np.argpartition(-matrix.data[start:end], count - 1)
        kept[start + order[count:]] = False
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Scale each row to length 1; an empty row stays empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scale_rows(matrix, lengths)


def scale_rows(matrix: sparse.csr_array, by: NDArray[np.floating[Any]]) -> sparse.csr_array:
    """Divide each row by its number; where that is 0 the row stays as it is."""
    scaled = sparse.csr_array(matrix, copy=True)
    scaled.data = scaled.data / np.repeat(np.where(by > 0, by, 1), np.diff(scaled.indptr)).astype(scaled.dtype)
    return scaled


def widen(matrix: sparse.csr_array, columns: NDArray[np.int64], width: int) -> sparse.csr_array:
    """Put the columns of a narrow matrix where they stand among all products (`columns` rise)."""
    matrix = sparse.csr_array(matrix)
    return sparse.csr_array((matrix.data, columns[matrix.indices], matrix.indptr), shape=(matrix.shape[0], width))
