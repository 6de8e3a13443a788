"""From scored candidates to slates: rules first, then the best in order."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from engine.hybrid import Candidates
from engine.slate import SlateRules


def allowed(
    found: Candidates,
    rules: SlateRules,
    available: NDArray[np.bool_],
    excluded: set[tuple[int, int]],
    *,
    only_new: bool,
) -> NDArray[np.bool_]:
    """Which candidate pairs the rules allow.

    Args:
        found: candidate pairs.
        rules: what a slate must keep.
        available: (products,) whether each can be bought now.
        excluded: (row, product) pairs not to show.
        only_new: leave out whatever the customer bought before.
    """
    good = np.ones(len(found.row), dtype=bool)
    if rules.in_stock:
        good &= available[found.product]
    if only_new:
        good &= ~found.bought
    if rules.not_bought_days is not None:
        good &= (found.last_days > rules.not_bought_days) | found.due
    if excluded:
        pairs = zip(found.row.tolist(), found.product.tolist(), strict=True)
        good &= np.fromiter((pair not in excluded for pair in pairs), dtype=bool, count=len(good))
    return good


def choose(
    found: Candidates, good: NDArray[np.bool_], size: int, categories: NDArray[np.int32], most: int | None
) -> NDArray[np.intp]:
    """Choose up to `size` allowed pairs of each row, best first, at most `most` of one category.

    Returns:
        indices into the pairs, by row, then rank.
    """
    index = np.flatnonzero(good)
    # Ties go to the lower product column, so that the order of work changes nothing.
    order = index[np.lexsort((found.product[index], -found.score[index], found.row[index]))]
    rows = found.row[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else rows
    chosen: list[NDArray[np.intp]] = []
    for mine in np.split(order, starts[1:]) if len(rows) else []:
        chosen.append(mine[:size] if most is None else _at_most(mine, categories[found.product[mine]], size, most))
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.intp)


def _at_most(mine: NDArray[np.intp], categories: NDArray[np.int32], size: int, most: int) -> NDArray[np.intp]:
    taken: Counter[int] = Counter()
    kept: list[int] = []
    for place, category in enumerate(categories.tolist()):
        if taken[category] < most:
            taken[category] += 1
            kept.append(place)
            if len(kept) == size:
                break
    return mine[kept]
