"""Why this product: a true reason, from the scorers' own parts."""

import re
from dataclasses import dataclass

import pandas as pd

from engine.hybrid import Scorers
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
    """One reason: its kind, and its words."""

    kind: str
    text: str


class Reasons:
    """Says why a product is in a customer's slate."""

    def __init__(self, scorers: Scorers, catalog: pd.DataFrame, as_of: pd.Timestamp) -> None:
        self._scorers, self._as_of = scorers, as_of
        self._paths: list[str] = catalog["category_path"].str.lower().tolist()

    def why(self, row: int, product: int, *, new: bool) -> Reason:
        """Say why, from the strongest evidence that can be shown."""
        if not new:
            return self._repeat(row, product)
        if self._scorers.on_offer[product]:
            return Reason("offer", "On offer this week")
        with_this = self._scorers.neighbours.strongest(row, product)
        if with_this is not None and not self._is_sensitive(with_this) and not self._is_sensitive(product):
            return Reason("neighbours", self._goes_with(row, product, with_this))
        return _POPULAR

    def why_for_newcomer(self, product: int, lift: float) -> Reason:
        """Say why to a customer without purchases.

        Args:
            product: its column.
            lift: how many times as much customers like this one buy it as everybody does.
        """
        # To be taken for somebody who needs such a product is no compliment, so those are never said to be "like you".
        if lift >= LIFTED and not self._is_sensitive(product):
            return Reason("demographic", "Popular with customers like you")
        return _POPULAR

    def _goes_with(self, row: int, product: int, with_this: int) -> str:
        kind = self._kind(with_this)
        buy = "buy" if self._scorers.repeat.times[row, with_this] > 1 else "bought"  # once is no habit
        if not kind:
            return f"Goes with what you {buy}"
        return f"Like others that you {buy}" if kind == self._kind(product) else f"Goes with the {kind} you {buy}"

    def _repeat(self, row: int, product: int) -> Reason:
        repeat = self._scorers.repeat
        times, gap, last = (float(table[row, product]) for table in (repeat.times, repeat.gap_days, repeat.last_days))
        # A habit is one that still holds: silent for over three gaps, it is a memory.
        if times >= 3 and gap >= 1 and last <= 3 * gap:
            days = round(gap)
            return Reason(
                "repeat", f"You buy this about every {days} days" if days > 1 else "You buy this nearly every day"
            )
        bought = self._as_of - pd.Timedelta(days=last)
        month = bought.month_name() if last < YEAR_OLD_DAYS else f"{bought.month_name()} {bought.year}"
        return Reason("repeat", f"You {'last bought' if times > 1 else 'bought'} this in {month}")

    def _kind(self, product: int) -> str:
        return self._paths[product].split(" > ")[-1].strip()

    def _is_sensitive(self, product: int) -> bool:
        return SENSITIVE.search(self._paths[product]) is not None


_POPULAR = Reason("popularity", "Popular with our customers right now")
