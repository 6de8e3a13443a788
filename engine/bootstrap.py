"""How sure a mean is: resample customers, all weeks of each together, and see how far the mean moves.

Weeks of one customer are alike, so customers, not customer-weeks, are what is drawn (the cluster bootstrap). Values are
(customers, weeks), NaN where a customer was not judged in a week; the statistic is that of the evaluation: the mean
over customers within each week, then over the weeks.

Sources: Efron, Tibshirani 1993 (An Introduction to the Bootstrap), chapters 13 and 16; in information retrieval, Sakai
2006 (SIGIR) and Smucker, Allan, Carterette 2007 (CIKM).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import NothingToLearn

Values = NDArray[np.float64]
"""(customers, weeks), NaN where not judged."""

DRAWS = 2_000
MOST_COUNTS = 4_000_000
"""How many counts, of draws times customers, are held at a time: 32 MB."""


@dataclass(frozen=True)
class Interval:
    """A mean and where it lies with 95 % confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How much better one method is than another, relative to the other: 0.02 is 2 % better.

    Attributes:
        value: the difference over the other's mean; NaN if that is 0.
        low: lower end of its 95 % interval.
        high: upper end of it.
        p: chance of a difference at least so large, either way, if both were equally good; never 0.
    """

    value: float
    low: float
    high: float
    p: float


def interval(values: Values, *, seed: int = 0, draws: int = DRAWS) -> Interval:
    """Tell the mean and its 95 % percentile interval.

    Raises:
        NothingToLearn: not one value.

    >>> interval(np.array([[1.0, 1.0], [1.0, np.nan]]))
    Interval(value=1.0, low=1.0, high=1.0)
    """
    (drawn,) = _drawn([values], seed, draws)
    return Interval(_mean(values), *_middle(drawn))


def paired(first: Values, second: Values, *, seed: int = 0, draws: int = DRAWS) -> Difference:
    """Compare two methods on the same customers and weeks.

    The p-value is the share of draws, centred on no difference, that lie at least as far from it as what was found
    (the bootstrap shift test of Smucker et al. 2007), counting what was found itself as a draw.

    Raises:
        NothingToLearn: not one value.

    >>> paired(np.array([[0.5], [0.25]]), np.array([[0.5], [0.25]]))
    Difference(value=0.0, low=0.0, high=0.0, p=1.0)
    """
    mine, other = _drawn([first, second], seed, draws)
    found, base = _mean(first) - _mean(second), _mean(second)
    as_far = np.abs(mine - other - found) >= abs(found)
    p = float((1 + as_far.sum()) / (1 + draws))
    if base == 0:
        return Difference(np.nan, np.nan, np.nan, p)
    usable = other > 0
    return Difference(found / base, *_middle((mine - other)[usable] / other[usable]), p)


def _mean(values: Values) -> float:
    return float(_means(np.ones((1, len(values))), values)[0])


def _means(counts: NDArray[np.float64], values: Values) -> Values:
    """The statistic of each draw: (draws,); a week in which a draw judged nobody is left out of it."""
    judged = np.isfinite(values)
    sums, sizes = counts @ np.where(judged, values, 0), counts @ judged
    weeks = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    drawn: Values = np.divide(weeks.sum(axis=1), (sizes > 0).sum(axis=1))
    return drawn


def _drawn(methods: list[Values], seed: int, draws: int) -> list[Values]:
    """The statistic of each method in each draw: the same customers are drawn for all methods."""
    known = np.isfinite(methods[0]).any(axis=1)
    if not known.any():
        raise NothingToLearn("no customer was judged", remedy="choose weeks in which something was bought")
    rng, kept = np.random.default_rng(seed), [values[known] for values in methods]
    size = max(1, MOST_COUNTS // len(kept[0]))
    parts = []
    for start in range(0, draws, size):
        counts = _counts(rng, min(size, draws - start), len(kept[0]))
        parts.append([_means(counts, values) for values in kept])
    return [np.concatenate(found) for found in zip(*parts, strict=True)]


def _counts(rng: np.random.Generator, draws: int, customers: int) -> NDArray[np.float64]:
    """How often each customer is in each draw: (draws, customers), rows sum to `customers`."""
    who = rng.integers(customers, size=(draws, customers)) + np.arange(draws)[:, None] * customers
    return np.bincount(who.ravel(), minlength=draws * customers).reshape(draws, customers).astype(np.float64)


def _middle(drawn: Values) -> tuple[float, float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
