"""Evaluate: fit strictly before a week, judge on that week; each scorer and the blend, for any product and for new."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.hybrid import PARTITION, Candidates, Hybrid
from engine.metrics import PER_CUSTOMER
from engine.rerank import NO_PAIRS, allowed, choose
from engine.scorers.base import Rows, known_rows, values_at
from engine.slate import NO_RULES

WEEK = pd.Timedelta(days=7)
COLUMNS = ["scorer", "task", "cutoff", "customers", *PER_CUSTOMER, "coverage"]
Picks = list[NDArray[np.intp]]
"""The products of each judged customer's slate, best first."""


def evaluate(
    purchases: pd.DataFrame,
    products: pd.DataFrame,
    customers: pd.DataFrame | None,
    offers: pd.DataFrame | None,
    cutoffs: Sequence[pd.Timestamp],
    k: int = 10,
) -> pd.DataFrame:
    """Judge on the week after each cut-off.

    The target of a customer is the distinct recommendable products bought in that week, among customers and products
    seen before it; task `any` is all of them, task `new` only what the customer never bought before. Means are over
    customers with a target; a week in which nobody has one has no row.

    Returns:
        columns scorer, task, cutoff, customers, precision, recall, map, ndcg, hit, coverage.

    Raises:
        NothingToLearn: nothing was bought before a cut-off.
    """
    rows = []
    for cutoff in cutoffs:
        data = Dataset.from_frames(purchases, products, customers, offers, as_of=cutoff)
        hybrid = Hybrid().fit(data)
        target = _target(purchases, data)
        only_new = _only_new(target, hybrid.scorers.repeat.times)
        for task, wanted in (("any", target), ("new", only_new)):
            judged = np.flatnonzero(np.diff(wanted.indptr))
            for name, picks in _slates(hybrid, judged, k, only_new=task == "new").items():
                figures = _judge(picks, sparse.csr_array(wanted[judged]), k)
                rows.append({"scorer": name, "task": task, "cutoff": cutoff, **figures})
    return pd.DataFrame(rows, columns=COLUMNS)


def _target(purchases: pd.DataFrame, data: Dataset) -> sparse.csr_array:
    """What each customer bought in the week from `as_of` on: (customers, products), above 0 where bought."""
    at = purchases["at"]
    week = purchases.loc[(at >= data.as_of) & (at < data.as_of + WEEK) & (purchases["quantity"] > 0)]
    row = data.customer_ids.get_indexer(pd.Index(week["customer_id"]))
    product = data.product_ids.get_indexer(pd.Index(week["product_id"]))
    known = (row >= 0) & (product >= 0)
    bought = (np.ones(known.sum(), dtype=np.float32), (row[known], product[known]))
    return sparse.coo_array(bought, shape=data.shape).tocsr()


def _only_new(target: sparse.csr_array, bought: sparse.csr_array) -> sparse.csr_array:
    new = sparse.csr_array(target - target.multiply(bought.astype(bool)))
    new.eliminate_zeros()
    return new


def _slates(hybrid: Hybrid, judged: Rows, k: int, *, only_new: bool) -> dict[str, Picks]:
    """The top k products of each judged customer, by scorer."""
    found: dict[str, Picks] = {}
    for start in range(0, len(judged), PARTITION):
        rows = judged[start : start + PARTITION]
        parts = {hybrid.name: hybrid.candidates(rows)}
        parts |= {scorer.name: _alone(scorer.score(rows), hybrid, rows) for scorer in hybrid.scorers.all()}
        for name, candidates in parts.items():
            found.setdefault(name, []).extend(_top(candidates, len(rows), k, only_new=only_new))
    return found


def _top(candidates: Candidates, rows: int, k: int, *, only_new: bool) -> Picks:
    good = allowed(candidates, NO_RULES, NO_PAIRS, only_new=only_new)
    picked = candidates.take(choose(candidates, good, k, []))
    ends = np.searchsorted(picked.row, np.arange(rows + 1))
    return [picked.product[start:stop] for start, stop in pairwise(ends)]


def _alone(scores: sparse.csr_array, hybrid: Hybrid, rows: Rows) -> Candidates:
    """The candidates of one scorer, in its own order."""
    row = np.repeat(np.arange(len(rows)), np.diff(scores.indptr))
    product = scores.indices.astype(np.intp)
    bought = values_at(known_rows(hybrid.scorers.repeat.times, rows), row, product) > 0
    return Candidates(row, product, scores.data, bought, bought, np.zeros(len(row), dtype=np.float32))


def _judge(picks: Picks, wanted: sparse.csr_array, k: int) -> dict[str, float]:
    totals = dict.fromkeys(PER_CUSTOMER, 0.0)
    for mine, (start, stop) in zip(picks, pairwise(wanted.indptr), strict=True):
        target = wanted.indices[start:stop]
        hits = np.isin(mine, target).tolist()
        for name, measure in PER_CUSTOMER.items():
            totals[name] += measure(hits, len(target), k)
    means = {name: total / len(picks) for name, total in totals.items()}
    return {"customers": len(picks), **means, "coverage": len(np.unique(np.concatenate(picks))) / wanted.shape[1]}
