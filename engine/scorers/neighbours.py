"""Neighbours: products that go with what the customer buys (a linear item-item model)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from engine.dataset import Dataset
from engine.history import Purchases, Rows, ranges
from engine.scorers.base import keep_top, most


class Neighbours:
    """EASE over the most bought products, on log counts.

    Source: Steck 2019 (WWW), "Embarrassingly Shallow Autoencoders for Sparse Data", eq. 8: with P = (X'X + l I)^-1,
    B = I - P / diag(P), so that a product never predicts itself.
    """

    name = "neighbours"

    def __init__(
        self, products: int = 5000, ridge: float = 300.0, half_life_days: float = 365.0, candidates: int = 150
    ) -> None:
        self.products, self.ridge, self.half_life_days, self.candidates = products, ridge, half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Solve the one linear system."""
        self.history = data.history
        bought = data.history.all()
        buyers = np.bincount(bought.product, minlength=data.shape[1])
        self.members = most(buyers, self.products)
        self._place = np.full(data.shape[1], -1, dtype=np.intp)
        self._place[self.members] = np.arange(len(self.members))
        self.weights = item_weights(self._counts(bought), self.ridge)
        return self

    def _counts(self, bought: Purchases) -> sparse.csr_array:
        """(customers, members) log decayed counts."""
        kept = self._place[bought.product] >= 0
        counts = np.log1p(bought.decayed(self.half_life_days)[kept])
        starts = np.searchsorted(bought.row[kept], np.arange(bought.shape[0] + 1))
        columns = self._place[bought.product[kept]]
        return sparse.csr_array((counts, columns, starts), shape=(bought.shape[0], len(self.members)))

    def dense(self, bought: Purchases) -> NDArray[np.float32]:
        """(customers, members) how strongly each of the most bought products follows from what a customer bought."""
        return np.asarray(self._counts(bought) @ self.weights, dtype=np.float32)

    def at(self, dense: NDArray[np.float32], row: NDArray[np.intp], product: NDArray[np.intp]) -> NDArray[np.float32]:
        """Values of `dense` at pairs; 0 for a product that is not among the most bought."""
        place = self._place[product]
        return np.where(place >= 0, dense[row, place], np.float32(0))

    def top(self, dense: NDArray[np.float32]) -> sparse.csr_array:
        """The highest of `dense`: (customers, products)."""
        top = keep_top(dense, self.candidates)
        shape = (len(dense), len(self._place))
        return sparse.csr_array((top.data, self.members[top.indices], top.indptr), shape=shape)

    def score(self, rows: Rows) -> sparse.csr_array:
        """Sum, over what the customer bought, how strongly each product follows from it."""
        return self.top(self.dense(self.history.of(rows)))

    def strongest(
        self, bought: Purchases, row: NDArray[np.intp], product: NDArray[np.intp], silent: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """Find the purchase that speaks most for each of some pairs.

        Args:
            bought: purchases of some customers.
            row: (pairs,) which of these customers.
            product: (pairs,) column of the product.
            silent: (products,) whose purchase is not to be told.

        Returns:
            (pairs,) column of the product bought, -1 where none speaks for it; (pairs,) on how many days; (pairs,) its
            part in what `dense` tells of the pair.
        """
        place = np.where(silent, -1, self._place)
        own = np.flatnonzero(place[bought.product] >= 0)
        start = np.searchsorted(bought.row[own], row)
        size = np.where(self._place[product] >= 0, np.searchsorted(bought.row[own], row, side="right") - start, 0)
        entry = own[ranges(start, size)]
        pair = np.repeat(np.arange(len(row)), size)
        parts = np.log1p(bought.decayed(self.half_life_days)[entry])
        parts *= self.weights[place[bought.product[entry]], self._place[product[pair]]]
        best = np.lexsort((-parts, pair))[np.cumsum(size)[size > 0] - size[size > 0]]
        best = best[parts[best] > 0]
        cause, (often, part) = np.full(len(row), -1), np.zeros((2, len(row)), dtype=np.float32)
        cause[pair[best]], often[pair[best]] = bought.product[entry[best]], bought.times[entry[best]]
        part[pair[best]] = parts[best]
        return cause, often, part


def item_weights(counts: sparse.csr_array, ridge: float) -> NDArray[np.float32]:
    """Solve for how strongly each column follows from each other one: (columns, columns), diagonal 0."""
    few = 4 * counts.shape[0] < counts.shape[1]
    inverse = _through_customers(counts, ridge) if few else _through_products(counts, ridge)
    weights = np.asarray(-inverse / np.diag(inverse), dtype=np.float32)
    weights[np.diag_indices_from(weights)] = 0
    return weights


def _through_products(counts: sparse.csr_array, ridge: float) -> NDArray[np.float32]:
    """(columns, columns) inverse of X'X + ridge I, by its Cholesky factor: half the time of a general inverse."""
    gram = (counts.T @ counts).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(ridge)
    lower = np.linalg.cholesky(gram)
    half = linalg.solve_triangular(lower, np.eye(len(gram), dtype=np.float32), lower=True, check_finite=False)
    return np.asarray(half.T @ half, dtype=np.float32)


def _through_customers(counts: sparse.csr_array, ridge: float) -> NDArray[np.float32]:
    """The same where there are few customers: (I - X' (ridge I + XX')^-1 X) / ridge, by the Woodbury identity."""
    dense = counts.toarray()
    kernel = dense @ dense.T
    kernel[np.diag_indices_from(kernel)] += np.float32(ridge)
    inverse = -(dense.T @ np.linalg.solve(kernel, dense))
    inverse[np.diag_indices_from(inverse)] += 1
    return np.asarray(inverse / np.float32(ridge), dtype=np.float32)
