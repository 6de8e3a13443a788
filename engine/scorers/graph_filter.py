"""Graph filter: what lies near the customer's purchases in the graph of all purchases, and in its broad currents."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from engine.dataset import Dataset
from engine.history import Purchases, Rows
from engine.scorers.base import keep_top, most

BLOCK = 500
"""Customers, or products, of which a dense row over all products is held at a time."""

NOISE = 1e-3
"""Of a row's best score: what is lower is a difference of larger numbers, lost in the rounding of float32."""

PASSES = 5
SPARE = 10
"""More vectors than are asked for, without which the last of those would be blurred."""

TIED = 1e-3
"""Relative difference of squared singular values that is none."""

SMALLEST = 1e-4
"""Of a squared singular value; the largest is 1. Below it there is only rounding."""


class GraphFilter:
    """A linear filter plus an ideal low-pass filter on the graph of customers and products (GF-CF).

    With R the log counts and N = Du^-1/2 R Di^-1/2, a customer's row r is scored r N'N + alpha r Di^-1/2 V V' Di^1/2,
    V being the first right singular vectors of N. Of each row of N'N the largest are kept, so that the model grows with
    the number of products and never with its square.

    Source: Shen et al. 2021 (CIKM), "How Powerful is Graph Convolution for Recommendation?", and their code
    (github.com/yshenaw/GF_CF).
    """

    name = "graph_filter"

    def __init__(
        self,
        products: int = 12_000,
        neighbours: int = 1000,
        factors: int = 64,
        alpha: float = 0.3,
        half_life_days: float = 112.0,
        candidates: int = 150,
    ) -> None:
        self.products, self.neighbours, self.factors, self.alpha = products, neighbours, factors, alpha
        self.half_life_days, self.candidates = half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Normalise the counts of the most bought products; link them, and find their low frequencies."""
        self._history = data.history
        bought = data.history.all()
        buyers = np.bincount(bought.product, minlength=data.shape[1])
        self.members = most(buyers, self.products)
        normal, root = _normalised(self._counts(bought))
        self._links = _links(normal, self.neighbours)
        low = _low_frequencies(normal, self.factors)
        self._into = low / np.where(root > 0, root, 1)[:, None]
        self._out_of = np.float32(self.alpha) * (low * root[:, None]).T
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """Pass what each customer bought through both filters; also what was bought already is scored."""
        parts = [self._block(part) for part in np.split(rows, range(BLOCK, len(rows), BLOCK))]
        top = sparse.csr_array(sparse.vstack(parts, format="csr"))
        shape = (len(rows), self._history.shape[1])
        return sparse.csr_array((top.data, self.members[top.indices], top.indptr), shape=shape)

    def _block(self, rows: Rows) -> sparse.csr_array:
        own = self._counts(self._history.of(rows))
        scores = (own @ self._into) @ self._out_of
        scores += own @ self._links
        scores[scores < NOISE * scores.max(axis=1, keepdims=True)] = 0
        return keep_top(scores, self.candidates)

    def _counts(self, bought: Purchases) -> sparse.csr_array:
        """(customers, members) log decayed counts."""
        counts = sparse.csr_array(bought.matrix(np.log1p(bought.decayed(self.half_life_days)))[:, self.members])
        counts.eliminate_zeros()
        return counts


def _normalised(counts: sparse.csr_array) -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Divide counts by the root of the sums of their row and column; the second is the root of those of columns."""
    of_rows, of_columns = (np.sqrt(np.asarray(counts.sum(axis=axis), dtype=np.float32)) for axis in (1, 0))
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    values = counts.data / (of_rows[row] * of_columns[counts.indices])
    return sparse.csr_array((values, counts.indices, counts.indptr), shape=counts.shape), of_columns


def _links(normal: sparse.csr_array, most: int) -> sparse.csr_array:
    """The largest entries of each row of N'N: (products, products)."""
    turned = normal.T.tocsr()
    starts = range(0, turned.shape[0], BLOCK)
    parts = [keep_top((turned[at : at + BLOCK] @ normal).toarray(), most) for at in starts]
    return sparse.csr_array(sparse.vstack(parts, format="csr"))


def _low_frequencies(normal: sparse.csr_array, most: int) -> NDArray[np.float32]:
    """The first right singular vectors: (products, at most `most`).

    Found on the side of the products alone: what is as long as there are customers is never held dense, as it is in
    `sklearn.utils.extmath.randomized_svd`.

    Source: Halko, Martinsson, Tropp 2011 (SIAM Review 53), algorithm 4.4, with A'A for A.
    """
    size = normal.shape[1]
    basis = np.random.default_rng(0).standard_normal((size, min(most + SPARE, size)), dtype=np.float32)
    for _ in range(PASSES):
        basis = linalg.qr(basis, mode="economic", overwrite_a=True, check_finite=False)[0]
        image = _twice(normal, basis)
        basis, last = image, basis
    strength, turn = linalg.eigh(last.T @ image)
    # Which of equals is the last one is chance: they stay together.
    least = strength[-most] * (1 - TIED) if most < len(strength) else 0
    found: NDArray[np.float32] = last @ turn[:, strength > max(least, SMALLEST)]
    return found


def _twice(normal: sparse.csr_array, basis: NDArray[np.float32]) -> NDArray[np.float32]:
    """N'N times a dense matrix, over blocks of customers."""
    total = np.zeros_like(basis)
    step = 100 * BLOCK
    for start in range(0, normal.shape[0], step):
        part = normal[start : start + step]
        total += part.T @ (part @ basis)
    return total
