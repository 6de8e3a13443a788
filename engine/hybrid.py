"""Candidates of all scorers, and one ranking of them: a weighted sum of each scorer's share of its own best."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.base import Evidence, Scorer
from engine.scorers.content import Content
from engine.scorers.goes_with import GoesWith
from engine.scorers.neighbours import Neighbours
from engine.scorers.popularity import Popularity
from engine.scorers.repeat import Repeat

WEIGHTS: Mapping[str, float] = {"repeat": 1.0, "neighbours": 0.1, "goes_with": 0.1, "popularity": 0.02, "content": 0.01}


def all_scorers() -> dict[str, Scorer]:
    """Make one of each scorer, unfitted."""
    scorers: list[Scorer] = [Popularity(), Repeat(), Neighbours(), GoesWith(), Content()]
    return {scorer.name: scorer for scorer in scorers}


@dataclass
class Blend:
    """The weighted sum of all scorers."""

    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    scorers: dict[str, Scorer] = field(default_factory=all_scorers)
    name: ClassVar[str] = "blend"

    def fit(self, dataset: Dataset) -> Self:
        """Fit every scorer."""
        for scorer in self.scorers.values():
            scorer.fit(dataset)
        return self

    def score(self, customers: NDArray[np.int64]) -> sparse.csr_array:
        """Add up the weighted scores."""
        parts = [sparse.csr_array(s.score(customers) * self.weights.get(name, 0.0)) for name, s in self.scorers.items()]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return sparse.csr_array(total)

    def explain(self, customer: int, product: int) -> Evidence | None:
        """Give the first true reason, the most personal first."""
        for name in ("repeat", "goes_with", "neighbours", "content", "popularity"):
            evidence = self.scorers[name].explain(customer, product) if name in self.scorers else None
            if evidence is not None:
                return evidence
        return None
