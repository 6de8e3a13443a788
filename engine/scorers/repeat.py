"""Repeat: what the customer buys again and again."""

from typing import Self

from scipy import sparse

from engine.dataset import Dataset
from engine.history import Purchases, Rows
from engine.pairs import keep_top_sparse


class Repeat:
    """Own purchases, one a day, time-decayed."""

    name = "repeat"

    def __init__(self, half_life_days: float = 112.0, candidates: int = 200) -> None:
        self.half_life_days, self.candidates = half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Keep the purchases: there is nothing to learn from others."""
        self.history = data.history
        return self

    def top(self, bought: Purchases) -> sparse.csr_array:
        """The products that customers bought most, by decayed purchases: (customers, products)."""
        return keep_top_sparse(bought.matrix(bought.decayed(self.half_life_days)), self.candidates)

    def score(self, rows: Rows) -> sparse.csr_array:
        """The customer's own products, by decayed purchases."""
        return self.top(self.history.of(rows))
