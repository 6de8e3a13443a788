"""Examples: what the scorers proposed before a past week, and what was bought in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Rows
from engine.moment import Found, Moment
from engine.pairs import Values, values_at
from engine.parameters import DEFAULTS, Parameters
from engine.shortlist import FEWEST_NEW_HITS, Shortlist

WEEK_DAYS = 7.0
PARTITION = 500
"""Customers described at a time; what bounds memory."""
GLANCED = 1_000
"""Customers of one week that a shortlist is learnt from."""
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


class PastWeek:
    """One past week: scorers that were fitted strictly before it, and what was bought in it.

    Attributes:
        customers: (n,) row numbers of those who bought before it and in it, drawn by chance if there are many.
    """

    def __init__(self, data: Dataset, weeks_back: int, sample: Sample, how: Parameters = DEFAULTS) -> None:
        self.weeks_back, self._sample, self._how = weeks_back, sample, how
        begins, ends = (weeks_back + 1) * WEEK_DAYS, weeks_back * WEEK_DAYS
        self._past = data.before(begins)
        in_week = (data.age_days <= begins) & (data.age_days > ends)
        customer, product = data.customer[in_week], data.product[in_week]
        judged = np.intersect1d(self._past.customer, customer)
        self._rng = np.random.default_rng((sample.seed, weeks_back))
        self.customers = np.sort(self._rng.permutation(judged)[: sample.most]).astype(np.intp)
        ones = np.ones(len(customer), np.float32)
        self._bought = sparse.coo_array((ones, (customer, product)), shape=data.shape).tocsr()

    @cached_property
    def _moment(self) -> Moment:
        return Moment(self._past, self._how)

    def partitions(self, customers: Rows) -> Iterator[tuple[Rows, Found, NDArray[np.bool_]]]:
        """Some of its customers a partition at a time: their candidates, and which of these they bought."""
        for start in range(0, len(customers), PARTITION):
            rows = customers[start : start + PARTITION]
            found = self._moment.found(rows)
            yield rows, found, values_at(self._bought, rows[found.row], found.product) > 0

    def shortlist(self) -> Shortlist | None:
        """Learn a shortlist from some customers, none of them of part 0; None if they bought too little."""
        some = self.customers[self._sample.fold[self.customers] != 0][:GLANCED]
        parts = [(found.seen(), found.times, hit) for _, found, hit in self.partitions(some)]
        seen, times, hit = (np.concatenate(each) for each in zip(*parts, strict=True))
        if (hit & (times == 0)).sum() < FEWEST_NEW_HITS:
            return None
        return Shortlist(self._sample.seed).fit(seen, times, hit)

    def examples(self, shortlist: Shortlist | None) -> Iterator[Examples]:
        """Make its examples, a partition of customers at a time."""
        for rows, found, hit in self.partitions(self.customers):
            whole = hit | (self._sample.fold[rows[found.row]] == 0)
            kept = whole | (self._rng.random(len(whole)) < self._sample.misses)
            if shortlist:
                kept &= shortlist.of(found).kept
            places = np.flatnonzero(kept)
            yield Examples(
                found.take(places).features(),
                hit[places],
                np.where(whole[places], 1, 1 / self._sample.misses).astype(np.float32),
                rows[found.row[places]].astype(np.int32),
                np.full(len(places), self.weeks_back, dtype=np.int32),
            )


def past_weeks(data: Dataset, weeks: int, sample: Sample, how: Parameters = DEFAULTS) -> Iterator[PastWeek]:
    """The last weeks before now, newest first, but for those in which too few bought."""
    for weeks_back in range(weeks):
        week = PastWeek(data, weeks_back, sample, how)
        if len(week.customers) >= FEWEST_CUSTOMERS:
            yield week
