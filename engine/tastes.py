"""Tastes: which kinds of product a customer buys and how lately, and how large a product stands within its kind."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Rows, known_rows, values_at

HALF_LIFE_DAYS = 56.0
NEVER_DAYS = 999.0


class Tastes:
    """What is known of a pair beyond the product itself: a kind is a whole category path, an aisle its widest level.

    Args:
        data: what was bought.
        popular: (products,) how much each sells now.
    """

    def __init__(self, data: Dataset, popular: NDArray[np.float32]) -> None:
        paths = data.catalog["category_path"]
        self._kind = pd.factorize(paths)[0]
        self._aisle = pd.factorize(paths.str.split(" > ").str[0])[0]
        weight = data.decayed(HALF_LIFE_DAYS)
        self._kinds, self._aisles = _sums(data, self._kind, weight), _sums(data, self._aisle, weight)
        self._last = _newest(data, self._kind)
        self._total = np.bincount(data.customer, weight, minlength=data.shape[0]).astype(np.float32)
        self._quiet = np.full(data.shape[0], NEVER_DAYS, dtype=np.float32)
        np.minimum.at(self._quiet, data.customer, data.age_days)
        self._share = popular / np.maximum(np.bincount(self._kind, popular)[self._kind], 1e-6)
        self._short, self._long = data.matrix(data.decayed(28.0)), data.matrix(data.decayed(365.0))

    def features(self, rows: Rows, row: NDArray[np.intp], product: NDArray[np.intp]) -> list[NDArray[np.float32]]:
        """Describe candidate pairs.

        Returns:
            eight columns of (pairs,): the customer's purchases of the kind, days since the last of them, the kind's and
            the aisle's share of all the customer buys, the product's share of its kind, the customer's days since any
            purchase, and own purchases that fade fast and slowly.
        """
        kind, aisle = self._kind[product], self._aisle[product]
        known = rows >= 0
        total = np.where(known, self._total[rows], 0)[row]
        taste = values_at(known_rows(self._kinds, rows), row, kind)
        last = values_at(known_rows(self._last, rows), row, kind)
        columns = [
            taste,
            np.where(last > 0, last, NEVER_DAYS),
            taste / np.maximum(total, 1e-3),
            values_at(known_rows(self._aisles, rows), row, aisle) / np.maximum(total, 1e-3),
            self._share[product],
            np.where(known, self._quiet[rows], NEVER_DAYS)[row],
            values_at(known_rows(self._short, rows), row, product),
            values_at(known_rows(self._long, rows), row, product),
        ]
        return [np.asarray(values, dtype=np.float32) for values in columns]


def _sums(data: Dataset, group: NDArray[np.intp], weight: NDArray[np.float32]) -> sparse.csr_array:
    """(customers, groups) of summed weights."""
    shape = (data.shape[0], int(group.max()) + 1)
    return sparse.coo_array((weight, (data.customer, group[data.product])), shape=shape).tocsr()


def _newest(data: Dataset, group: NDArray[np.intp]) -> sparse.csr_array:
    """(customers, groups) of days since the newest purchase; above 0, so that it is an entry."""
    ages = pd.DataFrame({"c": data.customer, "g": group[data.product], "age": data.age_days})
    newest = ages.groupby(["c", "g"], sort=True)["age"].min().clip(lower=1e-3)
    where = (newest.index.get_level_values(0), newest.index.get_level_values(1))
    shape = (data.shape[0], int(group.max()) + 1)
    return sparse.coo_array((newest.to_numpy(np.float32), where), shape=shape).tocsr()
