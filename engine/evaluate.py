"""Evaluate: fit strictly before a week, judge on that week; each scorer and the blend, for any product and for new."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset, Frames
from engine.examples import PARTITION
from engine.history import Rows
from engine.hybrid import Hybrid
from engine.kept import KeptExamples
from engine.metrics import PER_CUSTOMER, Slates, calibration, diversity, novelty
from engine.pairs import values_at
from engine.parameters import DEFAULTS, Parameters
from engine.rerank import category_codes

WEEK = pd.Timedelta(days=7)
CALIBRATED = 1_000
"""Customers of a week whose chances are held against what they bought."""
METRICS = [*PER_CUSTOMER, "novelty", "diversity"]
PER_CUSTOMER_COLUMNS = ["scorer", "task", "cutoff", "customer_id", "band", *METRICS]
COVERAGE_COLUMNS = ["scorer", "task", "cutoff", "coverage"]
BANDS = np.array(["few", "some", "many"], dtype=object)


@dataclass(frozen=True)
class Evaluation:
    """What judging on some weeks found.

    Attributes:
        per_customer: PER_CUSTOMER_COLUMNS, a row for each scorer, task, cut-off and customer with a target. `band` is
            few, some or many: the third of the dataset's customers, by orders before the cut-off.
        coverage: COVERAGE_COLUMNS: the share of the dataset's products that the slates of the judged customers showed.
        calibration: the blend's scores of all candidate pairs of some customers, whether they bought anything in the
            week or not, and what was bought, as `engine.metrics.calibration`; where the ranking was too young to be
            learnt, its scores are no chances.
    """

    per_customer: pd.DataFrame
    coverage: pd.DataFrame
    calibration: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Mean over the customers within each cut-off, then over the cut-offs.

        Returns:
            columns scorer, task, customers (distinct), each of METRICS, coverage.
        """
        keys = ["scorer", "task"]
        shown = self.coverage.groupby(keys, as_index=False)["coverage"].mean()
        return self._means(keys).merge(shown, on=keys)

    def by(self, column: str) -> pd.DataFrame:
        """The same within each group of customers: scorer, task, the column, customers, each of METRICS."""
        return self._means(["scorer", "task", column])

    def values(self, scorer: str, task: str, metric: str = "ndcg") -> pd.DataFrame:
        """One metric as the bootstrap takes it: (customers, cut-offs), NaN where a customer had no target."""
        mine = self.per_customer[(self.per_customer["scorer"] == scorer) & (self.per_customer["task"] == task)]
        return mine.pivot(index="customer_id", columns="cutoff", values=metric)

    def _means(self, keys: list[str]) -> pd.DataFrame:
        within = self.per_customer.groupby([*keys, "cutoff"])[METRICS].mean()
        means = within.groupby(level=keys).mean()
        people = self.per_customer.groupby(keys)["customer_id"].nunique()
        means.insert(0, "customers", people)
        return means.reset_index()


def evaluate(
    frames: Frames,
    cutoffs: Iterable[pd.Timestamp],
    k: int = 10,
    *,
    how: Parameters = DEFAULTS,
    singles: bool = True,
) -> Evaluation:
    """Judge on the week after each cut-off.

    The target of a customer is the distinct recommendable products bought in that week, among customers and products
    seen before it; task `any` is all of them, task `new` only what the customer never bought before. Only customers
    with a target are judged; a week in which nobody has one has no row.

    Args:
        frames: what a shop knows; its purchases reach into the judged weeks.
        cutoffs: when the judged weeks begin.
        k: size of a slate.
        how: parameters of the blend.
        singles: whether to judge each scorer alone too.

    Raises:
        NothingToLearn: nothing was bought before a cut-off.
    """
    figures, coverage, pairs = [], [], [_no_chances()]
    with TemporaryDirectory() as folder:
        kept = KeptExamples(Path(folder))  # weeks in a row look back at the same past weeks
        for cutoff in cutoffs:
            data = Dataset.from_frames(*frames, as_of=cutoff)
            blend = Hybrid(how=how).fit(data, kept)
            week = _Week(data, blend, _target(frames.purchases, data), k, singles=singles)
            figures += list(week.judge())
            coverage.append(week.coverage())
            pairs += list(week.chances())
    predicted, happened = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return Evaluation(
        per_customer=pd.concat(figures, ignore_index=True) if figures else pd.DataFrame(columns=PER_CUSTOMER_COLUMNS),
        coverage=pd.concat(coverage, ignore_index=True) if coverage else pd.DataFrame(columns=COVERAGE_COLUMNS),
        calibration=calibration(predicted, happened),
    )


class Pairs(NamedTuple):
    """Scored pairs of some customers and products, each (pairs,), as `Candidates`."""

    row: NDArray[np.intp]
    product: NDArray[np.intp]
    score: NDArray[np.float32]
    discovery: NDArray[np.float32]
    bought: NDArray[np.bool_]


Chances = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""The blend's score of each candidate pair, and whether it was bought."""


@dataclass
class _Week:
    """One cut-off: what was known before it, and what was bought in the week after it.

    Attributes:
        data: what was known.
        hybrid: fitted on it.
        target: (customers, products), above 0 where bought in the week.
        k: size of a slate.
        singles: whether to judge each scorer alone too.
        shown: which products the slates judged so far showed, by scorer and task.
    """

    data: Dataset
    hybrid: Hybrid
    target: sparse.csr_array
    k: int
    singles: bool
    shown: dict[tuple[str, str], NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bought = self.data.history.all()
        self.before = bought.matrix(bought.times).astype(bool)
        new = sparse.csr_array(self.target - self.target.multiply(self.before))
        new.eliminate_zeros()
        self.wanted = {"any": self.target, "new": new}
        self.share = self.before.sum(axis=0) / self.data.shape[0]
        self.levels = _levels(self.data.catalog["category_path"])
        self.band = _bands(self.data)

    def judge(self) -> Iterator[pd.DataFrame]:
        """The figures of each customer with a target, a partition, contestant and task at a time."""
        judged = np.flatnonzero(np.diff(self.target.indptr))
        for start in range(0, len(judged), PARTITION):
            rows = judged[start : start + PARTITION]
            for name, pairs in _contestants(self.hybrid, rows, self.before, singles=self.singles).items():
                for task in self.wanted:
                    yield self._figures(name, task, rows, pairs)

    def chances(self) -> Iterator[Chances]:
        """The blend's chances for some customers, drawn from all, and what came of them."""
        if not self.target.nnz:
            return
        some = np.random.default_rng(0).permutation(self.data.shape[0])[:CALIBRATED]
        for start in range(0, len(some), PARTITION):
            rows = some[start : start + PARTITION]
            blend = self.hybrid.candidates(rows)
            yield blend.score, _bought(self.target, rows, blend.row, blend.product)

    def coverage(self) -> pd.DataFrame:
        """The share of products shown, by scorer and task."""
        rows = [(*key, self.data.as_of, shown.mean()) for key, shown in self.shown.items()]
        return pd.DataFrame(rows, columns=COVERAGE_COLUMNS)

    def _figures(self, name: str, task: str, rows: Rows, pairs: Pairs) -> pd.DataFrame:
        relevant = np.diff(self.wanted[task].indptr)[rows]
        slates = _top(pairs, len(rows), self.k, only_new=task == "new")[relevant > 0]
        rows, relevant = rows[relevant > 0], relevant[relevant > 0]
        shown = self.shown.setdefault((name, task), np.zeros(self.data.shape[1], dtype=bool))
        shown[slates[slates >= 0]] = True
        places = np.repeat(np.arange(len(rows)), self.k)
        hits = _bought(self.wanted[task], rows, places, slates.ravel()).reshape(slates.shape) & (slates >= 0)
        who = {"customer_id": self.data.customer_ids[rows], "band": self.band[rows]}
        figures = {metric: measure(hits, relevant) for metric, measure in PER_CUSTOMER.items()}
        variety = {"novelty": novelty(slates, self.share), "diversity": diversity(slates, self.levels)}
        found = pd.DataFrame({**who, **figures, **variety})
        return found.assign(scorer=name, task=task, cutoff=self.data.as_of)[PER_CUSTOMER_COLUMNS]


def _contestants(hybrid: Hybrid, rows: Rows, before: sparse.csr_array, *, singles: bool) -> dict[str, Pairs]:
    """What the blend, and each scorer alone if asked, propose to some customers, each in its own order."""
    blend = hybrid.candidates(rows)
    found = {hybrid.name: Pairs(blend.row, blend.product, blend.score, blend.discovery, blend.bought)}
    for scorer in hybrid.moment.all() if singles else []:
        scores = scorer.score(rows)
        row, product = np.repeat(np.arange(len(rows)), np.diff(scores.indptr)), scores.indices.astype(np.intp)
        found[scorer.name] = Pairs(row, product, scores.data, scores.data, _bought(before, rows, row, product))
    return found


def _bought(table: sparse.csr_array, rows: Rows, row: NDArray[np.intp], product: NDArray[np.intp]) -> NDArray[np.bool_]:
    return values_at(sparse.csr_array(table[rows]), row, product) > 0


def _top(pairs: Pairs, rows: int, k: int, *, only_new: bool) -> Slates:
    """The k best products of each customer; ties go to the lower product column, as in `engine.rerank.choose`."""
    good = np.flatnonzero(~pairs.bought) if only_new else np.arange(len(pairs.row))
    score = pairs.discovery if only_new else pairs.score
    order = good[np.lexsort((pairs.product[good], -score[good], pairs.row[good]))]
    row = pairs.row[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    slates = np.full((rows, k), -1, dtype=np.intp)
    slates[row[place < k], place[place < k]] = pairs.product[order][place < k]
    return slates


def _target(purchases: pd.DataFrame, data: Dataset) -> sparse.csr_array:
    """What each customer bought in the week from `as_of` on: (customers, products), above 0 where bought."""
    at = purchases["at"]
    week = purchases.loc[(at >= data.as_of) & (at < data.as_of + WEEK) & (purchases["quantity"] > 0)]
    row = data.customer_ids.get_indexer(pd.Index(week["customer_id"]))
    product = data.product_ids.get_indexer(pd.Index(week["product_id"]))
    known = (row >= 0) & (product >= 0)
    bought = (np.ones(known.sum(), dtype=np.float32), (row[known], product[known]))
    return sparse.coo_array(bought, shape=data.shape).tocsr()


def _bands(data: Dataset) -> NDArray[np.object_]:
    """Few, some or many orders: (customers,); customers with as many orders are in one band."""
    orders = pd.Series(data.order).groupby(data.customer).nunique().to_numpy()
    limits = np.quantile(orders, [1 / 3, 2 / 3])
    return np.asarray(BANDS[np.searchsorted(limits, orders)])


def _levels(paths: pd.Series) -> NDArray[np.int32]:
    """Code of each leading part of a category path: (products, depth), -1 below the path's own depth."""
    depth = paths.str.count(" > ").to_numpy() + 1
    codes = [np.where(depth > level, category_codes(paths, level), -1) for level in range(depth.max())]
    return np.column_stack(codes).astype(np.int32)


def _no_chances() -> Chances:
    return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=bool)
