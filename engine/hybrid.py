"""The hybrid: candidates of all scorers -> features -> one learnt ranking.

It learns on the last weeks before the cut-off, each with scorers that were fitted before that week: never ahead. With
too little to learn from it shrinks to a fixed blend of the scorers' own ranks.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier

from engine.dataset import Dataset
from engine.scorers.base import Rows, known_rows, values_at
from engine.scorers.content import Content
from engine.scorers.neighbours import Neighbours
from engine.scorers.popularity import Popularity
from engine.scorers.repeat import Repeat
from engine.tastes import Tastes

WEEK_DAYS = 7.0
WEEKS = 4
KEPT_MISSES = 0.25
FEWEST_HITS = 500
FEWEST_CUSTOMERS = 20
PARTITION = 500
FIXED = {"repeat": 1.0, "neighbours": 0.5, "popularity": 0.25, "content": 0.05}


@dataclass
class Candidates:
    """The candidate pairs of some customers, sorted by customer.

    Attributes:
        row: (pairs,) which of the asked customers.
        product: (pairs,) column of the product.
        score: (pairs,) the blend's score, a probability where it was learnt.
        bought: (pairs,) whether the customer bought the product before.
        due: (pairs,) whether a repeat purchase is due: the personal gap has passed.
        last_days: (pairs,) days since the customer's last purchase of it; infinite if never.
    """

    row: NDArray[np.intp]
    product: NDArray[np.intp]
    score: NDArray[np.float32]
    bought: NDArray[np.bool_]
    due: NDArray[np.bool_]
    last_days: NDArray[np.float32]

    def take(self, index: NDArray[np.intp]) -> Self:
        """The pairs at some places, in that order."""
        return type(self)(*(values[index] for values in self._columns()))

    def joined(self, other: Self) -> Self:
        """The pairs of both, sorted by customer."""
        both = [np.concatenate(pair) for pair in zip(self._columns(), other._columns(), strict=True)]
        return type(self)(*both).take(np.argsort(both[0], kind="stable"))

    def _columns(self) -> list[NDArray[Any]]:
        return [self.row, self.product, self.score, self.bought, self.due, self.last_days]


class Scorers:
    """The scorers of one moment, and the features that they and the data give of a candidate pair."""

    def __init__(self, data: Dataset) -> None:
        self.popularity = Popularity().fit(data)
        self.recent = Popularity(half_life_days=3.5).fit(data)
        self.repeat = Repeat().fit(data)
        self.neighbours = Neighbours().fit(data)
        self.content = Content().fit(data)
        self.tastes = Tastes(data, self.popularity.popular)
        self.on_offer = data.on_offer
        times = self.repeat.times
        buyers = np.bincount(times.indices, minlength=data.shape[1])
        again = np.bincount(times.indices[times.data > 1], minlength=data.shape[1])
        self.repeat_rate = (again / np.maximum(buyers, 1)).astype(np.float32)
        self.per_buyer = (np.bincount(times.indices, times.data, data.shape[1]) / np.maximum(buyers, 1)).astype(
            np.float32
        )
        self.baskets = np.bincount(
            data.customer[np.unique(data.order, return_index=True)[1]], minlength=data.shape[0]
        ).astype(np.float32)

    def all(self) -> list[Popularity | Repeat | Neighbours | Content]:
        """The scorers that propose candidates."""
        return [self.repeat, self.neighbours, self.popularity, self.content]

    def pairs(self, rows: Rows) -> tuple[sparse.csr_array, dict[str, sparse.csr_array]]:
        """The union of all candidates, and each scorer's own scores."""
        parts = {scorer.name: scorer.score(rows) for scorer in self.all()}
        union = sum(
            (part.astype(bool) for part in parts.values()), start=sparse.csr_array(parts["repeat"].shape, dtype=bool)
        )
        union = sparse.csr_array(union)
        union.sort_indices()
        return union, parts

    def features(
        self, rows: Rows, row: NDArray[np.intp], product: NDArray[np.intp], parts: dict[str, sparse.csr_array]
    ) -> NDArray[np.float32]:
        """(pairs, features) of candidate pairs; what a pair lacks is 0."""
        own = np.maximum(rows, 0)[row]
        known = (rows >= 0)[row]
        last, gap, times = (
            values_at(known_rows(table, rows), row, product)
            for table in (self.repeat.last_days, self.repeat.gap_days, self.repeat.times)
        )
        baskets = self.baskets[own] * known
        columns = [
            *(values_at(parts[name], row, product) for name in ("repeat", "neighbours", "content")),
            self.popularity.popular[product],
            self.recent.popular[product],
            self.recent.popular[product] / (self.popularity.popular[product] + 1e-3),
            self.repeat_rate[product],
            times,
            times / np.maximum(baskets, 1),
            last,
            gap,
            last / np.maximum(gap, 1),
            baskets,
            self.on_offer[product].astype(np.float32),
            self.per_buyer[product],
            *self.tastes.features(rows, row, product),
        ]
        return np.column_stack(columns).astype(np.float32)


class Hybrid:
    """One learnt ranking over the candidates of all scorers."""

    name = "blend"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.ranker: HistGradientBoostingClassifier | None = None

    def fit(self, data: Dataset) -> Self:
        """Learn the ranking on the last weeks, then fit the scorers on everything."""
        self.ranker = self._learn(data)
        self.scorers = Scorers(data)
        return self

    def _learn(self, data: Dataset) -> HistGradientBoostingClassifier | None:
        weeks = [found for back in range(WEEKS) if (found := _examples(data, back, self.seed)) is not None]
        if sum(int(hit.sum()) for _, hit, _ in weeks) < FEWEST_HITS:
            return None
        features, hit, weight = (np.concatenate(parts) for parts in zip(*weeks, strict=True))
        ranker = HistGradientBoostingClassifier(
            learning_rate=0.08,
            max_iter=150,
            max_leaf_nodes=31,
            min_samples_leaf=100,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        return ranker.fit(features, hit, sample_weight=weight)

    def candidates(self, rows: Rows) -> Candidates:
        """Find and score the candidates of some customers (-1: not known)."""
        union, parts = self.scorers.pairs(rows)
        row, product = _coordinates(union)
        features = self.scorers.features(rows, row, product, parts)
        score = self._fixed(parts, row, product) if self.ranker is None else self.ranker.predict_proba(features)[:, 1]
        times, last, gap = features[:, 7], features[:, 9], features[:, 10]
        bought = times > 0
        return Candidates(
            row=row,
            product=product,
            score=score.astype(np.float32),
            bought=bought,
            due=bought & (gap > 0) & (last >= gap),
            last_days=np.where(bought, last, np.inf).astype(np.float32),
        )

    def _fixed(
        self, parts: dict[str, sparse.csr_array], row: NDArray[np.intp], product: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        total = np.zeros(len(row), dtype=np.float32)
        for name, weight in FIXED.items():
            values = values_at(parts[name], row, product)
            highest = np.zeros(parts[name].shape[0], dtype=np.float32)
            np.maximum.at(highest, row, values)
            total += weight * values / np.maximum(highest[row], 1e-9)
        return total / sum(FIXED.values())


Examples = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]
"""(pairs, features), (pairs,) whether it was bought, and (pairs,) how many pairs each stands for."""


def _examples(data: Dataset, weeks_back: int, seed: int) -> Examples | None:
    """Candidates as they were before a past week, and what was bought in it; all hits, and some of the misses.

    None where too few customers bought before and in the week.
    """
    week_end, past = data.before(weeks_back * WEEK_DAYS), data.before((weeks_back + 1) * WEEK_DAYS)
    in_week = week_end.age_days <= WEEK_DAYS
    customer, product = week_end.customer[in_week], week_end.product[in_week]
    judged = np.intersect1d(past.customer, customer)
    if len(judged) < FEWEST_CUSTOMERS:
        return None
    bought = sparse.coo_array((np.ones(len(customer), np.float32), (customer, product)), shape=data.shape).tocsr()
    scorers, rng = Scorers(past), np.random.default_rng((seed, weeks_back))
    parts = [
        _part(scorers, judged[start : start + PARTITION].astype(np.intp), bought, rng)
        for start in range(0, len(judged), PARTITION)
    ]
    features, hit = (np.concatenate(found) for found in zip(*parts, strict=True))
    return features, hit, np.where(hit, 1, 1 / KEPT_MISSES).astype(np.float32)


def _part(
    scorers: Scorers, rows: Rows, bought: sparse.csr_array, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    union, parts = scorers.pairs(rows)
    row, product = _coordinates(union)
    hit = values_at(bought, rows[row], product) > 0
    kept = hit | (rng.random(len(hit)) < KEPT_MISSES)
    return scorers.features(rows, row, product, parts)[kept], hit[kept]


def _coordinates(table: sparse.csr_array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    row = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    return row, table.indices.astype(np.intp)
