"""Frames in: columns checked, ids mapped, everything cut strictly before one moment; arrays and one sparse matrix out."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.errors import BadFrame, NothingToLearn

DAY = pd.Timedelta(days=1)
PURCHASES = ("customer_id", "order_id", "product_id", "at", "quantity", "price_minor")
PRODUCTS = ("product_id", "title", "category_path", "brand", "size", "available", "recommendable")
OFFERS = ("product_id", "kind", "starts_at", "ends_at", "announced_at")


@dataclass(frozen=True)
class Dataset:
    """What was known strictly before `as_of`, as arrays. Only recommendable products are in it.

    Attributes:
        as_of: the cut-off; nothing from this moment on is in here.
        customer_ids: (customers,) ids in order; row numbers below count in it.
        product_ids: (products,) ids of the products bought before `as_of`.
        customer: (lines,) row number of the buyer.
        product: (lines,) column number of the product.
        age_days: (lines,) days from the purchase to `as_of`, above 0.
        order: (lines,) number of the order.
        quantity: (lines,) units, above 0.
        catalog: (products,) title, category_path, brand, size, available, in the order of `product_ids`.
        on_offer: (products,) whether an offer announced before `as_of` runs in the week after it.
    """

    as_of: pd.Timestamp
    customer_ids: pd.Index
    product_ids: pd.Index
    customer: NDArray[np.int32]
    product: NDArray[np.int32]
    age_days: NDArray[np.float32]
    order: NDArray[np.int32]
    quantity: NDArray[np.float32]
    catalog: pd.DataFrame
    offers: pd.DataFrame | None

    @classmethod
    def from_frames(
        cls,
        purchases: pd.DataFrame,
        products: pd.DataFrame,
        customers: pd.DataFrame | None = None,
        offers: pd.DataFrame | None = None,
        *,
        as_of: pd.Timestamp,
    ) -> Self:
        """Check frames and map their ids.

        Raises:
            BadFrame: a column is missing.
            NothingToLearn: no purchase of a recommendable product is before `as_of`.
        """
        _require(purchases, PURCHASES)
        _require(products, PRODUCTS)
        if offers is not None:
            _require(offers, OFFERS)
        known = products.loc[products["recommendable"]].drop_duplicates("product_id").set_index("product_id")
        kept = purchases[
            (purchases["at"] < as_of) & (purchases["quantity"] > 0) & purchases["product_id"].isin(known.index)
        ]
        if kept.empty:
            raise NothingToLearn(
                f"no purchase of a recommendable product before {as_of}",
                remedy="sync orders first, or choose a later time",
            )
        customer, customer_ids = pd.factorize(kept["customer_id"], sort=True)
        product, product_ids = pd.factorize(kept["product_id"], sort=True)
        order, _ = pd.factorize(kept["order_id"])
        return cls(
            as_of=as_of,
            customer_ids=pd.Index(customer_ids),
            product_ids=pd.Index(product_ids),
            customer=customer.astype(np.int32),
            product=product.astype(np.int32),
            age_days=((as_of - kept["at"]) / DAY).to_numpy(np.float32),
            order=order.astype(np.int32),
            quantity=kept["quantity"].to_numpy(np.float32),
            catalog=known.loc[product_ids],
            offers=None if offers is None else offers[offers["announced_at"] < as_of],
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Customers and products."""
        return len(self.customer_ids), len(self.product_ids)

    @cached_property
    def on_offer(self) -> NDArray[np.bool_]:
        """Which products have an offer that was announced before `as_of` and runs in the week after it."""
        if self.offers is None:
            return np.zeros(len(self.product_ids), dtype=bool)
        week = self.as_of + 7 * DAY
        running = self.offers[(self.offers["starts_at"] < week) & (self.offers["ends_at"] > self.as_of)]
        return np.asarray(self.product_ids.isin(running["product_id"]))

    def matrix(self, weight: NDArray[np.float32] | None = None) -> sparse.csr_array:
        """Sum a weight of each line (1, if none) into (customers, products)."""
        values = np.ones(len(self.customer), dtype=np.float32) if weight is None else weight
        return sparse.coo_array((values, (self.customer, self.product)), shape=self.shape).tocsr()

    def decayed(self, half_life_days: float) -> NDArray[np.float32]:
        """Weigh each line by its age: half for every `half_life_days`."""
        return np.exp2(-self.age_days / half_life_days).astype(np.float32)

    def before(self, days: float) -> Self:
        """The same world as it was known `days` earlier: the same ids, fewer lines; offers announced by then."""
        kept = self.age_days > days
        earlier = self.as_of - pd.Timedelta(days=days)
        return replace(
            self,
            as_of=earlier,
            customer=self.customer[kept],
            product=self.product[kept],
            age_days=self.age_days[kept] - np.float32(days),
            order=self.order[kept],
            quantity=self.quantity[kept],
            offers=None if self.offers is None else self.offers[self.offers["announced_at"] < earlier],
        )

    def without_offers(self) -> Self:
        """The same world, knowing nothing of offers."""
        return replace(self, offers=None)


def _require(frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in frame:
            raise BadFrame(name, "is missing", remedy=f"give the frame the columns {', '.join(names)}")
