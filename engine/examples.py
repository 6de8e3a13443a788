"""Examples: what the scorers proposed before a past week, and what was bought in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import DAY, Dataset
from engine.history import Rows
from engine.moment import FEATURES, Found, Moment
from engine.pairs import Values, values_at
from engine.parameters import DEFAULTS, Parameters
from engine.rhythm import rhythm
from engine.shortlist import FEWEST_NEW_HITS, Shortlist

WEEK_DAYS = 7.0
PARTITION = 500
"""Customers described at a time; what bounds memory."""
GLANCED = 1_000
"""Customers of one week that a shortlist is learnt from."""
LINES = 1 << 22
"""Lines that are summed at a time."""
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
        as_of: when it is looked back at.
        customers: (n,) row numbers of those who bought before it and in it, drawn by chance if there are many.
    """

    def __init__(self, data: Dataset, weeks_back: int, sample: Sample, how: Parameters = DEFAULTS) -> None:
        self.weeks_back, self._sample, self._how = weeks_back, sample, how
        ends = weeks_back * WEEK_DAYS + _since_whole_hour(data)
        begins = ends + WEEK_DAYS
        self.as_of = data.as_of
        self._past = data.before(begins)
        in_week = (data.age_days <= begins) & (data.age_days > ends)
        customer, product = data.customer[in_week], data.product[in_week]
        self._lines = customer, product
        known = np.unique(self._past.customer).astype(np.intp)
        self._came = np.zeros(data.shape[0], dtype=bool)
        self._came[customer] = True
        judged = known[self._came[known]]
        self._rng = np.random.default_rng((sample.seed, weeks_back))
        self.customers = np.sort(self._rng.permutation(judged)[: sample.most])
        self._some = np.sort(np.random.default_rng((sample.seed, weeks_back)).permutation(known)[: sample.most])
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
        """Learn a shortlist from some customers, none of them of part 0.

        Returns:
            it; None if they bought too little.
        """
        some = self.customers[self._sample.fold[self.customers] != 0][:GLANCED]
        parts = [(found.seen(), found.times, hit) for _, found, hit in self.partitions(some)]
        seen, times, hit = (np.concatenate(each) for each in zip(*parts, strict=True))
        if (hit & (times == 0)).sum() < FEWEST_NEW_HITS:
            return None
        return Shortlist(self._sample.seed).fit(seen, times, hit)

    def visits(self) -> tuple[Values, NDArray[np.bool_]]:
        """Whether customers came at all, of those who had bought before it, drawn by chance if there are many.

        Returns:
            (n, facts) their rhythm before it; (n,) whether each bought anything in it.
        """
        return rhythm(self._past.only(self._some))[self._some], self._came[self._some]

    def key(self) -> str:
        """What its examples depend on, as a name: the lines before it and in it, offers, and how examples are made.

        A line counts by its customer, product, category and brand. A time or a price that was corrected later counts
        for nothing: those change features, but never who bought what.
        """
        past, fixed = self._past, (self._sample.most, self._sample.misses, self._sample.seed, self._how, FEATURES)
        lines = [_sum_of_lines(past, *each) for each in ((past.customer, past.product), self._lines)]
        offers = (
            b"" if past.offers is None else pd.util.hash_pandas_object(past.offers, index=False).to_numpy().tobytes()
        )
        return sha256(repr((lines, fixed)).encode() + offers).hexdigest()[:24]

    def examples(self, shortlist: Shortlist | None) -> Examples:
        """Make its examples."""
        return joined(list(self._parts(shortlist)))

    def _parts(self, shortlist: Shortlist | None) -> Iterator[Examples]:
        """A partition of customers at a time."""
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


def parts_of(customer_ids: pd.Index, parts: int, seed: int) -> NDArray[np.intp]:
    """Deal customers into parts by their ids: (customers,) 0 and up; one who comes later moves nobody."""
    return (_hashed(customer_ids, seed) % np.uint64(parts)).astype(np.intp)


def _hashed(ids: pd.Index, seed: int = 0) -> NDArray[np.uint64]:
    return pd.util.hash_array(ids.astype(str).to_numpy(object), hash_key=f"{seed:016d}")


def _sum_of_lines(data: Dataset, customer: NDArray[np.int32], product: NDArray[np.int32]) -> int:
    """One number for some lines, in whatever order."""
    who = _hashed(data.customer_ids)
    what = pd.util.hash_pandas_object(data.catalog[["category_path", "brand"]]).to_numpy(np.uint64) | np.uint64(1)
    total = 0
    for start in range(0, len(customer), LINES):
        part = slice(start, start + LINES)
        total += int((who[customer[part]] * what[product[part]]).sum())
    return total % (1 << 64)


def _since_whole_hour(data: Dataset) -> float:
    """Days: past weeks end at a whole hour, so that they are the same weeks for one who fits a minute later."""
    return float((data.as_of - data.as_of.floor("h")) / DAY)
