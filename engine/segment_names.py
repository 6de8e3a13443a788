"""Names of segments: words that say who is in it, no two alike, and the same from run to run for the same group."""

from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Labels = NDArray[np.intp]

LOYALTY = ("drifting away", "occasional", "regular", "loyal")
RHYTHM = ("buys every few days", "buys weekly", "buys every other week", "buys monthly", "buys seldom", "bought once")
GAP_DAYS = (4, 10, 20, 45)
"""The longest gap, in days, of each word of rhythm but the last two."""
MORE_OF = 1.15
"""From this lift of its share on, a department names a segment."""
SAME_GROUP = 0.5
"""Two groups are the same one when they share more than this part of their members (Jaccard): Hennig 2007
(Computational Statistics & Data Analysis 52) calls a cluster below it dissolved."""
APART = {
    "basket_minor": ("large baskets", "small baskets"),
    "spent_minor": ("spends more", "spends less"),
    "orders": ("many orders", "few orders"),
    "recency_days": ("longer silent", "bought lately"),
    "tenure_days": ("long known", "newer"),
}
"""What tells two groups apart that the other words do not: the word for more of a trait, the word for less."""


def name_groups(labels: Labels, known: pd.DataFrame, shares: pd.DataFrame, before: pd.Series | None) -> list[str]:
    """Name each group.

    Args:
        labels: (customers,) the group of each, from 0.
        known: the traits of each, in the same order.
        shares: (customers, departments) the taste of each, in the same order.
        before: (customers,) the name of each one's segment in the last run, missing for a newcomer.

    Returns:
        (groups,) names; a group that is still the same one and of which its name still holds keeps it.
    """
    medians = known[["recency_days", "orders", "gap_days"]].groupby(labels).median()
    lifts = lift_of_taste(labels, shares)
    fresh = [
        ", ".join([_loyalty(mine, known, alone=len(medians) == 1), _rhythm(mine), *_taste(lift)])
        for (_, mine), (_, lift) in zip(medians.iterrows(), lifts.iterrows(), strict=True)
    ]
    kept = {} if before is None else _kept(labels, before, fresh, lifts)
    return _distinct(fresh, kept, labels, known, shares)


def lift_of_taste(labels: NDArray[np.generic] | pd.Series, shares: pd.DataFrame) -> pd.DataFrame:
    """How many times everybody's mean share of each department a group's is: (groups, departments)."""
    return shares.groupby(np.asarray(labels)).mean() / shares.mean()


def _loyalty(mine: pd.Series, everyone: pd.DataFrame, *, alone: bool) -> str:
    if alone:
        return "regular"  # the other words compare it with the rest
    if mine["recency_days"] > 2 * max(everyone["recency_days"].median(), 14):
        return "drifting away"
    if mine["orders"] > 1 and mine["orders"] >= everyone["orders"].quantile(0.7):
        return "loyal"
    return "occasional" if mine["orders"] <= max(everyone["orders"].quantile(0.3), 1) else "regular"


def _rhythm(mine: pd.Series) -> str:
    if mine["orders"] <= 1:
        return "bought once"
    gap = mine["gap_days"]
    return RHYTHM[int(np.searchsorted(GAP_DAYS, gap))] if gap == gap else "buys seldom"  # noqa: PLR0124 NaN is not itself


def _taste(lift: pd.Series) -> list[str]:
    return [str(lift.idxmax())] if len(lift) and lift.max() > MORE_OF else []


def _kept(labels: Labels, before: pd.Series, fresh: list[str], lifts: pd.DataFrame) -> dict[int, str]:
    """The groups that are one of the last run, by the customers of both, and its name.

    More than half in common can be had with one group only, in either direction, so no assignment is to be solved.
    """
    codes, names = pd.factorize(before)
    both = codes >= 0
    shape = (len(fresh), len(names))
    common = np.bincount(labels[both] * shape[1] + codes[both], minlength=shape[0] * shape[1]).reshape(shape)
    either = common.sum(axis=1, keepdims=True) + common.sum(axis=0) - common
    same = np.argwhere(common > SAME_GROUP * either)
    return {
        int(group): str(names[old]) for group, old in same if _holds(str(names[old]), fresh[group], lifts.loc[group])
    }


def _holds(old: str, fresh: str, lift: pd.Series) -> bool:
    """Whether an old name is still true enough: each word at most a step away, no department bought less than usual."""
    words = old.split(", ")
    pairs = list(zip((LOYALTY, RHYTHM), words, fresh.split(", "), strict=False))
    if len(pairs) < 2 or any(word not in ladder for ladder, word, _ in pairs):
        return False
    near = all(abs(ladder.index(word) - ladder.index(now)) <= 1 for ladder, word, now in pairs)
    return near and all(lift[word] > 1 for word in words[2:] if word in lift)


def _distinct(
    fresh: list[str], kept: dict[int, str], labels: Labels, known: pd.DataFrame, shares: pd.DataFrame
) -> list[str]:
    """Add words to names that stand for more than one group, until each stands for one; a kept name stays as it is."""
    names = [kept.get(group, name) for group, name in enumerate(fresh)]
    if len(set(names)) == len(names):
        return names
    ranks = _ranks(labels, known, shares)
    unused = {group: [str(trait) for trait in ranks] for group in range(len(names))}
    for _ in range(ranks.shape[1]):
        for groups in _alike(names):
            _tell_apart(groups, names, kept, ranks, unused)
    return names


def _alike(names: list[str]) -> list[list[int]]:
    groups = defaultdict(list)
    for group, name in enumerate(names):
        groups[name].append(group)
    return [each for each in groups.values() if len(each) > 1]


def _tell_apart(
    groups: list[int], names: list[str], kept: dict[int, str], ranks: pd.DataFrame, unused: dict[int, list[str]]
) -> None:
    """Part groups of one name at the widest step of any trait, and add the word for more and the word for less."""
    traits = [trait for trait in unused[groups[0]] if all(trait in unused[group] for group in groups)]
    if not traits:
        return
    mine = ranks.loc[groups, traits]
    steps = {trait: np.diff(np.sort(mine[trait])) for trait in traits}
    widest = max(traits, key=lambda trait: steps[trait].max())
    border = np.sort(mine[widest])[int(steps[widest].argmax())]
    for group in groups:
        unused[group].remove(widest)
        if group not in kept:
            more, less = APART.get(widest, (f"more {widest}", f"less {widest}"))
            names[group] += f", {more if mine.loc[group, widest] > border else less}"


def _ranks(labels: Labels, known: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """Mean rank of each group in each trait and department, from 0 to 1: differences that can be compared."""
    traits = known.assign(basket_minor=known["spent_minor"] / known["orders"])[list(APART)]
    both = pd.concat([traits.reset_index(drop=True), shares.reset_index(drop=True)], axis=1)
    return both.rank(pct=True).groupby(labels).mean()
