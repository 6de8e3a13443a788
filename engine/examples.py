"""Examples: what the scorers proposed before a past week, and what was bought in it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Rows
from engine.moment import Moment
from engine.pairs import Values, values_at

WEEK_DAYS = 7.0
PARTITION = 500
"""Customers described at a time; what bounds memory."""
FEWEST_CUSTOMERS = 20
"""A past week teaches nothing when fewer customers bought before it and in it."""


@dataclass(frozen=True)
class Examples:
    """Candidate pairs of past weeks, sorted by week and customer.

    Attributes:
        features: (pairs, features).
        hit: (pairs,) whether the customer bought the product in the week.
        weight: (pairs,) how many pairs each stands for: misses are sampled.
        customer: (pairs,) row number of the customer.
        week: (pairs,) weeks back.
    """

    features: Values
    hit: NDArray[np.bool_]
    weight: Values
    customer: NDArray[np.int32]
    week: NDArray[np.int32]

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Some of the pairs."""
        return type(self)(self.features[kept], self.hit[kept], self.weight[kept], self.customer[kept], self.week[kept])

    @property
    def groups(self) -> NDArray[np.intp]:
        """(customer-weeks,) how many pairs each has."""
        turn = (np.diff(self.customer) != 0) | (np.diff(self.week) != 0)
        return np.diff(np.concatenate([[0], np.flatnonzero(turn) + 1, [len(self.hit)]]))


def joined(parts: list[Examples]) -> Examples:
    """All pairs of several, in the order given."""
    names = ("features", "hit", "weight", "customer", "week")
    return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Sample:
    """Whom to learn from, and how many of the misses to keep.

    Attributes:
        fold: (customers,) which part each customer belongs to; customers of part 0 keep all their misses.
        most: customers of a week, at most; drawn by chance if there are more.
        misses: share of the other customers' misses that is kept.
        seed: of the draws.
    """

    fold: NDArray[np.intp]
    most: int
    misses: float
    seed: int


def of_week(data: Dataset, weeks_back: int, sample: Sample) -> Iterator[Examples]:
    """Make the examples of one past week, a partition of customers at a time; nothing if too few bought in it.

    The scorers are fitted strictly before the week.

    Args:
        data: what is known now.
        weeks_back: 0 for the week that ends now.
        sample: of whom.
    """
    begins, ends = (weeks_back + 1) * WEEK_DAYS, weeks_back * WEEK_DAYS
    past = data.before(begins)
    in_week = (data.age_days <= begins) & (data.age_days > ends)
    customer, product = data.customer[in_week], data.product[in_week]
    judged = np.intersect1d(past.customer, customer)
    if len(judged) < FEWEST_CUSTOMERS:
        return
    rng = np.random.default_rng((sample.seed, weeks_back))
    judged = np.sort(rng.permutation(judged)[: sample.most])
    bought = sparse.coo_array((np.ones(len(customer), np.float32), (customer, product)), shape=data.shape).tocsr()
    moment = Moment(past)
    for start in range(0, len(judged), PARTITION):
        part = _examples(moment, judged[start : start + PARTITION].astype(np.intp), bought, weeks_back)
        whole = part.hit | (sample.fold[part.customer] == 0)
        kept = whole | (rng.random(len(whole)) < sample.misses)
        weight = np.where(whole, 1, 1 / sample.misses).astype(np.float32)
        yield replace(part, weight=weight).take(kept)


def _examples(moment: Moment, rows: Rows, bought: sparse.csr_array, weeks_back: int) -> Examples:
    found = moment.found(rows)
    customer = rows[found.row]
    size = len(customer)
    return Examples(
        found.features(),
        values_at(bought, customer, found.product) > 0,
        np.ones(size, dtype=np.float32),
        customer.astype(np.int32),
        np.full(size, weeks_back, dtype=np.int32),
    )
