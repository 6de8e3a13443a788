"""Frames in: columns checked, ids mapped, only what was known strictly before one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.errors import BadFrame, NothingToLearn

PURCHASE_COLUMNS = ("customer_id", "order_id", "product_id", "at", "quantity")
PRODUCT_COLUMNS = ("product_id", "title", "category_path", "brand", "size", "available", "recommendable")
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Dataset:
    """What a scorer may learn from: nothing in it is from `as_of` or later.

    Attributes:
        as_of: the moment; purchases are strictly before it, offers were announced before it.
        customer_ids: every customer with a purchase, sorted; a customer's number is its place here.
        products: recommendable products that were ever sold, indexed by product_id; the place is the number.
        pairs: one row per (customer, product): both numbers, `orders`, `first_days` and `last_days` (ages in days).
        lines: one row per (customer, order, product): both numbers and `age_days`.
        offers: offers that run in the week from `as_of`, known before it.
    """

    as_of: pd.Timestamp
    customer_ids: pd.Index
    products: pd.DataFrame
    lines: pd.DataFrame
    pairs: pd.DataFrame
    offers: pd.DataFrame

    @classmethod
    def from_frames(
        cls,
        purchases: pd.DataFrame,
        products: pd.DataFrame,
        customers: pd.DataFrame | None = None,
        offers: pd.DataFrame | None = None,
        *,
        as_of: pd.Timestamp,
    ) -> "Dataset":
        """Keep what was known before `as_of`, of products that may be recommended.

        Args:
            purchases: order lines; `at` is a UTC timestamp; returns (quantity of 0 or less) teach nothing here.
            products: the catalogue.
            customers: not used yet; there so that callers need not change when demographics are.
            offers: product_id, starts_at, ends_at, announced_at.
            as_of: UTC; purchases at this very moment are already too late.

        Raises:
            BadFrame: a column is missing, or `at` has no time zone.
            NothingToLearn: no purchase is left.
        """
        del customers
        _check(purchases, PURCHASE_COLUMNS)
        _check(products, PRODUCT_COLUMNS)
        if getattr(purchases["at"].dtype, "tz", None) is None:
            raise BadFrame("at", "has no time zone", remedy="give times as UTC timestamps")
        shown = products.loc[products["recommendable"].fillna(False).astype(bool)].drop_duplicates("product_id")
        kept = (purchases["at"] < as_of) & (purchases["quantity"] > 0) & purchases["product_id"].isin(shown["product_id"])
        known = purchases.loc[kept, list(PURCHASE_COLUMNS)]
        if known.empty:
            raise NothingToLearn(
                f"no purchase of a recommendable product before {as_of:%Y-%m-%d %H:%M}",
                remedy="import more orders, or name a later time",
            )
        customer, customer_ids = pd.factorize(known["customer_id"], sort=True)
        sold = shown.set_index("product_id").loc[sorted(known["product_id"].unique())]
        lines = pd.DataFrame({
            "customer": customer.astype(np.int32),
            "product": sold.index.get_indexer(known["product_id"]).astype(np.int32),
            "order": pd.factorize(known["order_id"])[0],
            "age_days": ((as_of - known["at"]) / DAY).to_numpy(np.float64),
        }).drop_duplicates(["customer", "order", "product"])
        lines = lines.sort_values(["customer", "product", "age_days"], ascending=[True, True, False], ignore_index=True)
        return cls(as_of, pd.Index(customer_ids), sold, lines, _pairs(lines), _running(offers, as_of))

    @property
    def shape(self) -> tuple[int, int]:
        """(customers + 1, products): the last row is the customer nobody knows, and empty."""
        return len(self.customer_ids) + 1, len(self.products)

    def customer_numbers(self, customer_ids: Sequence[str]) -> NDArray[np.int64]:
        """Give each customer's number; -1 (the empty last row of every matrix) for one without purchases."""
        return np.asarray(self.customer_ids.get_indexer(pd.Index(customer_ids, dtype=object)), dtype=np.int64)

    def matrix(self, weights: NDArray[np.float64]) -> sparse.csr_array:
        """Sum one weight per line into a matrix of customers by products."""
        places = (self.lines["customer"].to_numpy(), self.lines["product"].to_numpy())
        return sparse.csr_array(sparse.coo_array((weights.astype(np.float32), places), shape=self.shape))

    def decayed(self, half_life_days: float) -> sparse.csr_array:
        """Count each customer's orders of each product, an order losing half its weight per `half_life_days`."""
        return self.matrix(np.exp2(-self.lines["age_days"].to_numpy() / half_life_days))

    @cached_property
    def categories(self) -> NDArray[np.object_]:
        """(products,) category paths."""
        return self.products["category_path"].fillna("").astype(str).to_numpy(object)

    def best_sold(self, count: int, days: float = 365.0) -> NDArray[np.int64]:
        """Give the numbers of the `count` products in most orders of the last `days`, in rising order."""
        recent = self.lines.loc[self.lines["age_days"] <= days, "product"]
        orders = np.bincount(recent, minlength=self.shape[1])
        return np.sort(np.argsort(-orders, kind="stable")[:count])


def _check(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame:
            raise BadFrame(column, "is missing", remedy=f"give the columns {', '.join(columns)}")


def _pairs(lines: pd.DataFrame) -> pd.DataFrame:
    groups = lines.groupby(["customer", "product"], sort=True)["age_days"]
    return groups.agg(orders="size", first_days="max", last_days="min").reset_index()


def _running(offers: pd.DataFrame | None, as_of: pd.Timestamp) -> pd.DataFrame:
    if offers is None or offers.empty:
        return pd.DataFrame({"product_id": pd.Series(dtype=object)})
    announced = offers["announced_at"].isna() | (offers["announced_at"] < as_of)
    announced &= offers["announced_at"].notna() | (offers["starts_at"] < as_of)
    running = (offers["starts_at"] < as_of + 7 * DAY) & (offers["ends_at"].isna() | (offers["ends_at"] > as_of))
    return offers.loc[announced & running]
