"""Why this product: a true reason, from the scorers' own parts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.candidates import Candidates
from engine.history import Purchases, Rows
from engine.hybrid import Hybrid
from engine.moment import FEATURES, LIKE, OFFERED
from engine.pairs import Values, values_at
from engine.scorers.lift import LIFTED

# Never named in a reason, and never the evidence of one: what a household would not want read over its shoulder.
SENSITIVE = re.compile(
    r"\b(feminine|contracept|condom|family planning|pregnan|incontinen|adult diap|laxative|lice\b|diet"
    r"|smoking|tobacco|cigarette|alcohol|beer|wine|liquor|spirits)"
)
YEAR_OLD_DAYS = 330.0
"""From this age on the month alone could be taken for the one just past."""

FEWEST_OF_BRAND = 3
"""Days with a purchase of it from which a brand is one that a customer buys."""
LAST_RANK = 9_999.0
"""Behind every candidate."""
EVIDENCE = {
    "offer": dict.fromkeys(OFFERED, 0.0),
    "neighbours": {},
    "brand": {"share of brand": 0.0},
    "users": {**dict.fromkeys(["user neighbours", *LIKE], 0.0), "user neighbours' rank": LAST_RANK},
}
"""What speaks for a product that is new to the customer, the most particular first: features, and what each is without.

Of the neighbours, the part of the purchase that is cited speaks for it.
"""


@dataclass(frozen=True)
class Reason:
    """One reason: its kind, its words, and the column of the purchase that it cites, -1 if none."""

    kind: str
    text: str
    cites: int = -1


class Reasons:
    """Says why products are in customers' slates, from the most particular evidence that holds."""

    def __init__(self, hybrid: Hybrid, catalog: pd.DataFrame, as_of: pd.Timestamp) -> None:
        self._hybrid, self.moment, self._as_of = hybrid, hybrid.moment, as_of
        codes, paths = pd.factorize(catalog["category_path"].str.lower())
        self._kind = [str(path).split(" > ")[-1].strip() for path in paths]
        self._kinds = codes
        self._brand = catalog["brand"].astype(str).tolist()
        self._branded = np.array([brand.strip() != "" for brand in self._brand], dtype=bool)
        self._sensitive = np.array([SENSITIVE.search(str(path)) is not None for path in paths], dtype=bool)[codes]

    def of(self, rows: Rows, picks: Candidates, lift: NDArray[np.float64], *, only_new: bool = False) -> list[Reason]:
        """Say why, for every pick.

        Args:
            rows: (customers,) row numbers of the asked customers; -1: has not bought yet.
            picks: what was chosen for them.
            lift: (picks,) how many times as much customers like this one buy it as everybody does.
            only_new: they were ranked as what is new to each customer.
        """
        told = zip(
            (rows[picks.row] >= 0).tolist(),
            picks.product.tolist(),
            picks.times.tolist(),
            picks.gap_days.tolist(),
            picks.last_days.tolist(),
            self._months(picks),
            lift.tolist(),
            strict=True,
        )
        found = [
            self._repeat(product, times, gap, last, month)
            if times > 0
            else _POPULAR
            if known
            else self._for_newcomer(product, like)
            for known, product, times, gap, last, month, like in told
        ]
        new = np.flatnonzero((rows[picks.row] >= 0) & ~picks.bought)
        for place, reason in zip(new.tolist(), self._of_new(rows, picks.take(new), only_new=only_new), strict=True):
            found[place] = reason
        return found

    def _of_new(self, rows: Rows, picks: Candidates, *, only_new: bool) -> Iterator[Reason]:
        """Why products that are new to known customers: the most particular evidence without which each would fall."""
        if not len(picks.row):
            return
        described = picks.described()
        bought = self.moment.history.of(rows)
        cause, often, part = self.moment.neighbours.strongest(bought, picks.row, picks.product, self._sensitive)
        plain = ~self._sensitive[picks.product]
        told = {
            "offer": self.moment.offers.running[picks.product],
            "neighbours": plain & (cause >= 0),
            "brand": plain & (self._of_brand(bought, picks) >= FEWEST_OF_BRAND),
            "users": plain & (described[:, FEATURES.index("user neighbours")] > 0),
        }
        kinds = np.full(len(picks.row), "popularity", dtype=object)  # where nothing else speaks for it
        for kind, values in EVIDENCE.items():
            asked = np.flatnonzero(told[kind] & (kinds == "popularity"))
            features = described[asked]
            bare = _without(features, values)
            if kind == "neighbours":
                bare[:, FEATURES.index("neighbours")] -= part[asked]
            kinds[asked[self._hybrid.lifted(features, bare, only_new=only_new)]] = kind
        chosen = zip(kinds.tolist(), picks.product.tolist(), cause.tolist(), often.tolist(), strict=True)
        for kind, product, cited, days in chosen:
            yield self._new(kind, product, cited, habit=days > 1)

    def _of_brand(self, bought: Purchases, picks: Candidates) -> Values:
        """(picks,) on how many days the customer bought products of the brand, sensitive ones not counted."""
        brand = self.moment.kinds.brand
        seen = np.flatnonzero(~self._sensitive[bought.product] & self._branded[bought.product])
        entries = bought.times[seen], (bought.row[seen], brand[bought.product[seen]])
        shape = bought.shape[0], int(brand.max(initial=-1)) + 1
        return values_at(sparse.coo_array(entries, shape).tocsr(), picks.row, brand[picks.product])

    def _new(self, kind: str, product: int, cause: int, *, habit: bool) -> Reason:
        if kind == "neighbours":
            return Reason(kind, self._goes_with(product, cause, habit), cause)
        if kind == "brand":
            return Reason(kind, f"More from {self._brand[product]}, a brand you buy")
        return {"offer": _ON_OFFER, "users": _LIKE_YOURS}.get(kind, _POPULAR)

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

    def _months(self, picks: Candidates) -> list[str]:
        """(picks,) the month in which each was last bought, with its year if that is long ago; of no sense if never."""
        days = np.where(picks.bought, picks.last_days, 0).astype(np.float64)
        bought = self._as_of - pd.to_timedelta(days, unit="D")
        names, years = bought.month_name(), bought.year.astype(str)
        months: list[str] = np.where(days < YEAR_OLD_DAYS, names, names + " " + years).tolist()
        return months

    def _repeat(self, product: int, times: float, gap: float, last: float, month: str) -> Reason:
        # A habit is one that still holds: silent for over three gaps, it is a memory.
        if times >= 3 and gap >= 1 and last <= 3 * gap:
            days = round(gap)
            often = f"about every {days} days" if days > 1 else "nearly every day"
            return Reason("repeat", f"You buy this {often}", product)
        return Reason("repeat", f"You {'last bought' if times > 1 else 'bought'} this in {month}", product)


_ON_OFFER = Reason("offer", "On offer this week")
_LIKE_YOURS = Reason("users", "Customers with a basket like yours buy this")
_POPULAR = Reason("popularity", "Popular with our customers right now")


def _without(features: Values, values: Mapping[str, float]) -> Values:
    bare = features.copy()
    for name, value in values.items():
        bare[:, FEATURES.index(name)] = value
    return bare
