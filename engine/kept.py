"""Examples of past weeks, kept from one fit to the next: a week later, one week is described anew and not all."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from engine import model_file
from engine.errors import BadModel
from engine.examples import Examples, PastWeek


@dataclass(frozen=True)
class Kept:
    """What a file holds.

    Attributes:
        examples: whose customers are numbered as in the next.
        customer_ids: (customers,).
        as_of: when the week was looked back at.
    """

    examples: Examples
    customer_ids: pd.Index
    as_of: pd.Timestamp


class KeptExamples:
    """A folder with a file for each past week, named after what its examples were made from, see `PastWeek.key`.

    So a line that came late, or a customer who left, makes the examples of every week after it anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[Path] = set()

    def of(self, week: PastWeek, customer_ids: pd.Index, make: Callable[[], Examples]) -> Examples:
        """Give the examples of a week, from its file if there is a sound one.

        Args:
            week: which.
            customer_ids: (customers,) as the examples are to number them.
            make: makes them.
        """
        path = self._folder / f"{week.key()}.examples"
        self._asked.add(path)
        kept = self._read(path)
        if kept is None or kept.as_of > week.as_of:  # a later shortlist chose them: that would be looking ahead
            made = make()
            self._save(path, made, customer_ids, week.as_of)
            return made
        weeks = np.full(len(kept.examples.hit), week.weeks_back, dtype=np.int32)
        rows = customer_ids.get_indexer(kept.customer_ids).astype(np.int32)
        return replace(kept.examples, customer=rows[kept.examples.customer], week=weeks)

    def _read(self, path: Path) -> "Kept | None":
        try:
            kept: Kept = model_file.load(path)
        except (FileNotFoundError, BadModel):
            return None
        return kept

    def _save(self, path: Path, made: Examples, customer_ids: pd.Index, as_of: pd.Timestamp) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        rows, places = np.unique(made.customer, return_inverse=True)
        numbered = replace(made, customer=places.astype(np.int32))
        model_file.save(Kept(numbered, customer_ids[rows], as_of), path)

    def tidy(self) -> None:
        """Remove what was not asked for: weeks long past, and what was made from data that is no more."""
        for path in self._folder.glob("*.examples"):
            if path not in self._asked:
                path.unlink()
