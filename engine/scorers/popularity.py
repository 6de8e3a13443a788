"""What everybody buys now; the only answer for a customer nobody knows."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Evidence


@dataclass
class Popularity:
    """Orders of each product, an order losing half its weight per `half_life_days`."""

    half_life_days: float = 28.0
    depth: int = 500
    name: ClassVar[str] = "popularity"

    def fit(self, dataset: Dataset) -> Self:
        """Count decayed orders of all customers."""
        weights = np.exp2(-dataset.lines["age_days"].to_numpy() / self.half_life_days)
        counts = np.bincount(dataset.lines["product"], weights, minlength=dataset.shape[1])
        self.order = np.argsort(-counts, kind="stable")
        self.shares = (counts / counts.max()).astype(np.float32)
        return self

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Give everyone the same `depth` products."""
        top = np.sort(self.order[: self.depth])
        ends = np.arange(len(customers) + 1) * len(top)
        places = (np.tile(self.shares[top], len(customers)), np.tile(top, len(customers)), ends)
        return sparse.csr_array(places, shape=(len(customers), len(self.shares)))

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Say the place among all products, 1 for the most bought."""
        return Evidence("popular", {"place": int(np.flatnonzero(self.order == product)[0]) + 1})
