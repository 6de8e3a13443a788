"""Candidates: the pairs of customers and products that slates are chosen from."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass
class Candidates:
    """The candidate pairs of some customers, sorted by customer.

    Attributes:
        row: (pairs,) which of the asked customers.
        product: (pairs,) column of the product.
        score: (pairs,) what the pair is ranked by; the chance of a purchase within a week where it was learnt.
        discovery: (pairs,) what it is ranked by among products that are new to the customer; the score where no such
            order was asked for.
        times: (pairs,) on how many days the customer bought the product.
        gap_days: (pairs,) mean days between them; 0 if there are fewer than two.
        last_days: (pairs,) days since the last of them; infinite if there is none.
        place: (pairs,) the line of `features` that tells of the pair; -1: none does.
        features: (described, features) that the scores of some pairs, or all, were made of.
    """

    row: NDArray[np.intp]
    product: NDArray[np.intp]
    score: NDArray[np.float32]
    discovery: NDArray[np.float32]
    times: NDArray[np.float32]
    gap_days: NDArray[np.float32]
    last_days: NDArray[np.float32]
    place: NDArray[np.intp]
    features: NDArray[np.float32]

    @classmethod
    def never_bought(cls, row: NDArray[np.intp], product: NDArray[np.intp], score: NDArray[np.float32]) -> Self:
        """Candidates of customers without purchases."""
        none, never = np.zeros(len(row), dtype=np.float32), np.full(len(row), np.inf, dtype=np.float32)
        undescribed = np.full(len(row), -1, dtype=np.intp)
        return cls(row, product, score, score, none, none, never, undescribed, np.empty((0, 0), dtype=np.float32))

    @property
    def bought(self) -> NDArray[np.bool_]:
        """(pairs,) whether the customer bought the product before."""
        return self.times > 0

    @property
    def due(self) -> NDArray[np.bool_]:
        """(pairs,) whether a repeat purchase is due: the personal gap has passed."""
        return self.bought & (self.gap_days > 0) & (self.last_days >= self.gap_days)

    def described(self) -> NDArray[np.float32]:
        """(pairs, features) of all pairs, few as picks are; 0 for one that is not described."""
        found = np.zeros((len(self.place), self.features.shape[1]), dtype=np.float32)
        found[self.place >= 0] = self.features[self.place[self.place >= 0]]
        return found

    def take(self, index: NDArray[np.intp]) -> Self:
        """The pairs at some places, in that order."""
        return replace(self, **{name: values[index] for name, values in self._columns().items()})

    def joined(self, other: Self) -> Self:
        """These pairs, with features or not, and others that are not described, sorted by customer."""
        mine, theirs = self._columns(), other._columns()
        both = {name: np.concatenate([values, theirs[name]]) for name, values in mine.items()}
        joined = replace(self, **both)
        return joined.take(np.argsort(joined.row, kind="stable"))

    def _columns(self) -> dict[str, NDArray[Any]]:
        """What there is of each pair, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "features"}
