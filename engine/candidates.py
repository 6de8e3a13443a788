"""Candidates: the pairs of customers and products that slates are chosen from."""

from dataclasses import dataclass, fields
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
        features: (pairs, features) that the score was made of, where there are any.
    """

    row: NDArray[np.intp]
    product: NDArray[np.intp]
    score: NDArray[np.float32]
    discovery: NDArray[np.float32]
    times: NDArray[np.float32]
    gap_days: NDArray[np.float32]
    last_days: NDArray[np.float32]
    features: NDArray[np.float32] | None = None

    @classmethod
    def never_bought(cls, row: NDArray[np.intp], product: NDArray[np.intp], score: NDArray[np.float32]) -> Self:
        """Candidates of customers without purchases."""
        none = np.zeros(len(row), dtype=np.float32)
        return cls(row, product, score, score, none, none, np.full(len(row), np.inf, dtype=np.float32))

    @property
    def bought(self) -> NDArray[np.bool_]:
        """(pairs,) whether the customer bought the product before."""
        return self.times > 0

    @property
    def due(self) -> NDArray[np.bool_]:
        """(pairs,) whether a repeat purchase is due: the personal gap has passed."""
        return self.bought & (self.gap_days > 0) & (self.last_days >= self.gap_days)

    def take(self, index: NDArray[np.intp]) -> Self:
        """The pairs at some places, in that order."""
        taken = {name: values[index] for name, values in self._columns().items()}
        return type(self)(**taken, features=None if self.features is None else self.features[index])

    def joined(self, other: Self) -> Self:
        """The pairs of both, sorted by customer."""
        mine, theirs = self._columns(), other._columns()
        both = {name: np.concatenate([values, theirs[name]]) for name, values in mine.items()}
        joined = type(self)(**both, features=self._features_of_both(other))
        return joined.take(np.argsort(joined.row, kind="stable"))

    def _features_of_both(self, other: Self) -> NDArray[np.float32] | None:
        """The features of both, 0 for pairs that have none."""
        if self.features is None:
            return None
        width = self.features.shape[1]
        theirs = np.zeros((len(other.row), width), np.float32) if other.features is None else other.features
        return np.concatenate([self.features, theirs])

    def _columns(self) -> dict[str, NDArray[Any]]:
        """All but the features, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "features"}
