"""Popularity: what many customers bought lately, overall and in each segment."""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import History, Rows
from engine.scorers.base import most
from engine.scorers.lift import lift_of_groups


def votes(history: History, half_life_days: float) -> sparse.csr_array:
    """Sum each customer's decayed purchases of a product, at most 1: one heavy buyer is one vote.

    Returns:
        (customers, products) float32, above 0 and at most 1.
    """
    bought = history.all()
    return bought.matrix(np.minimum(bought.decayed(half_life_days), np.float32(1)))


class Popularity:
    """Buyers of each product, time-decayed; the same for everyone, so it is also what a newcomer gets.

    Attributes (after fit):
        popular: (products,) decayed votes.
    """

    name = "popularity"

    def __init__(self, half_life_days: float = 14.0, candidates: int = 200) -> None:
        self.half_life_days, self.candidates = half_life_days, candidates

    def fit(self, data: Dataset) -> Self:
        """Count the votes."""
        self.popular = np.asarray(votes(data.history, self.half_life_days).sum(axis=0), dtype=np.float32).ravel()
        self.top = most(self.popular, self.candidates)
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """The most popular products, for everyone the same."""
        n, size = len(rows), len(self.top)
        values, columns = np.tile(self.popular[self.top], n), np.tile(self.top, n)
        return sparse.csr_array((values, columns, np.arange(n + 1) * size), shape=(n, len(self.popular)))


class SegmentPopularity:
    """What many customers of a segment bought, and more so than everybody; segments are named after the fit."""

    def __init__(self, half_life_days: float = 28.0) -> None:
        self.half_life_days = half_life_days

    def fit(self, data: Dataset) -> Self:
        """Keep the purchases."""
        self.history = data.history
        return self

    def top(self, segment: NDArray[np.intp], size: int) -> pd.DataFrame:
        """Find the top products of each segment; one without votes has none.

        Args:
            segment: (customers,) number of the segment; -1: in none.
            size: products for each segment, at most.

        Returns:
            segment, product (its column), score (share of the segment's votes times the root of the lift), lift;
            by segment, best first.
        """
        found = lift_of_groups(votes(self.history, self.half_life_days), segment, int(segment.max(initial=-1)) + 1)
        score = found.share * np.sqrt(np.maximum(found.lift, 0))
        best = np.argsort(-score, axis=1, kind="stable")[:, :size]
        number = np.repeat(np.arange(len(best)), best.shape[1])
        table = pd.DataFrame({"segment": number, "product": best.ravel()})
        table["score"] = score[number, best.ravel()]
        table["lift"] = found.lift[number, best.ravel()]
        return table.loc[table["score"] > 0].reset_index(drop=True)
