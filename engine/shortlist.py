"""The shortlist: which candidates are worth a full description, told from the little that is known of all of them."""

from dataclasses import dataclass
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray

from engine.moment import Found
from engine.pairs import Values, rank

LIKELIEST = 80
"""Candidates of each customer that are kept to learn from, and to choose discoveries of: many times a slate."""
LIKELIEST_NEW = 60
"""The same among those that are new to the customer."""
LIKELIEST_ALONE = 50
"""Kept where no discoveries are asked for: five slates. To rank them takes most of the time of picks."""
FEWEST_NEW_HITS = 100
"""With fewer purchases of what was new among the candidates there is no shortlist: all are ranked in full."""
TREES = 40
PARAMS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}
BEHIND = 1e-3
"""How far behind the last of the shortlist the others begin."""
NEVER = -1e6


@dataclass(frozen=True)
class Shortlisted:
    """The first ranking of candidates.

    Attributes:
        first: (pairs,) of all.
        first_new: (pairs,) of those that are new to the customer, `NEVER` for the others, and where no discoveries
            were asked for.
        kept: (pairs,) which come through.
    """

    first: Values
    first_new: Values
    kept: NDArray[np.bool_]


class Shortlist:
    """A first ranking by two small models: of all candidates, and of those that are new to the customer.

    The full ranking then learns from a fraction of all candidates, the hard ones, and describes no others.

    Source: Wang, Lin, Metzler 2011 (SIGIR), "A cascade ranking model for efficient ranked retrieval".
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, seen: Values, times: Values, hit: NDArray[np.bool_]) -> Self:
        """Learn both models.

        Args:
            seen: (pairs, seen) as `Found.seen`.
            times: (pairs,) on how many days the customer bought the product.
            hit: (pairs,) whether the customer bought it in the week.
        """
        new = times == 0
        self._any, self._new = self._model(seen, hit), self._model(seen[new], hit[new])
        return self

    def _model(self, seen: Values, hit: NDArray[np.bool_]) -> lightgbm.Booster:
        data = lightgbm.Dataset(seen, hit.astype(np.float32), params=PARAMS)
        return lightgbm.train({**PARAMS, "seed": self.seed}, data, TREES)

    def of(self, found: Found, *, discoveries: bool = True) -> Shortlisted:
        """Rank some customers' candidates, and keep the likeliest of each: of those that are new, too, if asked for."""
        seen = found.seen()
        first = _raw(self._any, seen)
        place = rank(found.row, first)
        first_new = np.full(len(first), NEVER, dtype=np.float32)
        if not discoveries:
            return Shortlisted(first, first_new, place < LIKELIEST_ALONE)
        new = found.times == 0
        if new.any():
            first_new[new] = _raw(self._new, seen[new])
        return Shortlisted(first, first_new, (place < LIKELIEST) | (new & (rank(found.row, first_new) < LIKELIEST_NEW)))


def all_of(found: Found) -> Shortlisted:
    """No shortlist: every candidate is ranked in full."""
    none = np.zeros(len(found.row), dtype=np.float32)
    return Shortlisted(none, none, np.ones(len(found.row), dtype=bool))


def behind(row: NDArray[np.intp], full: Values, ranked: NDArray[np.bool_], first: Values) -> Values:
    """Put the pairs that were not ranked in full behind those of the same customer that were, in their first order.

    Args:
        row: (pairs,) the customer of each, ascending.
        full: (ranked,) scores of those that were ranked in full.
        ranked: (pairs,) which these are.
        first: (pairs,) scores of the first ranking.

    >>> behind(np.zeros(3, int), np.array([5, 4], np.float32), np.array([True, False, True]), np.ones(3)).tolist()
    [5.0, 3.999000072479248, 4.0]
    """
    scores = np.full(len(row), np.inf, dtype=np.float32)
    scores[ranked] = full
    if ranked.all():
        return scores
    turns = np.diff(row, prepend=-1) != 0
    starts, customer = np.flatnonzero(turns), np.cumsum(turns) - 1
    lowest = np.minimum.reduceat(scores, starts)
    lowest[np.isinf(lowest)] = full.min(initial=0)
    highest = np.maximum.reduceat(np.where(ranked, -np.inf, first), starts)
    scores[~ranked] = (lowest[customer] - BEHIND - (highest[customer] - first))[~ranked]
    return scores


def _raw(model: lightgbm.Booster, seen: Values) -> Values:
    return np.asarray(model.predict(seen, raw_score=True) if len(seen) else [], dtype=np.float32)
