"""Offers: what is on offer in the coming week, of the kinds that a customer buys."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Rows
from engine.scorers.kinds import KindAffinity

FEWEST_SOLD = 3


class Offers:
    """Affinity to the kind, times the root of the sales, of what an announced offer runs for.

    Nobody but those who buy the kind gets such a candidate, so an offer alone is never the reason for a pick.

    Attributes (after fit):
        running: (products,) whether an announced offer runs in the week after the fit.
    """

    name = "offers"

    def __init__(self, candidates: int = 60) -> None:
        self.candidates = candidates

    def fit(self, data: Dataset, kinds: KindAffinity | None = None) -> Self:
        """Find what is on offer.

        Args:
            data: what is known.
            kinds: fitted on the same; made here if not given.
        """
        self.kinds = kinds or KindAffinity().fit(data)
        age = data.history.age_days
        recent = np.bincount(data.history.product[(age > 28) & (age <= 84)], minlength=data.shape[1])
        self._sold = (self.kinds.sold + recent / 3).astype(np.float32)
        self.running = data.on_offer
        self._shelf = np.flatnonzero(self.running & (self._sold > FEWEST_SOLD))
        return self

    def top(self, drawn: NDArray[np.float32]) -> sparse.csr_array:
        """The best offers for customers of whom it is known to what kinds they are drawn: (customers, products)."""
        return self.kinds.best(drawn, self._shelf, self._sold, self.candidates)

    def score(self, rows: Rows) -> sparse.csr_array:
        """Affinity to the kind, times the root of the last twelve weeks' sales."""
        return self.top(self.kinds.affinity(rows))
