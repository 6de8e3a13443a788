"""From scored candidates to slates, all customers at once: the best place after place, within the limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.pairs import Values

Ints = NDArray[np.integer]


@dataclass(frozen=True)
class Cap:
    """A slate may hold so many of one group.

    Attributes:
        group: (products,) the group that each product is in.
        most: how many of a group a slate may hold.
    """

    group: NDArray[np.int32]
    most: int


@dataclass(frozen=True)
class Quota:
    """A slate should hold so many of some pairs.

    Attributes:
        member: (pairs,) which pairs count.
        least: how many it holds, as far as there are so many.
        most: how many it may hold, as far as the others suffice to fill it.
    """

    member: NDArray[np.bool_]
    least: int
    most: int


@dataclass(frozen=True)
class Variety:
    """Each further product of a group counts less.

    The gain of a slate is then submodular, of which choosing the best next, one after the other, reaches at least
    63 % of the best possible where no cap or quota stands (Nemhauser, Wolsey, Fisher 1978, Math. Programming 14).

    Attributes:
        group: (products,) the group that each product is in.
        kept: what a product's score is worth for each of its group that is in the slate already, 0 to 1.
    """

    group: NDArray[np.int32]
    kept: float


def choose(
    row: Ints,
    product: Ints,
    score: Values,
    size: int,
    caps: Sequence[Cap] = (),
    quotas: Sequence[Quota] = (),
    variety: Variety | None = None,
) -> NDArray[np.intp]:
    """Choose up to `size` pairs of each row, best first; ties go to the lower product column.

    Args:
        row: (pairs,) ascending.
        product: (pairs,) ascending within a row.
        score: (pairs,) at least 0; the higher, the better.
        size: products in a slate, at most.
        caps: never broken.
        quotas: kept as far as the candidates allow.
        variety: lets a group's further products count less.

    Returns:
        indices of the chosen pairs, by row, then by place.
    """
    slates = _Slates(row, product, score, size, caps, quotas, variety)
    chosen = [slates.next(place) for place in range(size)]
    return _by_row(row, chosen)


class _Slates:
    """The slates of several customers while they fill."""

    def __init__(
        self,
        row: Ints,
        product: Ints,
        score: Values,
        size: int,
        caps: Sequence[Cap],
        quotas: Sequence[Quota],
        variety: Variety | None,
    ) -> None:
        self._start = np.flatnonzero(np.diff(row, prepend=-1))
        self._slate = np.cumsum(np.diff(row, prepend=-1) != 0) - 1
        self._gain = score.astype(np.float64)
        self._size, self._quotas = size, quotas
        self._caps = [(cap.group[product], cap.most, np.zeros(len(row), dtype=np.int16)) for cap in caps]
        self._variety = variety and (variety.group[product], variety.kept)
        self._held = [np.zeros(len(self._start), dtype=np.intp) for _ in quotas]

    def next(self, place: int) -> NDArray[np.intp]:
        """Fill one more place of every slate that can be filled: the pairs chosen."""
        if not len(self._start):
            return np.zeros(0, dtype=np.intp)
        best = self._best(self._wanted(place))
        short = np.setdiff1d(np.arange(len(self._start)), self._slate[best], assume_unique=True)
        if self._quotas and len(short):  # nothing fits the quotas: better a full slate than a short one
            best = np.sort(np.concatenate([best, self._best(np.isin(self._slate, short))]))
        self._take(best)
        return best

    def _wanted(self, place: int) -> NDArray[np.bool_] | None:
        """Which pairs the quotas leave for the next place."""
        if not self._quotas:
            return None
        open_places = self._size - place
        needs = [np.maximum(quota.least - held, 0) for quota, held in zip(self._quotas, self._held, strict=True)]
        pressed: NDArray[np.bool_] = np.sum(needs, axis=0) >= open_places
        wanted: NDArray[np.bool_] = ~pressed[self._slate]
        for quota, held, need in zip(self._quotas, self._held, needs, strict=True):
            wanted |= quota.member & (need > 0)[self._slate]
            wanted &= ~(quota.member & (held >= quota.most)[self._slate])
        return wanted

    def _best(self, wanted: NDArray[np.bool_] | None) -> NDArray[np.intp]:
        """The best pair of each slate among those wanted."""
        gain = self._gain if wanted is None else np.where(wanted, self._gain, -1)
        highest = np.maximum.reduceat(gain, self._start)
        places = np.flatnonzero((gain == highest[self._slate]) & (gain >= 0))
        return places[np.unique(self._slate[places], return_index=True)[1]]

    def _take(self, best: NDArray[np.intp]) -> None:
        taken = np.full(len(self._start), -1, dtype=np.intp)
        taken[self._slate[best]] = best
        mine = taken[self._slate]
        for group, most, count in self._caps:
            np.add(count, (mine >= 0) & (group == group[mine]), out=count)
            self._gain[count >= most] = -1
        if self._variety:
            group, kept = self._variety
            self._gain[(mine >= 0) & (group == group[mine]) & (self._gain > 0)] *= kept
        for quota, held in zip(self._quotas, self._held, strict=True):
            held[self._slate[best]] += quota.member[best]
        self._gain[best] = -1


def _by_row(row: Ints, chosen: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    pairs = np.concatenate(chosen)
    return pairs[np.argsort(row[pairs], kind="stable")]
