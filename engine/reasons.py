"""Why this product: a true reason, from the scorers' own parts."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.candidates import Candidates
from engine.history import Rows
from engine.hybrid import Hybrid
from engine.moment import OFFERED
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

    def __init__(self, hybrid: Hybrid, catalog: pd.DataFrame, as_of: pd.Timestamp) -> None:
        self._hybrid, self.moment, self._as_of = hybrid, hybrid.moment, as_of
        codes, paths = pd.factorize(catalog["category_path"].str.lower())
        self._kind = [str(path).split(" > ")[-1].strip() for path in paths]
        self._kinds = codes
        self._sensitive = np.array([SENSITIVE.search(str(path)) is not None for path in paths], dtype=bool)[codes]

    def of(self, rows: Rows, picks: Candidates, lift: NDArray[np.float64], *, only_new: bool = False) -> list[Reason]:
        """Say why, for every pick.

        Args:
            rows: (customers,) row numbers of the asked customers; -1: has not bought yet.
            picks: what was chosen for them.
            lift: (picks,) how many times as much customers like this one buy it as everybody does.
            only_new: they were ranked as what is new to each customer.
        """
        by_offer = self._by_offer(picks, only_new=only_new)
        evidence = self._evidence(rows, picks, ~by_offer, only_new=only_new)
        told = zip(
            (rows[picks.row] >= 0).tolist(),
            picks.product.tolist(),
            picks.times.tolist(),
            picks.gap_days.tolist(),
            picks.last_days.tolist(),
            *evidence,
            by_offer.tolist(),
            lift.tolist(),
            strict=True,
        )
        return [
            self._for_newcomer(product, like)
            if not known
            else self._repeat(product, times, gap, last)
            if times > 0
            else self._new(product, cause, often > 1, on_offer=on_offer)
            for known, product, times, gap, last, cause, often, on_offer, like in told
        ]

    def _evidence(
        self, rows: Rows, picks: Candidates, wanted: NDArray[np.bool_], *, only_new: bool
    ) -> tuple[list[int], list[float]]:
        """(picks,) the purchase that speaks most for each, -1 if none does; on how many days it was made."""
        told = wanted & ~picks.bought & (rows[picks.row] >= 0) & ~self._sensitive[picks.product]
        fresh = np.flatnonzero(self._lifted(picks, told, ["neighbours"], only_new=only_new))
        cause, often = np.full(len(picks.row), -1), np.zeros(len(picks.row), dtype=np.float32)
        bought = self.moment.history.of(rows)
        cause[fresh], often[fresh] = self.moment.neighbours.strongest(
            bought, picks.row[fresh], picks.product[fresh], self._sensitive
        )
        return cause.tolist(), often.tolist()

    def _by_offer(self, picks: Candidates, *, only_new: bool) -> NDArray[np.bool_]:
        """(picks,) whether the offer is a reason."""
        told = self.moment.offers.running[picks.product] & ~picks.bought
        return self._lifted(picks, told, OFFERED, only_new=only_new)

    def _lifted(
        self, picks: Candidates, told: NDArray[np.bool_], evidence: list[str], *, only_new: bool
    ) -> NDArray[np.bool_]:
        """Which of the told would rank lower without the evidence: else it is no reason."""
        if picks.features is None or not told.any():
            return told
        lifted = told.copy()
        lifted[told] = self._hybrid.lifted_by(evidence, picks.features[told], only_new=only_new)
        return lifted

    def _new(self, product: int, cause: int, habit: bool, *, on_offer: bool) -> Reason:
        if on_offer:
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
