"""Neighbours: products that go with what the customer buys (a linear item-item model)."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from engine.dataset import Dataset
from engine.scorers.base import Rows, keep_top, known_rows


class Neighbours:
    """EASE over the most sold products, on log counts.

    Source: Steck 2019 (WWW), "Embarrassingly Shallow Autoencoders for Sparse Data", eq. 8: with P = (X'X + l I)^-1,
    B = I - P / diag(P), so that a product never predicts itself.
    """

    name = "neighbours"

    def __init__(
        self, products: int = 4000, ridge: float = 300.0, half_life_days: float = 180.0, candidates: int = 150
    ) -> None:
        self.products, self.ridge, self.half_life_days, self.candidates = products, ridge, half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Solve the one linear system."""
        counts = data.matrix(data.decayed(self.half_life_days))
        counts.data = np.log1p(counts.data)
        buyers = np.bincount(counts.indices, minlength=data.shape[1])
        order = np.argsort(-buyers, kind="stable")[: self.products]
        self.members: NDArray[np.intp] = np.sort(order[buyers[order] > 0])
        self.bought = counts[:, self.members].tocsr()
        gram = (self.bought.T @ self.bought).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += np.float32(self.ridge)
        inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
        weights = -inverse / np.diag(inverse)
        weights[np.diag_indices_from(weights)] = 0
        self.weights: NDArray[np.float32] = weights.astype(np.float32)
        self._width = data.shape[1]
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """Sum, over what the customer bought, how strongly each product follows from it."""
        top = keep_top(np.asarray(known_rows(self.bought, rows) @ self.weights, dtype=np.float32), self.candidates)
        return sparse.csr_array((top.data, self.members[top.indices], top.indptr), shape=(len(rows), self._width))

    def strongest(self, row: int, product: int) -> int | None:
        """The product whose purchase speaks most for `product`; None if none does."""
        place = np.searchsorted(self.members, product)
        if row < 0 or place == len(self.members) or self.members[place] != product:
            return None
        own = self.bought[[row]]
        if own.nnz == 0:
            return None
        parts = own.data * self.weights[own.indices, place]
        return int(self.members[own.indices[np.argmax(parts)]]) if parts.max() > 0 else None
