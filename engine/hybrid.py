"""The hybrid: candidates of all scorers -> features -> one learnt ranking.

It learns on the last weeks before the cut-off, each with scorers that were fitted before that week: never ahead.
"""

from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine import ranking
from engine.candidates import Candidates
from engine.dataset import Dataset
from engine.examples import Examples, Sample, joined, parts_of, past_weeks
from engine.history import Rows
from engine.kept import KeptExamples
from engine.moment import Found, Moment
from engine.pairs import Values
from engine.parameters import DEFAULTS, Parameters
from engine.shortlist import Shortlist, Shortlisted, all_of, behind
from engine.visits import Visits

WEEKS = 8
ENOUGH_CUSTOMERS = 20_000
"""Customer-weeks to learn from: of more customers some are drawn."""
FEW_CUSTOMERS = 500
"""With fewer, each part of them is held back in turn to choose the order by."""
KEPT_MISSES = 0.5


class Hybrid:
    """One learnt ranking over the candidates of all scorers."""

    name = "blend"

    def __init__(self, seed: int = 0, weeks: int = WEEKS, how: Parameters = DEFAULTS) -> None:
        self.seed, self.weeks, self.how = seed, weeks, how

    def fit(self, data: Dataset, kept: KeptExamples | None = None) -> Self:
        """Learn the ranking on the last weeks, then fit the scorers on everything.

        Args:
            data: what is known.
            kept: examples of past weeks that an earlier fit made; this one adds its own.
        """
        few = len(np.unique(data.customer)) < FEW_CUSTOMERS
        fold = self._fold(data, few=few)
        sample = Sample(fold, ENOUGH_CUSTOMERS // self.weeks, 1.0 if few else KEPT_MISSES, self.seed)
        self.any: ranking.Head | None = None
        self.new: ranking.Head | None = None
        self.shortlist: Shortlist | None = None
        parts: list[Examples] = []
        visits: list[tuple[Values, NDArray[np.bool_]]] = []
        for week in past_weeks(data, self.weeks, sample, self.how):
            if not few and not parts:
                self.shortlist = week.shortlist()
            visits.append(week.visits())
            make = partial(week.examples, self.shortlist)
            parts.append(kept.of(week, data.customer_ids, make) if kept else make())
        if parts:
            rhythm, came = (np.concatenate(each) for each in zip(*visits, strict=True))
            self.visits = Visits().fit(rhythm, came)
            self.any, self.new = self._heads(parts, fold)
        self.moment = Moment(data, self.how)
        return self

    def _fold(self, data: Dataset, *, few: bool) -> NDArray[np.intp]:
        """The part of each customer; parts of the same size where there are few of them."""
        if few:
            return np.random.default_rng(self.seed).permutation(data.shape[0]) % ranking.FOLDS
        return parts_of(data.customer_ids, 10, self.seed)

    def _heads(self, parts: list[Examples], fold: NDArray[np.intp]) -> tuple[ranking.Head, ranking.Head]:
        examples = joined(parts)
        parts.clear()  # as much again as the whole, which learning needs
        first = ranking.learn(examples, fold, ranking.ANY, self.seed)
        return first, ranking.learn(examples, fold, ranking.NEW, self.seed, examples.features[:, 0] == 0, first.order)

    def candidates(self, rows: Rows, *, discoveries: bool = True) -> Candidates:
        """Find and score the candidates of some customers (-1: not known).

        Args:
            rows: which customers.
            discoveries: whether those that are new to the customer are also ranked by their own order.
        """
        found = self.moment.found(rows)
        times = found.times
        last = np.where(times > 0, found.last_days, np.inf).astype(np.float32)
        score, discovery, place, features = self._ranked(found, discoveries=discoveries)
        return Candidates(found.row, found.product, score, discovery, times, found.gap_days, last, place, features)

    def _ranked(self, found: Found, *, discoveries: bool) -> tuple[Values, Values, Rows, Values]:
        """(pairs,) scores of all, (pairs,) of discoveries; the place and features of `Candidates`."""
        if self.any is None or self.new is None:
            features = found.features()
            score = np.maximum(ranking.UNLEARNT(features), 0)
            return score, score, np.arange(len(score)), features
        first = self.shortlist.of(found, discoveries=discoveries) if self.shortlist else all_of(found)
        features = found.take(np.flatnonzero(first.kept)).features()
        place = np.where(first.kept, np.cumsum(first.kept) - 1, -1)
        # The ranking is of those who buy at all in a week.
        comes = self.visits(self.moment.rhythm[found.asked.rows])[found.row]
        order = self.any.order(features)
        score = self.any.calibration(behind(found.row, order, first.kept, first.first)) * comes
        if not discoveries:
            return score, score, place, features
        return score, self._discoveries(found, first, order, features, self.new) * comes, place, features

    def _discoveries(
        self, found: Found, first: Shortlisted, order: Values, features: Values, head: ranking.Head
    ) -> Values:
        """(pairs,) chances of what is new to the customer; order: (shortlisted pairs,) of any product."""
        new, chance = found.times == 0, np.zeros(len(found.row), dtype=np.float32)
        among = new[first.kept]
        own = ranking.order_on(order[among], head.order, features[among])
        chance[new] = head.calibration(behind(found.row[new], own, first.kept[new], first.first_new[new]))
        return chance

    def lifted(self, features: Values, bare: Values, *, only_new: bool) -> NDArray[np.bool_]:
        """Which pairs would rank lower without some evidence: (pairs,).

        Args:
            features: (pairs, features).
            bare: the same without the evidence.
            only_new: ranked among what is new to the customer.
        """
        head = self.new if only_new else self.any
        order = ranking.UNLEARNT if head is None else head.order
        lifted: NDArray[np.bool_] = order(features) > order(bare)
        return lifted
