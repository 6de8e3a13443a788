"""Evaluate: fit strictly before a week, judge on that week; each scorer and the blend, for any product and for new ones."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from engine.dataset import Dataset
from engine.hybrid import PARTITION, Candidates, Hybrid
from engine.metrics import PER_CUSTOMER
from engine.rerank import allowed, choose
from engine.slate import NO_RULES

WEEK = pd.Timedelta(days=7)


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
    customers with a target.

    Returns:
        columns scorer, task, cutoff, customers, precision, recall, map, ndcg, hit, coverage.
    """
    rows = []
    for cutoff in cutoffs:
        data = Dataset.from_frames(purchases, products, customers, offers, as_of=cutoff)
        hybrid = Hybrid().fit(data)
        bought = hybrid.scorers.repeat.times
        target = _target(purchases, data, cutoff)
        for task in ("any", "new"):
            wanted = target if task == "any" else _only_new(target, bought)
            judged = np.flatnonzero(np.diff(wanted.indptr))
            for name, picks in _slates(hybrid, judged, k, only_new=task == "new").items():
                rows.append(
                    {"scorer": name, "task": task, "cutoff": cutoff, **_judge(picks, wanted[judged], k, data.shape[1])}
                )
    return pd.DataFrame(rows)


def _target(purchases: pd.DataFrame, data: Dataset, cutoff: pd.Timestamp) -> sparse.csr_array:
    week = purchases[(purchases["at"] >= cutoff) & (purchases["at"] < cutoff + WEEK) & (purchases["quantity"] > 0)]
    row = data.customer_ids.get_indexer(pd.Index(week["customer_id"]))
    product = data.product_ids.get_indexer(pd.Index(week["product_id"]))
    known = (row >= 0) & (product >= 0)
    return sparse.coo_array(
        (np.ones(known.sum(), dtype=np.float32), (row[known], product[known])), shape=data.shape
    ).tocsr()


def _only_new(target: sparse.csr_array, bought: sparse.csr_array) -> sparse.csr_array:
    new = sparse.csr_array(target - target.multiply(bought.astype(bool)))
    new.eliminate_zeros()
    return new


def _slates(hybrid: Hybrid, judged: np.ndarray, k: int, *, only_new: bool) -> dict[str, list[np.ndarray]]:
    """The top k products of each judged customer, by scorer."""
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(judged), PARTITION):
        rows = judged[start : start + PARTITION]
        parts = {hybrid.name: hybrid.candidates(rows)}
        parts |= {scorer.name: _alone(scorer.score(rows), hybrid, rows) for scorer in hybrid.scorers.all()}
        for name, candidates in parts.items():
            good = allowed(candidates, NO_RULES, np.zeros(0, dtype=bool), set(), only_new=only_new)
            chosen = choose(candidates, good, k, np.zeros(0, dtype=np.int32), None)
            ends = np.searchsorted(candidates.row[chosen], np.arange(len(rows) + 1))
            picked = candidates.product[chosen]
            found.setdefault(name, []).extend(picked[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True))
    return found


def _alone(scores: sparse.csr_array, hybrid: Hybrid, rows: np.ndarray) -> Candidates:
    row = np.repeat(np.arange(len(rows)), np.diff(scores.indptr))
    times = hybrid.scorers.repeat.times[rows]
    bought = np.asarray(times[row, scores.indices]).ravel() > 0
    none = np.zeros(len(row), dtype=np.float32)
    return Candidates(row, scores.indices.astype(np.intp), scores.data, bought, bought, none)


def _judge(picks: list[np.ndarray], wanted: sparse.csr_array, k: int, products: int) -> dict[str, float]:
    totals = dict.fromkeys(PER_CUSTOMER, 0.0)
    for number, mine in enumerate(picks):
        target = wanted.indices[wanted.indptr[number] : wanted.indptr[number + 1]]
        hits = np.isin(mine, target).tolist()
        for name, measure in PER_CUSTOMER.items():
            totals[name] += measure(hits, len(target), k)
    shown = len(np.unique(np.concatenate(picks))) if picks else 0
    means = {name: total / max(len(picks), 1) for name, total in totals.items()}
    return {"customers": len(picks), **means, "coverage": shown / products}
