"""The hybrid: candidates of all scorers -> features -> one learnt ranking.

It learns on the last weeks before the cut-off, each with scorers that were fitted before that week: never ahead.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine import ranking
from engine.candidates import Candidates
from engine.dataset import Dataset
from engine.examples import Examples, Sample, joined, of_week
from engine.history import Rows
from engine.moment import FEATURES, Moment
from engine.pairs import Values

WEEKS = 8
FEWEST_WEEKS = 3
ENOUGH_CUSTOMERS = 20_000
"""Customer-weeks to learn from: of more customers some are drawn, and fewer weeks are looked at."""
FEW_CUSTOMERS = 500
"""With fewer, each part of them is held back in turn to choose the order by."""
KEPT_MISSES = 0.25


class Hybrid:
    """One learnt ranking over the candidates of all scorers."""

    name = "blend"

    def __init__(self, seed: int = 0, weeks: int = WEEKS) -> None:
        self.seed, self.weeks = seed, weeks

    def fit(self, data: Dataset) -> Self:
        """Learn the ranking on the last weeks, then fit the scorers on everything."""
        customers = len(np.unique(data.customer))
        few = customers < FEW_CUSTOMERS
        fold = np.random.default_rng(self.seed).permutation(data.shape[0]) % (ranking.FOLDS if few else 10)
        weeks = min(self.weeks, max(FEWEST_WEEKS, ENOUGH_CUSTOMERS // customers))
        sample = Sample(fold, ENOUGH_CUSTOMERS // weeks, 1.0 if few else KEPT_MISSES, self.seed)
        parts = [part for back in range(weeks) for part in of_week(data, back, sample)]
        self.any: ranking.Head | None = None
        self.new: ranking.Head | None = None
        if parts:
            examples = joined(parts)
            parts.clear()  # as much again as the whole, which learning needs
            self.any, self.new = self._heads(examples, fold)
            del examples
        self.moment = Moment(data)
        return self

    def _heads(self, examples: Examples, fold: NDArray[np.intp]) -> tuple[ranking.Head, ranking.Head]:
        unbought = examples.take(examples.features[:, 0] == 0)
        new = ranking.learn(unbought, fold, ranking.NEW, self.seed)
        return ranking.learn(examples, fold, ranking.ANY, self.seed), new

    def candidates(self, rows: Rows) -> Candidates:
        """Find and score the candidates of some customers (-1: not known)."""
        found = self.moment.found(rows)
        features = found.features()
        times = found.times
        if self.any is None or self.new is None:
            score = discovery = np.maximum(ranking.UNLEARNT(features), 0)
        else:
            fresh = times == 0
            score, discovery = self.any(found.row, features), np.zeros(len(times), dtype=np.float32)
            discovery[fresh] = self.new(found.row[fresh], features[fresh])
        last = np.where(times > 0, found.last_days, np.inf).astype(np.float32)
        return Candidates(found.row, found.product, score, discovery, times, found.gap_days, last, features)

    def lifted_by(self, evidence: Sequence[str], features: Values, *, only_new: bool) -> NDArray[np.bool_]:
        """Which pairs would rank lower without some evidence: (pairs,).

        Args:
            evidence: names of features, which are 0 without it.
            features: (pairs, features).
            only_new: ranked among what is new to the customer.
        """
        head = self.new if only_new else self.any
        order = ranking.UNLEARNT if head is None else head.order
        bare = features.copy()
        bare[:, [FEATURES.index(name) for name in evidence]] = 0
        lifted: NDArray[np.bool_] = order(features) > order(bare)
        return lifted
