"""What goes with the products the customer bought."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, sparse

from engine.dataset import Dataset
from engine.scorers.base import Evidence, scale_rows, top_per_row, widen


@dataclass
class GoesWith:
    """A linear item model: how much each product speaks for each other one, in closed form.

    Source: Steck 2019 (WWW), "Embarrassingly shallow autoencoders": B = I - P / diag(P), P = (X'X + ridge I)^-1,
    here on log counts of the best sold products, each product keeping the `links` that speak for it most.
    """

    products: int = 6_000
    ridge: float = 1_000.0
    links: int = 300
    depth: int = 300
    name: ClassVar[str] = "goes_with"

    def fit(self, dataset: Dataset) -> Self:
        """Solve for the links between products."""
        self.columns = dataset.best_sold(self.products)
        self.product_count, self.as_of = dataset.shape[1], dataset.as_of
        counts = sparse.csr_array(dataset.matrix(np.ones(len(dataset.lines)))[:, self.columns])
        counts.data = np.log1p(counts.data)
        self.counts = counts
        gram = (counts.T @ counts).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += self.ridge
        inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
        inverse /= -np.diag(inverse)
        inverse[np.diag_indices_from(inverse)] = 0
        np.maximum(inverse, 0, out=inverse)
        self.weights = sparse.csr_array(top_per_row(sparse.csr_array(inverse.T), self.links).T)
        ages = dataset.pairs["last_days"].to_numpy()
        places = (dataset.pairs["customer"], dataset.pairs["product"])
        self._last = sparse.csr_array((ages, places), shape=dataset.shape)
        return self

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Add up what all bought products say, as shares of the best."""
        scores = top_per_row(sparse.csr_array(self.counts[customers] @ self.weights), self.depth)
        return widen(scale_rows(scores, scores.max(axis=1).toarray().ravel()), self.columns, self.product_count)

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Name the bought product that speaks loudest for this one, and when it was last bought."""
        place = int(np.searchsorted(self.columns, product))
        if customer < 0 or place == len(self.columns) or self.columns[place] != product:
            return None
        bought = sparse.csr_array(self.counts[[customer]])
        said = bought.data * self.weights[bought.indices, np.full(bought.nnz, place)]
        if not bought.nnz or said.max() <= 0:
            return None
        loudest = int(self.columns[bought.indices[int(said.argmax())]])
        last = self.as_of - pd.Timedelta(days=float(self._last[customer, loudest]))
        return Evidence("goes_with", {"product": loudest, "bought_at": f"{last:%Y-%m-%d}"})
