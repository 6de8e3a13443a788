"""User neighbours: what customers with the like purchases buy."""

from typing import Self

import numpy as np
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Purchases, Rows, decay
from engine.pairs import keep_top_sparse
from engine.scorers.base import keep_top

IDF_HALF_LIFE_DAYS = 112.0
VOTE_HALF_LIFE_DAYS = 56.0
BEGUN_HALF_LIFE_DAYS = 28.0


class UserNeighbours:
    """The decayed purchases of the most similar customers, by cosine of log counts weighed by rarity.

    Similar ones are looked for among at most `pool` customers, drawn from all, so that a million customers cost no more
    than the pool.

    Source: Faggioli, Polato, Aiolli 2020 (UMAP), "Recency aware collaborative filtering for next basket recommendation"
    (UP-CF); Hu, He, Gao, Zhang 2020 (SIGIR), TIFU-KNN. The weight of rarity is that of TF-IDF.
    """

    name = "users"

    def __init__(self, neighbours: int = 100, pool: int = 4000, candidates: int = 200, seed: int = 0) -> None:
        self.neighbours, self.pool, self.candidates, self.seed = neighbours, pool, candidates, seed

    def fit(self, data: Dataset) -> Self:
        """Draw the pool, and weigh what its customers bought."""
        self.history = data.history
        buyers = np.bincount(data.history.all().product, minlength=data.shape[1])
        active = np.flatnonzero(np.diff(data.history.start))
        self._rarity = np.log(len(active) / np.maximum(buyers, 1)).astype(np.float32)
        drawn = np.random.default_rng(self.seed).permutation(active)[: self.pool]
        self._members = np.sort(drawn)
        bought = data.history.of(self._members)
        self._taste = self._vectors(bought).T.tocsr()
        self._votes = bought.matrix(np.minimum(bought.decayed(VOTE_HALF_LIFE_DAYS), np.float32(1)))
        self._begun = bought.matrix(decay(bought.first_days, BEGUN_HALF_LIFE_DAYS))
        return self

    def _vectors(self, bought: Purchases) -> sparse.csr_array:
        """(customers, products) log counts, weighed by rarity, of length 1."""
        table = bought.matrix(np.log1p(bought.decayed(IDF_HALF_LIFE_DAYS)) * self._rarity[bought.product])
        length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
        table.data /= np.repeat(np.maximum(length, 1e-9), np.diff(table.indptr)).astype(np.float32)
        return table

    def near(self, rows: Rows, bought: Purchases) -> sparse.csr_array:
        """(customers, pool) the weight of each customer's neighbours, 1 in sum; the customer is none of them."""
        alike = np.asarray((self._vectors(bought) @ self._taste).toarray(), dtype=np.float32)
        place = np.minimum(np.searchsorted(self._members, rows), max(len(self._members) - 1, 0))
        own = np.flatnonzero(self._members[place] == rows)
        alike[own, place[own]] = 0
        near = keep_top(alike, self.neighbours)
        total = np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1e-9)
        near.data /= np.repeat(total, np.diff(near.indptr)).astype(np.float32)
        return near

    def full(self, near: sparse.csr_array) -> sparse.csr_array:
        """(customers, products) the neighbours' decayed purchases, each by similarity."""
        return sparse.csr_array(near @ self._votes)

    def begun(self, near: sparse.csr_array) -> sparse.csr_array:
        """(customers, products) the same of what the neighbours have lately bought for the first time."""
        return sparse.csr_array(near @ self._begun)

    def top(self, full: sparse.csr_array) -> sparse.csr_array:
        """The highest of `full`."""
        return keep_top_sparse(full, self.candidates)

    def score(self, rows: Rows) -> sparse.csr_array:
        """The products that the most similar customers bought most."""
        return self.top(self.full(self.near(rows, self.history.of(rows))))
