"""A moment: every scorer fitted on what was known then, the candidates they propose, and what is known of each."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine import promotion_lift, rhythm, sales
from engine.dataset import OFFER_KINDS, Dataset
from engine.history import Purchases, Rows, sum_runs
from engine.pairs import LookUp, Values, keys, rank, union, values_at, values_by_row
from engine.parameters import DEFAULTS, Parameters
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
OWN_HALF_LIFE_DAYS = 112.0
GLANCE = [
    "own purchases",
    "days since own last",
    "own, half-life 112 days",
    "neighbours",
    "neighbours' rank",
    "user neighbours",
    "user neighbours' rank",
    "affinity",
    "affinity's rank",
]
"""What is told of every candidate: the scorers' own words, and how each of them ranks it."""
SEEN_SALES = [
    "purchases per buyer",
    "share of buyers who bought again",
    "votes, half-life 14 days",
    "votes, half-life 56 days",
    "sold last week",
    "trend of the week",
]
OWN = [
    "days since own first",
    "own gap",
    "own due",
    "late for the product",
    "share of own orders",
    "own, half-life 14 days",
    "own, half-life 56 days",
    "own, half-life 365 days",
    "own rank",
    "trips since own last",
    "share of trips since own first",
    "share of trips in 4 weeks",
]
LIKE = ["begun by user neighbours"]
HABIT = ["purchases per product", "products per trip"]
TASTE = [
    "kind follows",
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
FEATURES = [*GLANCE, *OWN, *LIKE, *HABIT, *TASTE, *sales.NAMES, *rhythm.NAMES, *OFFERED, *promotion_lift.NAMES]
SEEN = [*GLANCE, *SEEN_SALES, *OFFERED[: len(OFFER_KINDS)]]
PARTS = {
    "repeat": [*GLANCE[:3], *OWN],
    "neighbours": GLANCE[3:5],
    "users": [*GLANCE[5:7], *LIKE],
    "kinds": [*GLANCE[7:], *TASTE],
    "popularity": sales.NAMES,
    "offers": [*OFFERED, *promotion_lift.NAMES],
    "rhythm": [*HABIT, *rhythm.NAMES],
}
"""What each scorer, by its name, and the customer's rhythm tell of a candidate."""


class Moment:
    """The scorers of one moment, and the features that they and the data give of a candidate pair."""

    def __init__(self, data: Dataset, how: Parameters = DEFAULTS) -> None:
        self.without = how.without
        self.history = data.history
        self.kinds = Kinds.of(data.catalog)
        self.repeat = Repeat().fit(data)
        self.neighbours = Neighbours(ridge=how.neighbours_ridge, half_life_days=how.neighbours_half_life_days).fit(data)
        self.user_neighbours = UserNeighbours(how.user_neighbours).fit(data)
        self.popularity = Popularity(how.popularity_half_life_days).fit(data)
        self.affinity = KindAffinity(ridge=how.kinds_ridge).fit(data)
        self.offers = Offers().fit(data, self.affinity)
        self.sales = sales.Sales(data, self.kinds.kind)
        nobody = np.zeros((1, len(rhythm.NAMES)), dtype=np.float32)
        self.rhythm = np.append(rhythm.rhythm(data), nobody, axis=0)  # the last row is for -1: who is not known
        self.offered = data.offered()
        self.promotion = promotion_lift.promotion_lift(data)
        self._seen_sales = self.sales.table[:, [sales.NAMES.index(name) for name in SEEN_SALES]]

    def seen(self, product: NDArray[np.intp]) -> Values:
        """(pairs, facts) what is told of a product at a glance: its sales, and whether it is on offer this week."""
        return np.hstack([self._seen_sales[product], self.offered[product, : len(OFFER_KINDS)]])

    def all(self) -> list[Scorer]:
        """The scorers that propose candidates."""
        scorers = (self.repeat, self.neighbours, self.user_neighbours, self.affinity, self.popularity, self.offers)
        return [scorer for scorer in scorers if scorer.name != self.without]

    def silence(self, table: Values, names: list[str]) -> Values:
        """Take what the part left out would tell out of a table of features, in place.

        Whether a product was bought before is always told: it is what makes it new to the customer or not.
        """
        for place, name in enumerate(names):
            if name in PARTS.get(self.without, ()):
                table[:, place] = np.minimum(table[:, place], 1) if name == GLANCE[0] else 0
        return table

    def found(self, rows: Rows) -> "Found":
        """Every candidate of some customers (-1: not known)."""
        return Asked(self, rows).found()


class Asked:
    """Some customers, and what the scorers see in each.

    Attributes:
        bought: the purchases of these customers.
    """

    def __init__(self, moment: Moment, rows: Rows) -> None:
        self.moment, self.rows = moment, rows
        self.bought = moment.history.of(rows)
        self.near = moment.neighbours.dense(self.bought)
        users = moment.user_neighbours.near(rows, self.bought)
        self.alike, self.begun = moment.user_neighbours.full(users), moment.user_neighbours.begun(users)
        self.follows = moment.affinity.follows(self.bought)
        self.drawn = moment.affinity.drawn(self.follows, self.bought)
        self.trips = Trips(self.bought)

    def found(self) -> "Found":
        """The union of what the scorers propose, each seen at a glance."""
        moment, bought = self.moment, self.bought
        tables = {
            moment.repeat.name: moment.repeat.top(bought),
            moment.neighbours.name: moment.neighbours.top(self.near),
            moment.user_neighbours.name: moment.user_neighbours.top(self.alike),
            moment.affinity.name: moment.affinity.top(self.drawn),
            moment.popularity.name: moment.popularity.score(self.rows),
            moment.offers.name: moment.offers.top(self.drawn),
        }
        row, product = union([table for name, table in tables.items() if name != moment.without])
        width = bought.shape[1]
        own = LookUp(keys(bought.row, bought.product, width), keys(row, product, width))
        return Found(self, row, product, own, self._glance(row, product, own))

    def _glance(self, row: NDArray[np.intp], product: NDArray[np.intp], own: LookUp) -> Values:
        """(pairs, glance) a column for each of `GLANCE`."""
        moment, bought = self.moment, self.bought
        near = moment.neighbours.at(self.near, row, product)
        alike = values_by_row(self.alike, row, product)
        drawn = self.drawn[row, moment.kinds.kind[product]] * moment.sales.share_of_kind[product]
        columns = [
            own.take(bought.times),
            own.take(bought.last_days, NEVER_DAYS),
            own.take(bought.decayed(OWN_HALF_LIFE_DAYS)),
        ]
        for score in (near, alike, drawn):
            columns += [score, rank(row, score)]
        return np.column_stack(columns)


@dataclass(frozen=True)
class Found:
    """Candidates of some customers, sorted by customer and product.

    Attributes:
        asked: these customers.
        row: (pairs,) which of them.
        product: (pairs,) column of the product.
        own: where each pair stands among the customers' purchases.
        glance: (pairs, glance) a column for each of `GLANCE`.
    """

    asked: Asked
    row: NDArray[np.intp]
    product: NDArray[np.intp]
    own: LookUp
    glance: Values

    def take(self, kept: NDArray[np.intp]) -> Self:
        """Some of the candidates, ranked as they were among all."""
        return replace(
            self, row=self.row[kept], product=self.product[kept], own=self.own.of(kept), glance=self.glance[kept]
        )

    def seen(self) -> Values:
        """(pairs, seen) what is known of each candidate before it is described in full."""
        moment = self.asked.moment
        return moment.silence(np.hstack([self.glance, moment.seen(self.product)]), SEEN)

    def features(self) -> Values:
        """(pairs, features) a column for each of `FEATURES`."""
        moment = self.asked.moment
        table = np.empty((len(self.row), len(FEATURES)), dtype=np.float32)
        columns = [*self._own_columns(), self._begun(), *self._habit_columns(), *self._taste_columns()]
        blocks = [
            moment.sales.table[self.product],
            moment.rhythm[self.asked.rows][self.row],
            moment.offered[self.product],
            moment.promotion[self.product],
        ]
        np.concatenate([self.glance, np.column_stack(columns), *blocks], axis=1, out=table)
        return moment.silence(table, FEATURES)

    @property
    def times(self) -> Values:
        """(pairs,) on how many days the customer bought the product."""
        return self.glance[:, 0]

    @property
    def last_days(self) -> Values:
        """(pairs,) days since the last of them."""
        return self.glance[:, 1]

    @property
    def gap_days(self) -> Values:
        """(pairs,) mean days between them; 0 if there are fewer than two."""
        return self.own.take(self.asked.bought.gap_days)

    def _own_columns(self) -> list[Values]:
        take, bought = self.own.take, self.asked.bought
        usual = self.asked.moment.sales.gap_days[self.product]
        orders = self.asked.moment.rhythm[self.asked.rows, 0][self.row]
        times, last, gap = self.times, self.last_days, self.gap_days
        return [
            take(bought.first_days),
            gap,
            np.where(times > 1, last / np.maximum(gap, 0.5), -1),
            np.where(times > 0, last / np.maximum(usual, 1), -1),
            times / np.maximum(orders, 1),
            *(take(bought.decayed(days)) for days in (14, 56, 365)),
            rank(self.row, self.glance[:, GLANCE.index("own, half-life 112 days")]),
            *self._trip_columns(),
        ]

    def _trip_columns(self) -> list[Values]:
        """How a product stands in the customer's trips, a trip being a day with a purchase."""
        trips, bought, take = self.asked.trips, self.asked.bought, self.own.take
        since_last = trips.newer_than(bought.row, np.floor(bought.last_days))
        since_first = trips.newer_than(bought.row, np.floor(bought.first_days) + 1)
        recent = sum_runs((bought.age_days < MONTH_DAYS).astype(np.float32), bought.start)
        of_recent = trips.newer_than(bought.row, np.full(len(bought.row), MONTH_DAYS, np.float32))
        return [
            take(since_last, NEVER_DAYS),
            take(bought.times / np.maximum(since_first, 1)),
            take(recent / np.maximum(of_recent, 1)),
        ]

    def _begun(self) -> Values:
        return values_by_row(self.asked.begun, self.row, self.product)

    def _habit_columns(self) -> list[Values]:
        """How much of what the customer buys is bought again, and how much is bought at a time: (pairs,) each."""
        bought, customers = self.asked.bought, len(self.asked.rows)
        entries = np.bincount(bought.row, bought.times, customers)
        products = np.bincount(bought.row, minlength=customers)
        trips = self.asked.trips.of_each(customers)
        habits = entries / np.maximum(products, 1), entries / np.maximum(trips, 1)
        return [habit.astype(np.float32)[self.row] for habit in habits]

    def _taste_columns(self) -> list[Values]:
        kinds, bought = self.asked.moment.kinds, self.asked.bought
        kind = kinds.kind[self.product]
        days = grouped(bought, kinds.kind)
        take = self._at(days, kind).take
        last, gap = take(days.last_days, NEVER_DAYS), take(days.gap_days)
        faded = take(days.decayed(HALF_LIFE_DAYS))
        own = self.own.take(bought.decayed(HALF_LIFE_DAYS))
        return [
            self.asked.follows[self.row, kind],
            take(days.times),
            last,
            gap,
            np.where(gap > 0, last / np.maximum(gap, 0.5), -1),
            faded,
            own / np.maximum(faded, 1e-3),
            take(_products_of(bought, kinds.kind, days)),
            self._share(kinds.category, HALF_LIFE_DAYS),
            self._share(kinds.aisle, HALF_LIFE_DAYS),
            self._share(kinds.brand, BRAND_HALF_LIFE_DAYS),
        ]

    def _at(self, groups: Purchases, group: NDArray[np.intp]) -> LookUp:
        width = groups.shape[1]
        return LookUp(keys(groups.row, groups.product, width), keys(self.row, group, width))

    def _share(self, group: NDArray[np.intp], half_life_days: float) -> Values:
        """(pairs,) the share of the product's group in all that the customer buys."""
        bought, customers = self.asked.bought, len(self.asked.rows)
        weight = bought.decayed(half_life_days)
        size = int(group.max(initial=-1)) + 1
        mine = sparse.coo_array((weight, (bought.row, group[bought.product])), (customers, size)).tocsr()
        total = np.bincount(bought.row, weight, minlength=customers).astype(np.float32)
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
