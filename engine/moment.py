"""A moment: every scorer fitted on what was known then, the candidates they propose, and what is known of each."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine import rhythm, sales
from engine.dataset import OFFER_KINDS, Dataset
from engine.history import Purchases, Rows, sum_runs
from engine.pairs import LookUp, Values, keys, rank, union, values_at
from engine.scorers.base import Scorer
from engine.scorers.kinds import KindAffinity
from engine.scorers.neighbours import Neighbours
from engine.scorers.offers import Offers
from engine.scorers.popularity import Popularity
from engine.scorers.repeat import Repeat
from engine.scorers.user_neighbours import UserNeighbours
from engine.tastes import BRAND_HALF_LIFE_DAYS, HALF_LIFE_DAYS, Kinds, grouped

NEVER_DAYS = 999.0
MONTH_DAYS = 28.0
MOST_DAYS = 1 << 16
OWN = [
    "own purchases",
    "days since own last",
    "days since own first",
    "own gap",
    "own due",
    "late for the product",
    "share of own orders",
    "own, half-life 14 days",
    "own, half-life 56 days",
    "own, half-life 112 days",
    "own, half-life 365 days",
    "own rank",
    "trips since own last",
    "share of trips since own first",
    "share of trips in 4 weeks",
]
LIKE = ["neighbours", "neighbours' rank", "user neighbours", "user neighbours' rank", "begun by user neighbours"]
HABIT = ["purchases per product", "products per trip"]
TASTE = [
    "kind follows",
    "affinity",
    "affinity's rank",
    "purchases of the kind",
    "days since the kind",
    "gap of the kind",
    "kind due",
    "decayed purchases of the kind",
    "share within the kind",
    "products of the kind",
    "share of category",
    "share of aisle",
    "share of brand",
]
OFFERED = [f"{kind} {when}" for when in ("this week", "last week", "so far") for kind in OFFER_KINDS]
FEATURES = [*OWN, *LIKE, *HABIT, *TASTE, *sales.NAMES, *rhythm.NAMES, *OFFERED]


class Moment:
    """The scorers of one moment, and the features that they and the data give of a candidate pair."""

    def __init__(self, data: Dataset) -> None:
        self.history = data.history
        self.kinds = Kinds.of(data.catalog)
        self.repeat = Repeat().fit(data)
        self.neighbours = Neighbours().fit(data)
        self.user_neighbours = UserNeighbours().fit(data)
        self.popularity = Popularity().fit(data)
        self.affinity = KindAffinity().fit(data)
        self.offers = Offers().fit(data, self.affinity)
        self.sales = sales.Sales(data, self.kinds.kind)
        nobody = np.zeros((1, len(rhythm.NAMES)), dtype=np.float32)
        self.rhythm = np.append(rhythm.rhythm(data), nobody, axis=0)  # the last row is for -1: who is not known
        self.offered = data.offered()

    def all(self) -> list[Scorer]:
        """The scorers that propose candidates."""
        return [self.repeat, self.neighbours, self.user_neighbours, self.affinity, self.popularity, self.offers]

    def found(self, rows: Rows) -> "Found":
        """Every candidate of some customers (-1: not known)."""
        return Found(self, rows)


class Found:
    """The candidates of some customers: the union of what the scorers propose, sorted by customer and product.

    Attributes:
        bought: the purchases of these customers.
        row: (pairs,) which of the asked customers.
        product: (pairs,) column of the product.
    """

    def __init__(self, moment: Moment, rows: Rows) -> None:
        self._moment, self._rows = moment, rows
        self.bought = moment.history.of(rows)
        self._near = moment.neighbours.dense(self.bought)
        users = moment.user_neighbours.near(rows, self.bought)
        self._alike, self._begun = moment.user_neighbours.full(users), moment.user_neighbours.begun(users)
        self._follows = moment.affinity.follows(self.bought)
        self._drawn = moment.affinity.drawn(self._follows, self.bought)
        tables = [
            moment.repeat.top(self.bought),
            moment.neighbours.top(self._near),
            moment.user_neighbours.top(self._alike),
            moment.affinity.top(self._drawn),
            moment.popularity.score(rows),
            moment.offers.top(self._drawn),
        ]
        self.row, self.product = union(tables)
        width = self.bought.shape[1]
        self._trips = Trips(self.bought)
        self._own = LookUp(keys(self.bought.row, self.bought.product, width), keys(self.row, self.product, width))

    def features(self) -> Values:
        """(pairs, features) a column for each of `FEATURES`."""
        moment = self._moment
        columns = [*self._own_columns(), *self._like_columns(), *self._habit_columns(), *self._taste_columns()]
        return np.hstack(
            [
                np.column_stack(columns),
                moment.sales.table[self.product],
                moment.rhythm[self._rows][self.row],
                moment.offered[self.product],
            ]
        ).astype(np.float32)

    @cached_property
    def times(self) -> Values:
        """(pairs,) on how many days the customer bought the product."""
        return self._own.take(self.bought.times)

    @cached_property
    def last_days(self) -> Values:
        """(pairs,) days since the last of them."""
        return self._own.take(self.bought.last_days, NEVER_DAYS)

    @cached_property
    def gap_days(self) -> Values:
        """(pairs,) mean days between them; 0 if there are fewer than two."""
        return self._own.take(self.bought.gap_days)

    def _own_columns(self) -> list[Values]:
        take, bought = self._own.take, self.bought
        usual = self._moment.sales.gap_days[self.product]
        orders = self._moment.rhythm[self._rows, 0][self.row]
        faded = {days: take(bought.decayed(days)) for days in (14, 56, 112, 365)}
        mine = self.times > 0
        return [
            self.times,
            self.last_days,
            take(bought.first_days),
            self.gap_days,
            np.where(self.times > 1, self.last_days / np.maximum(self.gap_days, 0.5), -1),
            np.where(mine, self.last_days / np.maximum(usual, 1), -1),
            self.times / np.maximum(orders, 1),
            *faded.values(),
            rank(self.row, faded[112]),
            *self._trip_columns(),
        ]

    def _trip_columns(self) -> list[Values]:
        """How a product stands in the customer's trips, a trip being a day with a purchase."""
        trips, bought = self._trips, self.bought
        since_last = trips.newer_than(bought.row, np.floor(bought.last_days))
        since_first = trips.newer_than(bought.row, np.floor(bought.first_days) + 1)
        recent = sum_runs((bought.age_days < MONTH_DAYS).astype(np.float32), bought.start)
        of_recent = trips.newer_than(bought.row, np.full(len(bought.row), MONTH_DAYS, np.float32))
        take = self._own.take
        return [
            take(since_last, NEVER_DAYS),
            take(bought.times / np.maximum(since_first, 1)),
            take(recent / np.maximum(of_recent, 1)),
        ]

    def _habit_columns(self) -> list[Values]:
        """How much of what the customer buys is bought again, and how much is bought at a time: (pairs,) each."""
        customers = len(self._rows)
        entries = np.bincount(self.bought.row, self.bought.times, customers)
        products = np.bincount(self.bought.row, minlength=customers)
        trips = self._trips.of_each(customers)
        habits = entries / np.maximum(products, 1), entries / np.maximum(trips, 1)
        return [habit.astype(np.float32)[self.row] for habit in habits]

    def _like_columns(self) -> list[Values]:
        near = self._moment.neighbours.at(self._near, self.row, self.product)
        # So full that a dense copy of one partition is read faster than its columns are sorted for a search.
        alike, begun = (table.toarray()[self.row, self.product] for table in (self._alike, self._begun))
        return [near, rank(self.row, near), alike, rank(self.row, alike), begun]

    def _taste_columns(self) -> list[Values]:
        kinds, bought = self._moment.kinds, self.bought
        kind = kinds.kind[self.product]
        share_of_kind = self._moment.sales.share_of_kind[self.product]
        drawn = self._drawn[self.row, kind] * share_of_kind
        days = grouped(bought, kinds.kind)
        take = self._at(days, kind).take
        times, last, gap = take(days.times), take(days.last_days, NEVER_DAYS), take(days.gap_days)
        faded = take(days.decayed(HALF_LIFE_DAYS))
        own = self._own.take(bought.decayed(HALF_LIFE_DAYS))
        return [
            self._follows[self.row, kind],
            drawn,
            rank(self.row, drawn),
            times,
            last,
            gap,
            np.where(gap > 0, last / np.maximum(gap, 0.5), -1),
            faded,
            own / np.maximum(faded, 1e-3),
            self._at(days, kind).take(_products_of(bought, kinds.kind, days)),
            self._share(kinds.category, HALF_LIFE_DAYS),
            self._share(kinds.aisle, HALF_LIFE_DAYS),
            self._share(kinds.brand, BRAND_HALF_LIFE_DAYS),
        ]

    def _at(self, groups: Purchases, group: NDArray[np.intp]) -> LookUp:
        width = groups.shape[1]
        return LookUp(keys(groups.row, groups.product, width), keys(self.row, group, width))

    def _share(self, group: NDArray[np.intp], half_life_days: float) -> Values:
        """(pairs,) the share of the product's group in all that the customer buys."""
        weight = self.bought.decayed(half_life_days)
        size = int(group.max(initial=-1)) + 1
        mine = sparse.coo_array(
            (weight, (self.bought.row, group[self.bought.product])), (len(self._rows), size)
        ).tocsr()
        total = np.bincount(self.bought.row, weight, minlength=len(self._rows)).astype(np.float32)
        share = values_at(mine, self.row, group[self.product]) / np.maximum(total[self.row], 1e-3)
        return np.asarray(share, dtype=np.float32)


class Trips:
    """The days on which some customers bought anything."""

    def __init__(self, bought: Purchases) -> None:
        row = np.repeat(bought.row, np.diff(bought.start))
        self._days = np.unique(keys(row, np.floor(bought.age_days).astype(np.int64), MOST_DAYS))

    def newer_than(self, row: NDArray[np.int32], days: NDArray[np.floating]) -> Values:
        """(n,) how many trips customers made less than so many whole days ago."""
        first, last = keys(row, np.zeros(1, np.int64), MOST_DAYS), keys(row, days.astype(np.int64), MOST_DAYS)
        return (np.searchsorted(self._days, last) - np.searchsorted(self._days, first)).astype(np.float32)

    def of_each(self, customers: int) -> NDArray[np.intp]:
        """(customers,) how many trips each made."""
        return np.bincount(self._days // MOST_DAYS, minlength=customers)


def _products_of(bought: Purchases, kind: NDArray[np.intp], groups: Purchases) -> Values:
    """(groups,) how many products of each group a customer ever bought."""
    pairs = keys(bought.row, kind[bought.product], groups.shape[1])
    return np.unique(pairs, return_counts=True)[1].astype(np.float32)
