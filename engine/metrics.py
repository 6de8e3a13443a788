"""How good a slate was: precision, recall, MAP, nDCG, hit rate, coverage, all at k."""

from collections.abc import Sequence

import numpy as np


def precision(hits: Sequence[bool], relevant: int, k: int) -> float:
    """Share of the k places that hit: hits / k.

    >>> precision([True, False], relevant=3, k=2)
    0.5
    """
    return sum(hits[:k]) / k


def recall(hits: Sequence[bool], relevant: int, k: int) -> float:
    """Share of what was bought that the slate held: hits / relevant.

    >>> recall([True, False], relevant=4, k=2)
    0.25
    """
    return sum(hits[:k]) / relevant


def average_precision(hits: Sequence[bool], relevant: int, k: int) -> float:
    """Mean of the precision at each hit, over min(k, relevant).

    >>> average_precision([True, False, True], relevant=2, k=3)  # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    places = np.flatnonzero(np.asarray(hits[:k], dtype=bool))
    return float(sum((n + 1) / (place + 1) for n, place in enumerate(places)) / min(k, relevant))


def ndcg(hits: Sequence[bool], relevant: int, k: int) -> float:
    """Discounted gain, sum of 1 / log2(place + 1) at hits, over that of min(k, relevant) hits in front.

    >>> round(ndcg([False, True], relevant=1, k=2), 4)
    0.6309
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gained = discounts[: len(hits[:k])][np.asarray(hits[:k], dtype=bool)].sum()
    return float(gained / discounts[: min(k, relevant)].sum())


def hit(hits: Sequence[bool], relevant: int, k: int) -> float:
    """1 if anything in the slate was bought.

    >>> hit([False, True], relevant=1, k=2)
    1.0
    """
    return float(any(hits[:k]))


PER_CUSTOMER = {"precision": precision, "recall": recall, "map": average_precision, "ndcg": ndcg, "hit": hit}
