"""Repeat: what the customer buys again and again, and when it is due."""

from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Rows, known_rows


class Repeat:
    """Own purchases, time-decayed, with the personal gap between them.

    Attributes (after fit), each (customers, products) over what the customer has bought:
        decayed: purchases with a half-life.
        times: on how many days it was bought.
        last_days: days since the last purchase.
        gap_days: mean days between purchases; 0 when it was bought once.
    """

    name = "repeat"

    def __init__(self, half_life_days: float = 112.0) -> None:
        self.half_life_days = half_life_days

    def fit(self, data: Dataset) -> Self:
        """Gather each pair's purchases, one a day."""
        lines = pd.DataFrame(
            {"c": data.customer, "p": data.product, "age": data.age_days, "day": np.floor(data.age_days)}
        )
        days = lines.groupby(["c", "p", "day"], sort=True)["age"].min().reset_index()
        days["weight"] = np.exp2(-days["age"] / self.half_life_days)
        pairs = days.groupby(["c", "p"], sort=True).agg(
            weight=("weight", "sum"), times=("day", "size"), last=("age", "min"), first=("age", "max")
        )
        customers, products = pairs.index.get_level_values(0), pairs.index.get_level_values(1)
        gap = np.where(pairs["times"] > 1, (pairs["first"] - pairs["last"]) / (pairs["times"] - 1).clip(lower=1), 0)

        def spread(values: object) -> sparse.csr_array:
            table = sparse.coo_array((np.asarray(values, dtype=np.float32), (customers, products)), shape=data.shape)
            return table.tocsr()

        self.decayed, self.times = spread(pairs["weight"]), spread(pairs["times"])
        # A hair above 0, so that "bought just now" is still an entry of the sparse table.
        self.last_days, self.gap_days = spread(pairs["last"].clip(lower=1e-3)), spread(gap)
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """The customer's own products, by decayed purchases."""
        return known_rows(self.decayed, rows)
