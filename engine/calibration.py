"""Calibration: from a score of any scale to the chance of a purchase, never changing the order."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

BINS = 40
SLOPE = 0.01
"""By so much the chance rises further along the scores, so that those of one step of the curve keep their order."""
LEAST = 1e-7
"""A chance is never quite 0, or nothing could rise on it."""


class Calibration:
    """A rising curve through the observed shares of bins of equal weight.

    Source: Zadrozny and Elkan 2002 (KDD), "Transforming classifier scores into accurate multiclass probability
    estimates": isotonic regression; here joined by straight lines, for its steps would tie what was ordered.
    """

    def fit(self, score: NDArray[np.float32], hit: NDArray[np.bool_], weight: NDArray[np.float32]) -> Self:
        """Learn the curve from pairs that the score was not learnt on.

        Args:
            score: (pairs,) the higher, the likelier.
            hit: (pairs,) whether it was bought.
            weight: (pairs,) how many pairs each stands for.
        """
        if not len(score):  # nobody could have bought anything: whatever comes has no chance
            self._score, self._chance = np.zeros(1), np.zeros(1)
            return self
        # Where it matters most, at the high scores, there are few pairs: bins hold equal shares of the hits and misses.
        order = np.argsort(score, kind="stable")
        mass = np.cumsum(np.where(hit, weight / max(weight[hit].sum(), 1), weight / weight.sum())[order])
        bins = np.minimum((mass / mass[-1] * BINS).astype(int), BINS - 1)
        total = np.bincount(bins, weight[order], minlength=BINS)
        used = total > 0
        centre = np.bincount(bins, (weight * score)[order], minlength=BINS)[used] / total[used]
        share = np.bincount(bins, (weight * hit)[order], minlength=BINS)[used] / total[used]
        # Centres as good as equal are one: a line between them would be too steep to compute.
        width = 1e-6 * max(float(np.ptp(centre)), 1e-6)
        place = np.flatnonzero(np.diff(centre, prepend=-np.inf) > width)
        self._score = centre[place]
        self._chance = IsotonicRegression().fit_transform(self._score, share[place], sample_weight=total[used][place])
        return self

    def __call__(self, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """The chance of each score: (pairs,), in the order of the scores."""
        chance = np.interp(score, self._score, self._chance)
        spread = max(float(self._score[-1] - self._score[0]), 1e-9)
        lift = 1 + SLOPE * np.tanh((score - self._score[0]) / spread)
        return np.asarray((chance + LEAST) * lift, dtype=np.float32)
