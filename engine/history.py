"""Each customer's purchases by day, so that a partition of customers is described without a table of all of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Rows = NDArray[np.intp]
"""(n,) row numbers of customers; -1 stands for one who is not known."""


@dataclass(frozen=True)
class Purchases:
    """The purchases of some customers: entries are days, pairs are (customer, product), sorted by both.

    Attributes:
        shape: customers asked for, products.
        start: (pairs + 1,) where the entries of each pair begin.
        age_days: (entries,) days since each purchase, newest first within a pair.
        row: (pairs,) which of the asked customers.
        product: (pairs,) column of the product.
    """

    shape: tuple[int, int]
    start: NDArray[np.intp]
    age_days: NDArray[np.float32]
    row: NDArray[np.int32]
    product: NDArray[np.int32]

    @cached_property
    def times(self) -> NDArray[np.float32]:
        """(pairs,) on how many days it was bought."""
        return np.diff(self.start).astype(np.float32)

    @property
    def last_days(self) -> NDArray[np.float32]:
        """(pairs,) days since the last purchase."""
        return self.age_days[self.start[:-1]]

    @property
    def first_days(self) -> NDArray[np.float32]:
        """(pairs,) days since the first purchase."""
        return self.age_days[self.start[1:] - 1]

    @cached_property
    def gap_days(self) -> NDArray[np.float32]:
        """(pairs,) mean days between purchases; 0 when it was bought once."""
        gap = (self.first_days - self.last_days) / np.maximum(self.times - 1, 1)
        return np.asarray(gap, dtype=np.float32)

    def decayed(self, half_life_days: float) -> NDArray[np.float32]:
        """(pairs,) purchases, each worth half for every `half_life_days` of its age."""
        return sum_runs(decay(self.age_days, half_life_days), self.start)

    def matrix(self, values: NDArray[np.float32]) -> sparse.csr_array:
        """Lay out a value of each pair as (customers asked for, products)."""
        starts = np.searchsorted(self.row, np.arange(self.shape[0] + 1))
        return sparse.csr_array((values, self.product, starts), shape=self.shape)


class History:
    """The days on which every customer bought every product.

    Args:
        customer: (lines,) row number of the buyer, in ascending order.
        product: (lines,) column of the product, in ascending order within a customer.
        age_days: (lines,) days since the purchase, in ascending order within a product.
        shape: customers, products.
    """

    def __init__(
        self,
        customer: NDArray[np.int32],
        product: NDArray[np.int32],
        age_days: NDArray[np.float32],
        shape: tuple[int, int],
    ) -> None:
        first = _starts_a_day(customer, product, age_days)
        self.shape = shape
        self.product, self.age_days = product[first], age_days[first]
        self.start = np.searchsorted(customer[first], np.arange(shape[0] + 1))

    def of(self, rows: Rows) -> Purchases:
        """The purchases of some customers, in the order asked."""
        known = np.maximum(rows, 0)
        sizes = np.where(rows >= 0, self.start[known + 1] - self.start[known], 0)
        entries = ranges(self.start[known], sizes)
        row = np.repeat(np.arange(len(rows), dtype=np.int32), sizes)
        return _by_pair(row, self.product[entries], self.age_days[entries], (len(rows), self.shape[1]))

    def all(self) -> Purchases:
        """The purchases of everybody."""
        customer = np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.start))
        return _by_pair(customer, self.product, self.age_days, self.shape)


def decay(age_days: NDArray[np.float32], half_life_days: float) -> NDArray[np.float32]:
    """Weigh purchases by age: half for every `half_life_days`.

    >>> decay(np.array([0, 7, 14], dtype=np.float32), 7).tolist()
    [1.0, 0.5, 0.25]
    """
    weight: NDArray[np.float32] = np.exp2(age_days * np.float32(-1 / half_life_days))
    return weight


def sum_runs(values: NDArray[np.float32], start: NDArray[np.intp]) -> NDArray[np.float32]:
    """Sum runs of values, none of them empty: run n is values[start[n]:start[n + 1]].

    >>> sum_runs(np.array([1, 2, 3], dtype=np.float32), np.array([0, 2, 3])).tolist()
    [3.0, 3.0]
    """
    return np.add.reduceat(values, start[:-1]) if len(start) > 1 else values[:0]


def ranges(start: NDArray[np.intp], size: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number the places of several ranges, one after the other.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(size)
    places: NDArray[np.intp] = np.arange(ends[-1] if len(ends) else 0) + np.repeat(start - (ends - size), size)
    return places


def _starts_a_day(
    customer: NDArray[np.int32], product: NDArray[np.int32], age_days: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """The first line of each customer, product and day."""
    day = np.floor(age_days)
    first = np.ones(len(customer), dtype=bool)
    first[1:] = (np.diff(customer) != 0) | (np.diff(product) != 0) | (np.diff(day) != 0)
    return first


def _by_pair(
    row: NDArray[np.int32],
    product: NDArray[np.int32],
    age_days: NDArray[np.float32],
    shape: tuple[int, int],
) -> Purchases:
    first = np.ones(len(row), dtype=bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(product) != 0)
    places = np.flatnonzero(first)
    return Purchases(shape, np.append(places, len(row)), age_days, row[places], product[places])
