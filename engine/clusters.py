"""Clusters: how many groups a table of customers falls into, and which group each is in.

The number is searched on a sample, so a million customers cost little more than five thousand. Three questions are
asked of each number k: is any group too small; does k-means find the same groups when half of the customers are left
out; do the groups stand apart more than those that k-means cuts out of a structureless cloud.

Sources: Rousseeuw 1987 (J. Comput. Appl. Math. 20) for the silhouette; Tibshirani, Walther, Hastie 2001 (JRSS B 63) for
comparing it, in logarithms, with structureless data; Ben-Hur, Elisseeff, Guyon 2002 (PSB 7) and von Luxburg 2010
(Found. Trends Mach. Learn. 2) for stability under sampling; Hubert and Arabie 1985 (J. Classif. 2) for the Rand index.
"""

import warnings
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, silhouette_score

Table = NDArray[np.float64]
Labels = NDArray[np.intp]

MOST_SEGMENTS = 8
"""More than a marketer keeps apart."""
FEWEST_A_SEGMENT = 15
SAMPLE = 5_000
COMPARED = 2_000
"""Customers of the sample whose silhouette is taken: it costs their square."""
CLOUDS, STARTS = 5, 4
FEWEST_SPLITS, MOST_SPLITS = 10, 80
"""Halvings to judge stability by: the most, where the mean is within two standard errors of `STABLE`."""
STABLE = 0.8
"""A mean adjusted Rand index from here on is good agreement: Steinley 2004 (Psychological Methods 9)."""
STILL_STABLE = 0.65
"""Moderate agreement, by the same source: enough to keep the number that the last run chose, not to choose it anew."""
GIVE = 0.1
"""Numbers whose silhouettes over chance are within a tenth of the best (in logarithms) count as equally good."""
SAME_FIT = 1.02
"""How much worse than the best start the groups of the last run may fit as a start, and still be taken."""


@dataclass(frozen=True)
class Tried:
    """One number of groups, and how it did; `chance` and `spread`: the silhouette in structureless clouds."""

    k: int
    smallest: int
    silhouette: float
    chance: float
    spread: float
    stability: float

    @property
    def gain(self) -> float:
        """How far the silhouette is above chance, in logarithms; 0 where it is not above it beyond doubt."""
        sure = self.silhouette > max(self.chance + 3 * self.spread, 0.0)
        return log(self.silhouette / max(self.chance, 1e-3)) if sure else 0.0


@dataclass(frozen=True)
class Choice:
    """The number of groups, and what was tried.

    Attributes:
        customers: how many there were to group.
        chosen: the number taken; None: one segment.
    """

    customers: int
    tried: tuple[Tried, ...]
    chosen: Tried | None

    @property
    def k(self) -> int:
        """How many groups."""
        return self.chosen.k if self.chosen else 1

    def __str__(self) -> str:
        """Say in one sentence how the number came about."""
        if self.chosen:
            best = self.chosen
            return (
                f"{best.k} segments: silhouette {best.silhouette:.2f} ({best.chance:.2f} in a structureless crowd), "
                f"stable ({best.stability:.2f}) when half of the customers are left out"
            )
        if not self.tried:
            return f"1 segment: {self.customers:,} customers are too few, or too much alike, to part"
        large = [each for each in self.tried if each.smallest >= FEWEST_A_SEGMENT]
        if not large:
            return f"1 segment: every parting has a group of fewer than {FEWEST_A_SEGMENT} customers"
        steadiest = max(each.stability for each in large)
        if steadiest < STABLE:
            return f"1 segment: no parting is stable when half of the customers are left out (best {steadiest:.2f})"
        return "1 segment: no stable parting stands apart more than in a structureless crowd"


def cluster(table: Table, seed: int, before: Labels | None = None) -> tuple[Labels, Choice]:
    """Put each customer into one of 1 to `MOST_SEGMENTS` groups.

    Args:
        table: (customers, traits) each of about unit variance.
        seed: of every draw.
        before: (customers,) the group of each in the last run, from 0; -1: in none. Its number of groups is kept as
            long as it is nearly the best, and its groups are a start, so that groups do not flicker from run to run.

    Returns:
        (customers,) the group, from 0; how the number was chosen.
    """
    random = np.random.default_rng(seed)
    picked = random.permutation(len(table))[:SAMPLE]
    sample, groups = table[picked], 0 if before is None else int(before.max(initial=-1)) + 1
    most = min(MOST_SEGMENTS, len(sample) // FEWEST_A_SEGMENT, len(np.unique(sample, axis=0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct customers than groups: found too small
        tried = tuple(_try(sample, k, random) for k in range(2, most + 1))
        choice = Choice(len(table), tried, _choose(tried, groups))
        if choice.chosen is None:
            return np.zeros(len(table), dtype=np.intp), choice
        start = _middles(sample, before[picked], choice.k) if before is not None and groups == choice.k else None
        return _fit(sample, choice.k, seed, start).predict(table).astype(np.intp), choice


def _try(sample: Table, k: int, random: np.random.Generator) -> Tried:
    labels = _kmeans(sample, k, random).labels_
    clouds = [_silhouette(cloud, _kmeans(cloud, k, random).labels_) for cloud in _clouds(sample, random)]
    return Tried(
        k=k,
        smallest=int(np.bincount(labels, minlength=k).min()),
        silhouette=_silhouette(sample, labels),
        chance=float(np.mean(clouds)),
        spread=float(np.std(clouds, ddof=1)),
        stability=_stability(sample, k, random),
    )


def _choose(tried: tuple[Tried, ...], before: int) -> Tried | None:
    """Take the largest of the stable numbers that gain most over chance; or the last run's, where it is one of them.

    Raw silhouettes of different numbers can't be compared: in a cloud without structure, two halves already have a
    higher one than three thirds. Among equally good numbers the largest tells the marketer most.
    """
    sound = [each for each in tried if each.smallest >= FEWEST_A_SEGMENT and each.gain > 0]
    stable = [each for each in sound if each.stability >= STABLE]
    enough = max((each.gain for each in stable), default=0.0) - GIVE
    kept = [each for each in sound if each.k == before and each.stability >= STILL_STABLE and each.gain >= enough]
    good = kept or [each for each in stable if each.gain >= enough]
    return max(good, key=lambda each: each.k, default=None)


def _stability(sample: Table, k: int, random: np.random.Generator) -> float:
    """Mean agreement on all customers of groups learnt on one half and on the other."""
    half = len(sample) // 2
    agreed: list[float] = []
    while len(agreed) < FEWEST_SPLITS or (len(agreed) < MOST_SPLITS and _in_doubt(agreed)):
        order = random.permutation(len(sample))
        one, other = (_kmeans(sample[part], k, random) for part in (order[:half], order[half:]))
        agreed.append(adjusted_rand_score(one.predict(sample), other.predict(sample)))
    return float(np.mean(agreed))


def _in_doubt(agreed: list[float]) -> bool:
    error = float(np.std(agreed, ddof=1)) / sqrt(len(agreed))
    return abs(float(np.mean(agreed)) - STABLE) < 2 * error


def _clouds(sample: Table, random: np.random.Generator) -> list[Table]:
    """Normal clouds as wide as the sample along each of its axes; a silhouette does not see the turn."""
    few = sample[:COMPARED]
    widths = np.linalg.svd(few - few.mean(axis=0), compute_uv=False) / np.sqrt(len(few))
    return [random.normal(size=(len(few), len(widths))) * widths for _ in range(CLOUDS)]


def _silhouette(sample: Table, labels: Labels) -> float:
    """The mean silhouette of a bounded number of customers; -1 where all of them are in one group."""
    few, groups = sample[:COMPARED], len(np.unique(labels[:COMPARED]))
    return float(silhouette_score(few, labels[:COMPARED])) if 1 < groups < len(few) else -1.0


def _kmeans(table: Table, k: int, random: np.random.Generator) -> KMeans:
    return KMeans(k, n_init=STARTS, random_state=int(random.integers(2**31))).fit(table)


def _middles(sample: Table, before: Labels, k: int) -> Table | None:
    """Today's middle of each group of the last run; None when one has no member left."""
    sizes = np.bincount(before[before >= 0], minlength=k)
    if not sizes.all():
        return None
    middles: Table = np.stack([sample[before == group].mean(axis=0) for group in range(k)])
    return middles


def _fit(sample: Table, k: int, seed: int, start: Table | None) -> KMeans:
    fresh = KMeans(k, n_init=3 * STARTS, random_state=seed).fit(sample)
    if start is None:
        return fresh
    again = KMeans(k, init=start, n_init=1).fit(sample)
    return again if again.inertia_ <= SAME_FIT * fresh.inertia_ else fresh
