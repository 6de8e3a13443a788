"""How good a ranking was: each metric is over one household; `hits` says which of the k picks were bought."""

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]


def precision(hits: Hits, targets: int, k: int) -> float:
    """precision@k = bought picks / k.

    >>> precision(np.array([True, False, True, False]), targets=2, k=4)
    0.5
    """
    return float(hits[:k].sum() / k)


def recall(hits: Hits, targets: int, k: int) -> float:
    """recall@k = bought picks / bought products.

    >>> recall(np.array([True, False, True, False]), targets=4, k=4)
    0.5
    """
    return float(hits[:k].sum() / targets)


def average_precision(hits: Hits, targets: int, k: int) -> float:
    """AP@k = sum over bought picks at rank r of precision@r, divided by min(k, bought products).

    >>> average_precision(np.array([True, False]), targets=1, k=2)
    1.0
    """
    found = hits[:k]
    ranks = np.arange(1, len(found) + 1)
    return float((np.cumsum(found) / ranks)[found].sum() / min(k, targets))


def ndcg(hits: Hits, targets: int, k: int) -> float:
    """nDCG@k = sum over bought picks of 1/log2(rank + 1), divided by the same sum of a perfect min(k, bought) picks.

    >>> ndcg(np.array([True, True]), targets=2, k=2)
    1.0
    >>> round(ndcg(np.array([False, True]), targets=1, k=2), 4)
    0.6309
    """
    gains = 1 / np.log2(np.arange(2, k + 2))
    return float(gains[: len(hits[:k])][hits[:k]].sum() / gains[: min(k, targets)].sum())


def hit(hits: Hits, targets: int, k: int) -> float:
    """hit@k = 1 if any pick was bought, else 0.

    >>> hit(np.array([False, True]), targets=1, k=1)
    0.0
    """
    return float(hits[:k].any())


def coverage(picked: NDArray[np.int64], products: int) -> float:
    """Coverage = distinct picked products / products that could be picked.

    >>> coverage(np.array([1, 1, 2]), products=4)
    0.5
    """
    return float(len(np.unique(picked)) / products)
