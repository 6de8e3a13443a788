"""What the customer buys again and again."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Evidence, scale_rows


@dataclass
class Repeat:
    """Own orders of each product, an order losing half its weight per `half_life_days`, as shares of the best."""

    half_life_days: float = 80.0
    name: ClassVar[str] = "repeat"

    def fit(self, dataset: Dataset) -> Self:
        """Count decayed orders, and keep how often and how long ago."""
        counts = dataset.decayed(self.half_life_days)
        self.scores = scale_rows(counts, counts.max(axis=1).toarray().ravel())
        pairs = dataset.pairs
        self.as_of = dataset.as_of
        keys = pairs["customer"].to_numpy(np.int64) * dataset.shape[1] + pairs["product"].to_numpy(np.int64)
        self._history = pairs[["orders", "first_days", "last_days"]].set_axis(pd.Index(keys))
        return self

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Score what each customer bought before."""
        return sparse.csr_array(self.scores[customers])

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Say how many orders held it, how far apart they were, and how long ago the last one was."""
        key = customer * self.scores.shape[1] + product
        if customer < 0 or key not in self._history.index:
            return None
        orders, first, last = self._history.loc[key]
        facts = {"orders": int(orders), "days_ago": round(float(last), 1)}
        facts["last_at"] = f"{self.as_of - pd.Timedelta(days=float(last)):%Y-%m-%d}"
        if orders >= 3 and first - last >= 3:
            facts["gap_days"] = round(float((first - last) / (orders - 1)), 1)
        return Evidence("repeat", facts)


def due(orders: NDArray[np.int64], first_days: NDArray[np.float64], last_days: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell whether a product is due again: at least 3 orders, and the last about one mean gap ago.

    >>> due(np.array([2, 3, 1]), np.array([24.0, 24.0, 9.0]), np.array([12.0, 2.0, 9.0])).tolist()
    [False, False, False]
    >>> due(np.array([4]), np.array([40.0]), np.array([10.0])).tolist()
    [True]
    """
    gaps = (first_days - last_days) / np.maximum(orders - 1, 1)
    answer: NDArray[np.bool_] = (orders >= 3) & (last_days >= 0.9 * gaps) & (gaps > 0)
    return answer
