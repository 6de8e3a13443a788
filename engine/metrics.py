"""How good slates were, all customers at once: what hit, how novel and how diverse they are, and calibration.

`hits` is (customers, k): whether each place of a slate was bought, best place first; a place that a short slate leaves
empty is no hit. `relevant` is (customers,): how many products each bought, 1 or more. Every figure is (customers,).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.intp]
Figures = NDArray[np.float64]
Slates = NDArray[np.intp]
"""(customers, k) product columns, best first; -1 where a slate is shorter than k."""


def precision(hits: Hits, relevant: Counts) -> Figures:
    """Share of the k places that hit: hits / k.

    >>> precision(np.array([[True, False]]), np.array([3])).tolist()
    [0.5]
    """
    return np.asarray(hits.mean(axis=1))


def recall(hits: Hits, relevant: Counts) -> Figures:
    """Share of what was bought that the slate held: hits / relevant.

    >>> recall(np.array([[True, False]]), np.array([4])).tolist()
    [0.25]
    """
    return np.asarray(hits.sum(axis=1) / relevant, dtype=np.float64)


def average_precision(hits: Hits, relevant: Counts) -> Figures:
    """Mean of the precision at each hit, over min(k, relevant).

    >>> average_precision(np.array([[True, False, True]]), np.array([2])).tolist()  # (1/1 + 2/3) / 2
    [0.8333333333333333]
    """
    places = np.arange(1, hits.shape[1] + 1)
    at_hits = np.where(hits, np.cumsum(hits, axis=1) / places, 0)
    return np.asarray(at_hits.sum(axis=1) / np.minimum(len(places), relevant))


def ndcg(hits: Hits, relevant: Counts) -> Figures:
    """Discounted gain, sum of 1 / log2(place + 1) at hits, over that of min(k, relevant) hits in front.

    Source: Järvelin, Kekäläinen 2002 (TOIS).

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4).tolist()
    [0.6309]
    """
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    best = np.cumsum(discounts)[np.minimum(len(discounts), relevant) - 1]
    return np.asarray((hits * discounts).sum(axis=1) / best, dtype=np.float64)


def hit(hits: Hits, relevant: Counts) -> Figures:
    """1 if anything in the slate was bought.

    >>> hit(np.array([[False, True], [False, False]]), np.array([1, 1])).tolist()
    [1.0, 0.0]
    """
    return np.asarray(hits.any(axis=1), dtype=np.float64)


PER_CUSTOMER = {"precision": precision, "recall": recall, "map": average_precision, "ndcg": ndcg, "hit": hit}


def novelty(slates: Slates, share: NDArray[np.float64]) -> Figures:
    """Mean of -log2(share of customers who bought the product before) over a slate, in bits; an empty slate has none.

    Args:
        slates: product columns.
        share: (products,) above 0.

    Source: self-information, Zhou et al. 2010 (PNAS 107:4511).

    >>> novelty(np.array([[0, 1], [0, -1], [-1, -1]]), np.array([0.5, 0.125])).tolist()  # 1 bit and 3 bits
    [2.0, 1.0, nan]
    """
    filled = slates >= 0
    bits = np.where(filled, -np.log2(share)[slates], 0).sum(axis=1)
    return _over(bits, filled.sum(axis=1))


def diversity(slates: Slates, levels: NDArray[np.int32]) -> Figures:
    """Mean distance of the pairs in a slate: 1 - leading category levels shared / levels of the deeper of both.

    0: all of one category; 1: no two share even the widest level. A slate of one product has none.

    Args:
        slates: product columns.
        levels: (products, depth) code of each leading part of the category path, -1 below the product's own depth.

    Source: intra-list distance, Ziegler et al. 2005 (WWW); Castells, Hurley, Vargas 2015 (Recommender Systems
    Handbook, chapter 26).

    >>> levels = np.array([[0, 0], [0, 1], [1, 2], [0, -1]])  # Food > Milk, Food > Bread, Home > Soap, Food
    >>> diversity(np.array([[0, 1, 2], [0, 3, -1], [0, -1, -1]]), levels).round(4).tolist()  # (1/2 + 1 + 1) / 3
    [0.8333, 0.5, nan]
    """
    one, other = np.triu_indices(slates.shape[1], 1)
    first, second = levels[slates[:, one]], levels[slates[:, other]]
    shared = ((first == second) & (first >= 0)).sum(axis=2)
    deeper = np.maximum((first >= 0).sum(axis=2), (second >= 0).sum(axis=2))
    real = (slates[:, one] >= 0) & (slates[:, other] >= 0)
    return _over(np.where(real, 1 - shared / np.maximum(deeper, 1), 0).sum(axis=1), real.sum(axis=1))


def _over(sums: Figures, counts: Counts) -> Figures:
    return np.asarray(np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0))


def calibration(predicted: NDArray[np.float32], happened: NDArray[np.bool_], bins: int = 10) -> pd.DataFrame:
    """Compare predicted chances with what happened, in bins of equal counts from the lowest chance to the highest.

    Args:
        predicted: (pairs,) chance that each comes true, 0 to 1.
        happened: (pairs,) whether it did.
        bins: how many, at most; fewer pairs than that make one bin each.

    Returns:
        columns pairs, predicted (mean chance), observed (share that happened).

    Source: equal-count bins, Nguyen, O'Connor 2015 (EMNLP).

    >>> calibration(np.array([0.1, 0.9, 0.1, 0.7]), np.array([False, True, False, True]), bins=2)
       pairs  predicted  observed
    0      2        0.1       0.0
    1      2        0.8       1.0
    """
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    figures = [(len(part), predicted[part].mean(dtype=np.float64), happened[part].mean()) for part in parts]
    return pd.DataFrame(figures, columns=["pairs", "predicted", "observed"])


def calibration_error(table: pd.DataFrame) -> float:
    """Mean distance of predicted and observed over the pairs of a calibration table; NaN if it is empty.

    Source: expected calibration error, Naeini, Cooper, Hauskrecht 2015 (AAAI).

    >>> round(calibration_error(pd.DataFrame({"pairs": [3, 1], "predicted": [0.1, 0.8], "observed": [0, 1]})), 4)
    0.125
    """
    distance = (table["predicted"] - table["observed"]).abs()
    return float((distance * table["pairs"]).sum() / table["pairs"].sum()) if len(table) else float("nan")


def mean_ndcg(score: NDArray[np.float32], hit: NDArray[np.bool_], groups: NDArray[np.intp], k: int) -> float:
    """Mean nDCG over groups of scored pairs, each group a customer's candidates; groups without a hit are left out.

    Args:
        score: (pairs,) the higher, the further in front; ties in the order given.
        hit: (pairs,) whether it was bought.
        groups: (groups,) how many pairs each group has, in order.
        k: how many places count.

    >>> pairs = np.array([1, 2, 3], dtype=np.float32), np.array([True, False, True])
    >>> round(mean_ndcg(*pairs, np.array([2, 1]), k=1), 4)  # 0 and 1
    0.5
    """
    group = np.repeat(np.arange(len(groups)), groups)
    order = np.lexsort((-score, group))
    place = np.arange(len(order)) - np.repeat(np.cumsum(groups) - groups, groups)
    discount = np.where(place < k, 1 / np.log2(place + 2), 0)
    gained = np.bincount(group, discount * hit[order], minlength=len(groups))
    wanted = np.bincount(group, hit, minlength=len(groups)).astype(int)
    ideal = np.concatenate([[0], np.cumsum(1 / np.log2(np.arange(k) + 2))])[np.minimum(wanted, k)]
    judged = wanted > 0
    return float((gained[judged] / ideal[judged]).mean()) if judged.any() else 0.0
