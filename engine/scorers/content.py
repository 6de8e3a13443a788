"""What is like the products the customer bought: same category, brand, size words."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.dataset import Dataset
from engine.scorers.base import Evidence, scale_rows, top_per_row, unit_rows, widen


@dataclass
class Content:
    """Cosine between a customer's words and a product's words (TF-IDF)."""

    products: int = 6_000
    half_life_days: float = 80.0
    depth: int = 100
    name: ClassVar[str] = "content"

    def fit(self, dataset: Dataset) -> Self:
        """Weigh words by how seldom they are, and add them up per customer."""
        fields = dataset.products[["category_path", "brand", "size"]].fillna("").astype(str)
        texts = fields["category_path"] + " " + fields["brand"] + " " + fields["size"] + " product"
        words = sparse.csr_array(TfidfVectorizer(dtype=np.float32).fit_transform(texts))
        self.columns = dataset.best_sold(self.products)
        self.width = dataset.shape[1]
        self._customers = unit_rows(sparse.csr_array(dataset.decayed(self.half_life_days) @ words))
        self._products = sparse.csr_array(words[self.columns].T)
        return self

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Compare each customer's words with those of the best sold products."""
        scores = top_per_row(sparse.csr_array(self._customers[customers] @ self._products), self.depth)
        return widen(scale_rows(scores, scores.max(axis=1).toarray().ravel()), self.columns, self.width)

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Say that it is like what the customer buys."""
        scored = customer >= 0 and self.score(np.array([customer]))[0, product] > 0
        return Evidence("content") if scored else None
