"""What is to be expected of each customer: when they buy next, and how much within a quarter."""

from datetime import datetime

import numpy as np
import pandas as pd

HORIZON_DAYS = 90
BANDS = ("low", "medium", "high", "highest")
"""Quarters of the customers of whom anything is expected, by value."""
ONCE_DAYS = 365.0
"""How often one who bought once is taken to buy: the year is all that is known of them."""


def prospects(traits: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Tell what is to be expected, from a customer's own rhythm.

    Orders come every `gap_days`; whoever is later than that is less and less likely to come at all: each gap that has
    gone by in vain halves what is expected of them.

    Args:
        traits: one row a customer: customer_id, orders, spent_minor, recency_days, gap_days (missing for one order).
        as_of: the moment of `recency_days`.

    Returns:
        customer_id; next_purchase_on (a date, ISO 8601, never before `as_of`; missing for one order); value_minor
        (minor units to be expected within 90 days); value_band (one of `BANDS`; missing where nothing is expected).
    """
    gap = traits["gap_days"].astype(float).fillna(ONCE_DAYS).clip(lower=1.0)
    recency = traits["recency_days"].astype(float).clip(lower=0.0)
    each = traits["spent_minor"].astype(float) / traits["orders"].astype(float).clip(lower=1.0)
    late = (recency / gap - 1).clip(lower=0.0)
    value: pd.Series[float] = (each * HORIZON_DAYS / gap * np.exp2(-late)).clip(lower=0.0)
    due = pd.Timestamp(as_of) + pd.to_timedelta((gap - recency).clip(lower=0.0), unit="D")
    known = traits["gap_days"].notna()
    return pd.DataFrame(
        {
            "customer_id": traits["customer_id"],
            "next_purchase_on": due.dt.strftime("%Y-%m-%d").where(known, None),
            "value_minor": value.round().astype("int64"),
            "value_band": _bands(value),
        }
    )


def _bands(value: "pd.Series[float]") -> "pd.Series[str]":
    """The quarter that each value above 0 is in; equal values are in one."""
    some = value[value > 0]
    shares = some.rank(method="average", pct=True).to_numpy()
    words = np.array(BANDS, dtype=object)[np.ceil(shares * len(BANDS)).astype(int) - 1]
    return pd.Series(words, index=some.index, dtype=object).reindex(value.index)
