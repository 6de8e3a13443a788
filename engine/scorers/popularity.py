"""Popularity: what many customers bought lately."""

from typing import Self

import numpy as np
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Rows


class Popularity:
    """Buyers of each product, time-decayed; the same for everyone, so it is also what a newcomer gets."""

    name = "popularity"

    def __init__(self, half_life_days: float = 14.0, candidates: int = 200) -> None:
        self.half_life_days, self.candidates = half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Sum each customer's decayed purchases of a product, at most 1, so that one heavy buyer is one vote."""
        newest = sparse.coo_array((data.decayed(self.half_life_days), (data.customer, data.product)), shape=data.shape)
        votes = newest.tocsr()
        votes.data = np.minimum(votes.data, 1.0)
        self.popular = np.asarray(votes.sum(axis=0), dtype=np.float32).ravel()
        order = np.argsort(-self.popular, kind="stable")[: self.candidates]
        self._top = np.sort(order[self.popular[order] > 0])
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """The most popular products, for everyone the same."""
        n, size = len(rows), len(self._top)
        starts = np.arange(n + 1) * size
        return sparse.csr_array(
            (np.tile(self.popular[self._top], n), np.tile(self._top, n), starts), shape=(n, len(self.popular))
        )
