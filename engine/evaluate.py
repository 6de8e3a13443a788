"""Judge every scorer on weeks it has not seen: fitted strictly before a cutoff, judged on the seven days from it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine import metrics
from engine.dataset import DAY, Dataset
from engine.hybrid import Blend
from engine.scorers.base import Scorer

PARTITION = 2_000
METRICS = {
    "precision": metrics.precision,
    "recall": metrics.recall,
    "map": metrics.average_precision,
    "ndcg": metrics.ndcg,
    "hit": metrics.hit,
}


def evaluate(  # noqa: PLR0913 - the protocol's own parts
    purchases: pd.DataFrame,
    products: pd.DataFrame,
    customers: pd.DataFrame | None,
    offers: pd.DataFrame | None,
    cutoffs: Sequence[pd.Timestamp],
    k: int = 10,
    tasks: Sequence[str] = ("any", "new"),
) -> pd.DataFrame:
    """Judge all scorers and their blend, before slate rules.

    The target of a household is each distinct recommendable product it bought in [cutoff, cutoff + 7 days), among
    customers and products seen before the cutoff; for the task "new", less what it bought before. Every figure is
    the mean over households with a target.

    Returns:
        One row per scorer, task and cutoff: scorer, task, cutoff, households, precision, recall, map, ndcg, hit, coverage.
    """
    rows = []
    for cutoff in cutoffs:
        dataset = Dataset.from_frames(purchases, products, customers, offers, as_of=cutoff)
        blend = Blend().fit(dataset)
        bought = dataset.matrix(np.ones(len(dataset.lines)))
        week = _week(purchases, dataset)
        for task in tasks:
            targets = _unbought(week, bought) if task == "new" else week
            for scorer in (*blend.scorers.values(), blend):
                judged = judge(scorer, targets, bought if task == "new" else None, k)
                rows.append({"scorer": scorer.name, "task": task, "cutoff": cutoff, **judged})
    return pd.DataFrame(rows)


def judge(scorer: Scorer, targets: sparse.csr_array, barred: sparse.csr_array | None, k: int) -> dict[str, float]:
    """Average each metric over the customers with a target; `barred` pairs are never picked."""
    households = np.flatnonzero(np.diff(targets.indptr))
    figures: dict[str, list[float]] = {name: [] for name in METRICS}
    picked = []
    for start in range(0, len(households), PARTITION):
        part = households[start : start + PARTITION]
        scores = scorer.score(part)
        if barred is not None:
            scores = _unbought(scores, sparse.csr_array(barred[part]))
        for row, customer in enumerate(part):
            picks = best(scores, row, k)
            wanted = targets.indices[targets.indptr[customer] : targets.indptr[customer + 1]]
            hits = np.isin(picks, wanted)
            picked.append(picks)
            for name, metric in METRICS.items():
                figures[name].append(metric(hits, len(wanted), k))
    means = {name: float(np.mean(values)) if values else float("nan") for name, values in figures.items()}
    everything = np.concatenate(picked) if picked else np.empty(0, dtype=np.int64)
    return {"households": len(households), **means, "coverage": metrics.coverage(everything, targets.shape[1])}


def best(scores: sparse.csr_array, row: int, k: int) -> NDArray[np.int64]:
    """Give the k products with the highest scores above 0 of a row, best first; ties by product number."""
    start, end = scores.indptr[row], scores.indptr[row + 1]
    products, values = scores.indices[start:end], scores.data[start:end]
    order = np.lexsort((products, -values))
    order = order[values[order] > 0][:k]
    return np.asarray(products[order], dtype=np.int64)


def _week(purchases: pd.DataFrame, dataset: Dataset) -> sparse.csr_array:
    inside = (purchases["at"] >= dataset.as_of) & (purchases["at"] < dataset.as_of + 7 * DAY) & (purchases["quantity"] > 0)
    week = purchases.loc[inside]
    customer = dataset.customer_numbers(week["customer_id"].tolist())
    product = dataset.products.index.get_indexer(week["product_id"])
    seen = (customer >= 0) & (product >= 0)
    ones = np.ones(int(seen.sum()), dtype=np.float32)
    return sparse.csr_array(sparse.coo_array((ones, (customer[seen], product[seen])), shape=dataset.shape))


def _unbought(scores: sparse.csr_array, bought: sparse.csr_array) -> sparse.csr_array:
    """Leave out the entries that `bought` has too."""
    mask = sparse.csr_array(scores.multiply(bought > 0))
    rest = sparse.csr_array(scores - mask)
    rest.eliminate_zeros()
    return rest
