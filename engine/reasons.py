"""Why this product: a true reason, from the scorers' own parts."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.candidates import Candidates
from engine.history import Rows
from engine.moment import Moment
from engine.scorers.lift import LIFTED

# Never named in a reason, and never the evidence of one: what a household would not want read over its shoulder.
SENSITIVE = re.compile(
    r"\b(feminine|contracept|condom|family planning|pregnan|incontinen|adult diap|laxative|lice\b|diet"
    r"|smoking|tobacco|cigarette|alcohol|beer|wine|liquor|spirits)"
)
YEAR_OLD_DAYS = 330.0
"""From this age on the month alone could be taken for the one just past."""


@dataclass(frozen=True)
class Reason:
    """One reason: its kind, its words, and the column of the purchase that it cites, -1 if none."""

    kind: str
    text: str
    cites: int = -1


class Reasons:
    """Says why products are in customers' slates, from the strongest evidence that can be shown."""

    def __init__(self, moment: Moment, catalog: pd.DataFrame, as_of: pd.Timestamp) -> None:
        self.moment, self._as_of = moment, as_of
        codes, paths = pd.factorize(catalog["category_path"].str.lower())
        self._kind = [str(path).split(" > ")[-1].strip() for path in paths]
        self._kinds = codes
        self._sensitive = np.array([SENSITIVE.search(str(path)) is not None for path in paths], dtype=bool)[codes]

    def of(self, rows: Rows, picks: Candidates, lift: NDArray[np.float64]) -> list[Reason]:
        """Say why, for every pick.

        Args:
            rows: (customers,) row numbers of the asked customers; -1: has not bought yet.
            picks: what was chosen for them.
            lift: (picks,) how many times as much customers like this one buy it as everybody does.
        """
        evidence = self._evidence(rows, picks)
        told = zip(
            (rows[picks.row] >= 0).tolist(),
            picks.product.tolist(),
            picks.times.tolist(),
            picks.gap_days.tolist(),
            picks.last_days.tolist(),
            *evidence,
            lift.tolist(),
            strict=True,
        )
        return [
            self._for_newcomer(product, like)
            if not known
            else self._repeat(product, times, gap, last)
            if times > 0
            else self._new(product, cause, often > 1)
            for known, product, times, gap, last, cause, often, like in told
        ]

    def _evidence(self, rows: Rows, picks: Candidates) -> tuple[list[int], list[float]]:
        """(picks,) the purchase that speaks most for each, -1 if none does; on how many days it was made."""
        fresh = np.flatnonzero(~picks.bought & (rows[picks.row] >= 0) & ~self._sensitive[picks.product])
        cause, often = np.full(len(picks.row), -1), np.zeros(len(picks.row), dtype=np.float32)
        bought = self.moment.history.of(rows)
        cause[fresh], often[fresh] = self.moment.neighbours.strongest(
            bought, picks.row[fresh], picks.product[fresh], self._sensitive
        )
        return cause.tolist(), often.tolist()

    def _new(self, product: int, cause: int, habit: bool) -> Reason:
        if self.moment.offers.running[product]:
            return Reason("offer", "On offer this week")
        return Reason("neighbours", self._goes_with(product, cause, habit), cause) if cause >= 0 else _POPULAR

    def _for_newcomer(self, product: int, lift: float) -> Reason:
        # To be taken for somebody who needs such a product is no compliment, so those are never said to be "like you".
        if lift >= LIFTED and not self._sensitive[product]:
            return Reason("demographic", "Popular with customers like you")
        return _POPULAR

    def _goes_with(self, product: int, cause: int, habit: bool) -> str:
        kind = self._kind[self._kinds[cause]]
        buy = "buy" if habit else "bought"
        if not kind:
            return f"Goes with what you {buy}"
        return (
            f"Like others that you {buy}"
            if self._kinds[cause] == self._kinds[product]
            else f"Goes with the {kind} you {buy}"
        )

    def _repeat(self, product: int, times: float, gap: float, last: float) -> Reason:
        # A habit is one that still holds: silent for over three gaps, it is a memory.
        if times >= 3 and gap >= 1 and last <= 3 * gap:
            days = round(gap)
            often = f"about every {days} days" if days > 1 else "nearly every day"
            return Reason("repeat", f"You buy this {often}", product)
        bought = self._as_of - pd.Timedelta(days=last)
        month = bought.month_name() if last < YEAR_OLD_DAYS else f"{bought.month_name()} {bought.year}"
        return Reason("repeat", f"You {'last bought' if times > 1 else 'bought'} this in {month}", product)


_POPULAR = Reason("popularity", "Popular with our customers right now")
