"""Promotion lift: how much more often a product is bought, or bought for the first time, while it is on offer."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.dataset import DAY, OFFER_KINDS, Dataset
from engine.pairs import Ints, Values

NAMES = [f"{lift} on {kind}" for kind in OFFER_KINDS for lift in ("lift", "trial lift")]
"""The columns of `promotion_lift`."""
LONG = 1e5
"""Days: more than any history has, and few enough for a place to be told to the second."""
SLICE = 1 << 22
"""Purchases that are held against the offers at a time; what bounds memory."""
FEW_DAYS, FEW_PURCHASES = 7.0, 1.0
"""Added to what is counted while an offer runs and while none does, so that little that is known says little."""

Days = NDArray[np.floating]


def promotion_lift(data: Dataset) -> Values:
    """Compare how often each product was bought while an offer of it ran, and while none did.

    Returns:
        (products, facts) logarithms of one rate a day over the other, a column for each of `NAMES`; a trial is a
        customer's first purchase of the product. 0 where nothing is known of offers.

    Source: the ratio to baseline sales, Blattberg and Neslin 1990, "Sales promotion: concepts, methods, strategies".
    """
    table = np.zeros((data.shape[1], len(NAMES)), dtype=np.float32)
    if data.offers is None or data.offers.empty:
        return table
    history, pairs = data.history, data.history.all()
    on_sale = np.zeros(data.shape[1])
    np.maximum.at(on_sale, history.product, history.age_days)
    columns = []
    for mailed in (True, False):
        spans = Spans.of(data, data.offers[(data.offers["kind"] == OFFER_KINDS[0]) == mailed])
        days = spans.days(on_sale)
        for product, age_days in ((history.product, history.age_days), (pairs.product, pairs.first_days)):
            on = spans.purchases(product, age_days, data.shape[1])
            off = np.bincount(product, minlength=data.shape[1]) - on
            columns.append(_rate(on, days) - _rate(off, on_sale - days))
    table[:] = np.column_stack(columns)
    return table


def _rate(purchases: Ints, days: Days) -> Days:
    return np.asarray(np.log((purchases + FEW_PURCHASES) / (days + FEW_DAYS)))


class Spans(NamedTuple):
    """When offers of products ran, those that overlap taken as one; one line of time for all, see `_on_line`.

    Attributes:
        product: (spans,) column of the product, ascending.
        start: (spans,) where on the line each begins, ascending.
        end: (spans,) where it ends, before the next begins.
    """

    product: Ints
    start: Days
    end: Days

    @classmethod
    def of(cls, data: Dataset, offers: pd.DataFrame) -> "Spans":
        """Lay out the offers of known products."""
        product = data.product_ids.get_indexer(pd.Index(offers["product_id"]))
        start, end = (
            _on_line(product, ((offers[name] - data.as_of) / DAY).to_numpy(float)) for name in ("starts_at", "ends_at")
        )
        order = np.argsort(start, kind="stable")
        order = order[(product >= 0)[order] & (start < end)[order]]
        product, start, ended = product[order], start[order], np.maximum.accumulate(end[order])
        begins = np.append(True, start[1:] > ended[:-1])[: len(order)]
        ends = np.append(begins[1:], True)[: len(order)]
        return cls(product[begins], start[begins], ended[ends])

    def days(self, on_sale: Days) -> Days:
        """(products,) for how many of the days for which each was on sale there was an offer of it."""
        since, now = (_on_line(self.product, days) for days in (-on_sale[self.product], np.zeros(1)))
        ran = np.minimum(self.end, now) - np.maximum(self.start, since)
        return np.bincount(self.product, np.maximum(ran, 0), len(on_sale)).astype(float)

    def purchases(self, product: NDArray[np.integer], age_days: Values, products: int) -> Ints:
        """(products,) how many of some purchases, so many days ago, were made while an offer of the product ran."""
        on = np.zeros(products, dtype=np.intp)
        for begin in range(0, len(product), SLICE):
            part = product[begin : begin + SLICE]
            at = _on_line(part, -age_days[begin : begin + SLICE].astype(float))
            span = np.searchsorted(self.start, at, side="right") - 1
            during = (span >= 0) & (at < np.append(self.end, -np.inf)[span])
            on += np.bincount(part[during], minlength=products)
        return on


def _on_line(product: NDArray[np.integer], days: Days) -> Days:
    """Places on one line of time, where what befell a product stands behind all that befell those before it."""
    return product * LONG + np.clip(days, -LONG / 3, LONG / 3)
