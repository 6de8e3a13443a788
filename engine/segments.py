"""Segments: RFM and k-means groups of customers, named in words a marketer can read."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from engine.clusters import Choice, Table, cluster
from engine.dataset import as_text, require
from engine.features import traits
from engine.segment_facts import profile
from engine.segment_names import name_groups

PURCHASES = ("customer_id", "order_id", "product_id", "at", "quantity", "price_minor")
COMMON = 0.02
"""A department is a taste from this mean share of the lines on; so there are at most fifty."""
TASTE_WEIGHT = 0.35
"""Taste beside rhythm: at the same weight, the many departments drown recency, frequency and money."""
PRIOR_LINES = 10
"""Lines as everybody buys them that a customer's taste begins with: three lines are no taste yet."""
FAR = 3.0
"""Standard deviations at which a trait ends, so that a few extreme customers are no group of their own."""


@dataclass(frozen=True)
class Segmentation:
    """The segments of one moment.

    Attributes:
        customers: customer_id, segment (k-means over rhythm, money and taste, in words), rfm (in words).
        profile: what sets each segment apart, as `segment_facts.profile`.
        choice: how the number of segments was chosen.
    """

    customers: pd.DataFrame
    profile: pd.DataFrame
    choice: Choice


def segment(
    purchases: pd.DataFrame,
    products: pd.DataFrame,
    as_of: pd.Timestamp,
    seed: int,
    before: pd.DataFrame | None = None,
) -> Segmentation:
    """Put each customer with a purchase before `as_of` into one segment.

    Args:
        purchases: customer_id, order_id, product_id, at, quantity, price_minor; a missing price counts as 0.
        products: product_id, category_path.
        as_of: nothing from this moment on is looked at.
        seed: of every draw; the order of the lines decides nothing.
        before: customer_id, segment of the last run: the same group keeps its name.

    Raises:
        BadFrame: a column is missing.
    """
    require(purchases, PURCHASES)
    require(products, ("product_id", "category_path"))
    known = traits(purchases, as_of)
    past = purchases[purchases["at"] < as_of]
    counts = _lines(past, products).reindex(known["customer_id"]).fillna(0)
    shares = _shares(counts)
    last = _last(before, known["customer_id"])
    codes = None if last is None else pd.factorize(last, sort=True)[0].astype(np.intp)
    labels, choice = cluster(_table(known, counts), seed, codes)
    names = np.asarray(name_groups(labels, known, shares, last), dtype=object)
    named = pd.Series(names[labels], dtype="str")
    customers = pd.DataFrame({"customer_id": known["customer_id"], "segment": named, "rfm": rfm(known)})
    return Segmentation(customers.astype("str"), profile(named, known, shares), choice)


def rfm(known: pd.DataFrame) -> list[str]:
    """Name each customer by recency and frequency.

    A customer is `new` (one order), `lapsed` (silent for over three of the own gaps, and over 30 days), `loyal` (in the
    upper quarter by orders), else `regular`.
    """
    often = known["orders"].quantile(0.75)
    silent = (known["recency_days"] > 3 * known["gap_days"].fillna(np.inf)) & (known["recency_days"] > 30)
    conditions = [known["orders"] == 1, silent, known["orders"] >= max(often, 2)]
    return [str(word) for word in np.select(conditions, ["new", "lapsed", "loyal"], default="regular")]


def taste(purchases: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Share of each customer's lines in each common department: (customers, departments), rows sum to at most 1."""
    return _shares(_lines(purchases, products))


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.drop(columns="").div(counts.sum(axis=1).clip(lower=1), axis=0)


def _lines(purchases: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Count each customer's lines in each common department, and all others in the column ""."""
    listed = products.drop_duplicates("product_id").set_index("product_id")
    department = as_text(listed["category_path"]).str.split(" > ").str[0].str.strip().str.lower()
    bought = as_text(purchases["product_id"].map(department))
    lines = pd.DataFrame({"customer_id": purchases["customer_id"], "department": bought})
    counts = lines.loc[bought != ""].groupby(["customer_id", "department"]).size().rename("lines").reset_index()
    whole = counts.groupby("customer_id")["lines"].transform("sum")
    mean = (counts["lines"] / whole).groupby(counts["department"]).sum() / max(counts["customer_id"].nunique(), 1)
    # Only the common ones are spread into columns: a million customers by all departments need not fit in memory.
    counts["department"] = counts["department"].where(counts["department"].map(mean) > COMMON, "")
    wide = counts.groupby(["customer_id", "department"])["lines"].sum().unstack(fill_value=0)
    return wide.assign(**({} if "" in wide else {"": 0}))


def _table(known: pd.DataFrame, counts: pd.DataFrame) -> Table:
    """What the groups are found in: (customers, traits), rhythm and money in logarithms, then taste."""
    rhythm = np.log1p(known[["recency_days", "orders", "spent_minor"]].clip(lower=0).to_numpy(float))
    usual = counts.sum() / max(counts.to_numpy().sum(), 1)
    shrunk = (counts + PRIOR_LINES * usual).div(counts.sum(axis=1) + PRIOR_LINES, axis=0).drop(columns="")
    return np.hstack([_scaled(rhythm), TASTE_WEIGHT * _scaled(shrunk.to_numpy(float))])


def _scaled(columns: Table) -> Table:
    if columns.size == 0:
        return columns
    scaled: Table = np.clip(StandardScaler().fit_transform(columns), -FAR, FAR)
    return scaled


def _last(before: pd.DataFrame | None, customer_ids: pd.Series) -> pd.Series | None:
    """The segment of each customer in the last run; None where there was none."""
    if before is None or before.empty:
        return None
    require(before, ("customer_id", "segment"))
    return customer_ids.map(before.drop_duplicates("customer_id").set_index("customer_id")["segment"])
