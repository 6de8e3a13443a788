"""Lift: how much more a group buys each product than everybody, shrunk to 1 where little is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

LIFTED = 1.2
"""From this lift on a product may be said to be bought more by a group than by everybody."""


@dataclass(frozen=True)
class Lift:
    """What groups of customers buy, beside what everybody buys.

    Attributes:
        share: (groups, products) share of the group's votes.
        lift: (groups, products) that share over everybody's, shrunk; 1: nothing is known to be different.
        spread: the prior's variance of the lift, at least 0: how much groups differ beyond chance.
    """

    share: NDArray[np.float64]
    lift: NDArray[np.float64]
    spread: float


def lift_of_groups(votes: sparse.csr_array, group: NDArray[np.intp], groups: int) -> Lift:
    """Compare the votes of each group with those of all groups together.

    The lift of a cell is observed over expected votes. Its prior has mean 1 and a variance common to all cells, which
    is estimated by moments: what the lifts differ, less what they would differ had customers been dealt into groups
    of these sizes at random. So an attribute that tells nothing about purchases shrinks to 1 everywhere by itself.

    Args:
        votes: (customers, products) time-decayed purchases.
        group: (customers,) number of the group; -1: in none, and left out of everybody.
        groups: how many groups there are, also empty ones.

    Source: Clayton and Kaldor 1987 (Biometrics 43) for the shrunk ratio of observed to expected; Marshall 1991
    (Applied Statistics 40) for the moments. They take counts to be Poisson; decayed votes are none, so the variance of
    chance is that of a sample of customers without replacement.
    """
    known = np.flatnonzero(group >= 0)
    mine = sparse.csr_array(votes[known])
    member = sparse.csr_array((np.ones(len(known)), (group[known], np.arange(len(known)))), shape=(groups, len(known)))
    observed = np.asarray((member @ mine).toarray(), dtype=np.float64)
    total = observed.sum(axis=1, keepdims=True)
    expected = total * _part(observed.sum(axis=0), observed.sum())
    excess = _part(observed - expected, expected)
    chance = _part(_variance_of_chance(mine, np.bincount(group[known], minlength=groups)), expected**2)
    spread = max(float(_part((expected * (excess**2 - chance)).sum(), expected.sum())), 0.0)
    return Lift(_part(observed, total), 1 + excess * _part(np.asarray(spread), spread + chance), spread)


def _variance_of_chance(votes: sparse.csr_array, sizes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Variance of the summed votes of a random group of each size: (groups, products)."""
    n = votes.shape[0]
    mean = np.asarray(votes.sum(axis=0), dtype=np.float64) / max(n, 1)
    square = np.asarray(votes.multiply(votes).sum(axis=0), dtype=np.float64) / max(n, 1)
    of_one = (square - mean**2) * n / max(n - 1, 1)
    variance: NDArray[np.float64] = np.outer(sizes * (1 - sizes / max(n, 1)), of_one)
    return variance


def _part(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; nothing over nothing is 0."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)
