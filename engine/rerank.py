"""From scored candidates to slates: rules first, then the best in order."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.hybrid import Candidates
from engine.slate import SlateRules

Pairs = NDArray[np.intp]
"""(n, 2): which of the asked customers, and the column of a product."""

Cap = tuple[NDArray[np.int32], int]
"""(products,) the group that each product is in, and how many of a group a slate may hold."""

NO_PAIRS: Pairs = np.zeros((0, 2), dtype=np.intp)


def allowed(found: Candidates, rules: SlateRules, excluded: Pairs, *, only_new: bool) -> NDArray[np.bool_]:
    """Which candidate pairs the rules allow, as far as it depends on the customer; see `showable` for the rest.

    Args:
        found: candidate pairs.
        rules: what a slate must keep.
        excluded: pairs not to show.
        only_new: leave out whatever the customer bought before.
    """
    good = np.ones(len(found.row), dtype=bool)
    if only_new:
        good &= ~found.bought
    if rules.not_bought_days is not None:
        good &= (found.last_days > rules.not_bought_days) | found.due
    if len(excluded):
        width = max(found.product.max(initial=0), excluded[:, 1].max()) + 1
        good &= ~np.isin(found.row * width + found.product, excluded[:, 0] * width + excluded[:, 1])
    return good


def showable(catalog: pd.DataFrame, rules: SlateRules) -> NDArray[np.bool_]:
    """Which products the rules let into a slate, whoever it is for.

    Args:
        catalog: (products,) category_path, available.
        rules: what a slate must keep.
    """
    good = np.ones(len(catalog), dtype=bool)
    if rules.in_stock:
        good &= catalog["available"].eq(True).to_numpy(bool)
    if rules.without_categories:
        unwanted = {name.casefold() for name in rules.without_categories}
        codes, paths = pd.factorize(catalog["category_path"])
        within = [not unwanted.isdisjoint(str(path).casefold().split(" > ")) for path in paths]
        good &= ~np.array([*within, False])[codes]  # -1: no path
    return good


def category_codes(paths: pd.Series, level: int) -> NDArray[np.int32]:
    """Number the categories of products at a level of their path; a product without one is alone in its own.

    >>> category_codes(pd.Series(["Food > Milk > Whole", "Food > Milk > Skim", "", ""]), level=1).tolist()
    [0, 0, 1, 2]
    """
    names = [" > ".join(path[: level + 1]) for path in paths.str.split(" > ")]
    return pd.factorize(np.array([name or place for place, name in enumerate(names)], dtype=object))[0].astype(np.int32)


def caps_of(catalog: pd.DataFrame, rules: SlateRules) -> list[Cap]:
    """The caps that rules put on a slate.

    Args:
        catalog: (products,) category_path, title.
        rules: what a slate must keep.
    """
    caps: list[Cap] = []
    if rules.max_per_category is not None:
        caps.append((category_codes(catalog["category_path"], rules.category_level), rules.max_per_category))
    if rules.same_title_once:
        caps.append((category_codes(catalog["title"], 0), 1))
    return caps


def choose(found: Candidates, good: NDArray[np.bool_], size: int, caps: Sequence[Cap]) -> NDArray[np.intp]:
    """Choose up to `size` allowed pairs of each row, best first, within the caps.

    Returns:
        indices into the pairs, by row, then rank.
    """
    index = np.flatnonzero(good)
    # Ties go to the lower product column, so that the order of work changes nothing.
    order = index[np.lexsort((found.product[index], -found.score[index], found.row[index]))]
    if not len(order):
        return order
    rows = found.row[order]
    chosen = [
        _within(mine, found.product[mine], size, caps) if caps else mine[:size]
        for mine in np.split(order, np.flatnonzero(np.diff(rows)) + 1)
    ]
    return np.concatenate(chosen)


def _within(mine: NDArray[np.intp], products: NDArray[np.intp], size: int, caps: Sequence[Cap]) -> NDArray[np.intp]:
    taken: list[Counter[int]] = [Counter() for _ in caps]
    most = [cap for _, cap in caps]
    kept: list[int] = []
    for place, groups in enumerate(zip(*(codes[products].tolist() for codes, _ in caps), strict=True)):
        if all(count[group] < cap for count, group, cap in zip(taken, groups, most, strict=True)):
            for count, group in zip(taken, groups, strict=True):
                count[group] += 1
            kept.append(place)
            if len(kept) == size:
                break
    return mine[kept]
