"""Sales: what is known of each product from all customers: how much, how lately, how often again."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.dataset import Dataset
from engine.history import Purchases, decay
from engine.pairs import Values

NAMES = [
    "buyers",
    "purchases per buyer",
    "share of buyers who bought again",
    "usual gap",
    "votes, half-life 3.5 days",
    "votes, half-life 14 days",
    "votes, half-life 56 days",
    "sold last week",
    "sold the week before",
    "sold in 4 weeks",
    "trend of the week",
    "trend of 4 weeks",
    "days on sale",
    "share of kind",
    "usual price",
    "price now over usual",
    "new buyers last week",
    "new buyers in 4 weeks",
    "share of new buyers",
]
"""The columns of `Sales.table`."""


class Sales:
    """Facts of products.

    Attributes:
        table: (products, facts) one column for each of `NAMES`.
        share_of_kind: (products,) the product's part of the kind's purchases of the last four weeks.
        gap_days: (products,) mean days between the purchases of those who bought again; 0 if nobody did.
    """

    def __init__(self, data: Dataset, kind: NDArray[np.intp]) -> None:
        self._size = data.shape[1]
        bought = data.history.all()
        buyers = self._sum(bought.product)
        per_buyer = self._sum(bought.product, bought.times) / np.maximum(buyers, 1)
        again = bought.times > 1
        repeaters = self._sum(bought.product[again])
        self.gap_days = self._sum(bought.product[again], bought.gap_days[again]) / np.maximum(repeaters, 1)
        entry = data.history.product
        age = data.history.age_days
        week, fortnight, month, season = (
            self._sum(entry[(age > newest) & (age <= oldest)])
            for newest, oldest in ((-1, 7), (7, 14), (-1, 28), (28, 84))
        )
        self.share_of_kind = (month / np.maximum(np.bincount(kind, month)[kind], 1)).astype(np.float32)
        price, now = _prices(data)
        columns: list[NDArray[Any]] = [
            buyers,
            per_buyer,
            repeaters / np.maximum(buyers, 1),
            self.gap_days,
            *self._votes(bought),
            week,
            fortnight,
            month,
            week / np.maximum(month / 4, 0.25),
            (month / 4) / np.maximum(season / 8, 0.125),
            self._oldest(entry, age),
            self.share_of_kind,
            price,
            now,
            *self._new_buyers(bought),
        ]
        self.table: Values = np.column_stack(columns).astype(np.float32)

    def _sum(self, product: NDArray[np.int32], values: Values | None = None) -> Values:
        return np.bincount(product, values, minlength=self._size).astype(np.float32)

    def _votes(self, bought: Purchases) -> list[Values]:
        return [self._sum(bought.product, decay(bought.last_days, days)) for days in (3.5, 14, 56)]

    def _new_buyers(self, bought: Purchases) -> list[NDArray[Any]]:
        """Who bought it for the first time, and their part of all who bought it in four weeks."""
        first, last = bought.first_days, bought.last_days
        week, month, all_of_month = (
            self._sum(bought.product[days <= most]) for days, most in ((first, 7), (first, 28), (last, 28))
        )
        return [week, month, month / np.maximum(all_of_month, 1)]

    def _oldest(self, product: NDArray[np.int32], age_days: Values) -> Values:
        oldest = np.zeros(self._size, dtype=np.float32)
        np.maximum.at(oldest, product, age_days)
        return oldest


def _prices(data: Dataset) -> tuple[Values, Values]:
    """(products,) the median price ever, and the mean price of the last week over it; 1 where nothing tells."""
    lines = pd.DataFrame({"product": data.product, "price": data.price})
    usual = _by_product(lines.groupby("product")["price"].median(), data)
    now = _by_product(lines[data.age_days <= 7].groupby("product")["price"].mean(), data)
    ratio = np.where(np.isnan(now) | (usual == 0), 1, now / np.where(usual == 0, 1, usual))
    return np.nan_to_num(usual), np.nan_to_num(ratio, nan=1).astype(np.float32)


def _by_product(values: pd.Series, data: Dataset) -> Values:
    return values.reindex(range(data.shape[1])).to_numpy(np.float32)
