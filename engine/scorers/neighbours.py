"""What customers with a like taste buy."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Evidence, scale_rows, top_per_row, unit_rows, widen


@dataclass
class Neighbours:
    """The mean decayed orders of the nearest customers by cosine.

    At most `references` customers can be neighbours (evenly spread over the ids), so that a million
    customers cost a million rows, not a million squared.

    Source: Hu, He, Gao, Zhang 2020 (SIGIR), "Modeling personalized item frequency information", without groups.
    """

    neighbours: int = 200
    products: int = 6_000
    half_life_days: float = 80.0
    references: int = 20_000
    depth: int = 300
    name: ClassVar[str] = "neighbours"

    def fit(self, dataset: Dataset) -> Self:
        """Keep every customer's decayed orders, at length 1."""
        self.columns = dataset.best_sold(self.products)
        self.width = dataset.shape[1]
        self.tastes = unit_rows(sparse.csr_array(dataset.decayed(self.half_life_days)[:, self.columns]))
        customers = dataset.shape[0] - 1
        count = min(self.references, customers)
        self.reference = np.unique(np.linspace(0, customers - 1, count).round().astype(np.int64))
        self._theirs = sparse.csr_array(self.tastes[self.reference])
        self._turned = sparse.csr_array(self._theirs.T)
        return self

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Average the nearest customers' tastes, as shares of the best."""
        near = sparse.csr_array(self.tastes[customers] @ self._turned).tocoo()
        other = self.reference[near.col] != customers[near.row]
        places = (near.row[other], near.col[other])
        likeness = top_per_row(sparse.csr_array((near.data[other], places), shape=near.shape), self.neighbours)
        scores = top_per_row(sparse.csr_array(likeness @ self._theirs), self.depth)
        return widen(scale_rows(scores, scores.max(axis=1).toarray().ravel()), self.columns, self.width)

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Say only that it was scored; who the neighbours are is nobody's business."""
        scored = customer >= 0 and self.score(np.array([customer]))[0, product] > 0
        return Evidence("neighbours") if scored else None
