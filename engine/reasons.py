"""Why this product: a true reason, from the scorers' own parts."""

from dataclasses import dataclass

import pandas as pd

from engine.hybrid import Scorers

# Never named in a reason, and never the evidence of one: what a household would not want read over its shoulder.
SENSITIVE = ("feminine", "contracept", "condom", "pregnan", "incontinen", "adult diap", "laxative", "lice", "diet", "smoking", "tobacco", "cigarette", "alcohol", "beer", "wine", "liquor", "spirits", "family planning")  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """One reason: its kind, and its words."""

    kind: str
    text: str


class Reasons:
    """Says why a product is in a customer's slate."""

    def __init__(self, scorers: Scorers, catalog: pd.DataFrame, as_of: pd.Timestamp) -> None:
        self._scorers, self._as_of = scorers, as_of
        path = catalog["category_path"].fillna("").str.split(" > ")
        self._kind = [levels[-1].lower() for levels in path]
        self._names = [" ".join(levels).lower() for levels in path]

    def why(self, row: int, product: int, *, new: bool) -> Reason:
        """Say why, from the strongest evidence that can be shown."""
        if not new:
            return self._repeat(row, product)
        if self._scorers.on_offer[product]:
            return Reason("offer", "On offer this week")
        with_this = self._scorers.neighbours.strongest(row, product)
        if with_this is not None and not self._sensitive(with_this) and not self._sensitive(product):
            if self._kind[with_this] == self._kind[product]:
                return Reason("neighbours", "Like others that you buy")
            return Reason("neighbours", f"Goes with the {self._kind[with_this]} you buy")
        return Reason("popularity", "Popular with our customers right now")

    def _repeat(self, row: int, product: int) -> Reason:
        repeat = self._scorers.repeat
        times, gap, last = (float(table[row, product]) for table in (repeat.times, repeat.gap_days, repeat.last_days))
        if times >= 3 and gap >= 1:
            return Reason(
                "repeat",
                f"You buy this about every {round(gap)} days" if round(gap) > 1 else "You buy this nearly every day",
            )
        bought = self._as_of - pd.Timedelta(days=last)
        again = "last bought" if times > 1 else "bought"
        return Reason("repeat", f"You {again} this in {bought:%B}")

    def _sensitive(self, product: int) -> bool:
        return any(word in self._names[product] for word in SENSITIVE)
