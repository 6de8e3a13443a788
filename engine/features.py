"""Traits of customers: recency, frequency, money, tenure, gaps between purchases."""

import pandas as pd

DAY_SECONDS = 86_400.0


def traits(purchases: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Describe each customer by the purchases strictly before `as_of`.

    Args:
        purchases: customer_id, order_id, at, quantity, price_minor (of one unit).
        as_of: nothing from this moment on is looked at.

    Returns:
        one row a customer: customer_id, recency_days, orders, spent_minor, tenure_days, gap_days (mean days between
        orders; missing after one order), first_order_at, last_order_at.
    """
    kept = purchases.loc[purchases["at"] < as_of, ["customer_id", "order_id", "at", "quantity", "price_minor"]]
    spent = (kept["quantity"] * kept["price_minor"].astype(float).fillna(0)).groupby(kept["customer_id"]).sum()
    by_customer = kept.groupby("customer_id")
    found = by_customer.agg(orders=("order_id", "nunique"), first_order_at=("at", "min"), last_order_at=("at", "max"))
    found["recency_days"] = (as_of - found["last_order_at"]).dt.total_seconds() / DAY_SECONDS
    found["tenure_days"] = (as_of - found["first_order_at"]).dt.total_seconds() / DAY_SECONDS
    between = found["tenure_days"] - found["recency_days"]
    found["gap_days"] = (between / (found["orders"] - 1)).where(found["orders"] > 1)
    found["spent_minor"] = spent.round().astype("int64")
    return found.reset_index()
