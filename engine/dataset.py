"""Frames in: columns checked, ids mapped, everything cut strictly before one moment; arrays out, by customer."""

import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.attributes import attributes
from engine.errors import BadFrame, NothingToLearn
from engine.history import History, Rows

DAY = pd.Timedelta(days=1)
DAY_SECONDS = 86_400.0
PURCHASES = ("customer_id", "order_id", "product_id", "at", "quantity", "price_minor")
PRODUCTS = ("product_id", "title", "category_path", "brand", "size", "available", "recommendable")
OFFER_KINDS = ("mailer", "other")
"""What an offer is announced by: printed or mailed to customers, or anything else, such as a display."""
OFFERS = ("product_id", "kind", "starts_at", "ends_at", "announced_at")


class Frames(NamedTuple):
    """What a shop knows, in the order in which `Dataset.from_frames` takes it."""

    purchases: pd.DataFrame
    products: pd.DataFrame
    customers: pd.DataFrame | None = None
    offers: pd.DataFrame | None = None


@dataclass(frozen=True)
class Dataset:
    """What was known strictly before `as_of`, as arrays. Only recommendable products are in it.

    Lines are sorted by customer, then product, then age.

    Attributes:
        as_of: the cut-off; nothing from this moment on is in here.
        customer_ids: (customers,) ids in order; row numbers below count in it.
        product_ids: (products,) ids of the products bought before `as_of`.
        customer: (lines,) row number of the buyer.
        product: (lines,) column number of the product.
        age_days: (lines,) days from the purchase to `as_of`, above 0.
        order: (lines,) number of the order.
        price: (lines,) of one unit, in minor units of the currency; not a number where it is not known.
        catalog: (products,) title, category_path, brand, size (text, blank if missing), available, in the order of
            `product_ids`.
        offers: those announced before `as_of`; None if nothing is known of offers.
        attributes: (people, attributes) categorical, by customer id: of buyers and of those who never bought.
        on_offer: (products,) whether an offer announced before `as_of` runs in the week after it.
    """

    as_of: pd.Timestamp
    customer_ids: pd.Index
    product_ids: pd.Index
    customer: NDArray[np.int32]
    product: NDArray[np.int32]
    age_days: NDArray[np.float32]
    order: NDArray[np.int32]
    price: NDArray[np.float32]
    catalog: pd.DataFrame
    offers: pd.DataFrame | None
    attributes: pd.DataFrame = field(default_factory=pd.DataFrame)

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
            BadFrame: a column is missing, a time is of another kind than `as_of`, a buyer or an order has no id.
            NothingToLearn: no purchase of a recommendable product is before `as_of`.
        """
        known = _recommendable(products)
        kept = _bought(purchases, known.index, as_of)
        customer, customer_ids = pd.factorize(kept["customer_id"], sort=True)
        product, product_ids = pd.factorize(kept["product_id"], sort=True)
        order, _ = pd.factorize(kept["order_id"])
        age_days = ((as_of - kept["at"]).dt.total_seconds() / DAY_SECONDS).to_numpy(np.float32)
        by_customer = np.lexsort((age_days, product, customer))
        return cls(
            as_of=as_of,
            customer_ids=pd.Index(customer_ids),
            product_ids=pd.Index(product_ids),
            customer=customer[by_customer].astype(np.int32),
            product=product[by_customer].astype(np.int32),
            age_days=age_days[by_customer],
            order=order[by_customer].astype(np.int32),
            price=pd.to_numeric(kept["price_minor"], errors="coerce").to_numpy(np.float32, na_value=np.nan)[
                by_customer
            ],
            catalog=known.loc[product_ids],
            offers=_announced(offers, as_of),
            attributes=pd.DataFrame() if customers is None else attributes(customers),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Customers and products."""
        return len(self.customer_ids), len(self.product_ids)

    @cached_property
    def history(self) -> History:
        """The days on which every customer bought every product."""
        return History(self.customer, self.product, self.age_days, self.shape)

    @cached_property
    def on_offer(self) -> NDArray[np.bool_]:
        """Which products have an offer that was announced before `as_of` and runs in the week after it."""
        return np.asarray(self.offered()[:, : len(OFFER_KINDS)].any(axis=1))

    def offered(self) -> NDArray[np.float32]:
        """What is known of each product's offers: (products, 6).

        Returns:
            for each of `OFFER_KINDS`, whether one that was announced before `as_of` runs in the week after it; then,
            whether one ran in the week before it; then, how many have ended.
        """
        table = np.zeros((self.shape[1], 3 * len(OFFER_KINDS)), dtype=np.float32)
        if self.offers is None or self.offers.empty:
            return table
        product = self.product_ids.get_indexer(pd.Index(self.offers["product_id"]))
        start, end, now, week = self.offers["starts_at"], self.offers["ends_at"], self.as_of, 7 * DAY
        times = [(start < now + week) & (end > now), (start < now) & (end > now - week), end <= now]
        mailed = self.offers["kind"] == OFFER_KINDS[0]
        for column, (when, kind) in enumerate(itertools.product(times, (mailed, ~mailed))):
            meant = product[(when & kind).to_numpy(bool) & (product >= 0)]
            counts = np.bincount(meant, minlength=self.shape[1])
            table[:, column] = np.minimum(counts, 1) if column < 2 * len(OFFER_KINDS) else counts
        return table

    def before(self, days: float) -> Self:
        """The same world as it was known `days` earlier: the same ids, fewer lines; offers announced by then."""
        earlier = self.as_of - pd.Timedelta(days=days)
        known = self._lines(self.age_days > days)
        return replace(
            known,
            as_of=earlier,
            age_days=known.age_days - np.float32(days),
            offers=None if self.offers is None else self.offers[self.offers["announced_at"] < earlier],
        )

    def only(self, rows: Rows) -> Self:
        """The same world, in which these customers alone have bought anything: the same ids, fewer lines."""
        meant = np.zeros(self.shape[0], dtype=bool)
        meant[rows] = True
        return self._lines(meant[self.customer])

    def _lines(self, kept: NDArray[np.bool_]) -> Self:
        return replace(
            self,
            customer=self.customer[kept],
            product=self.product[kept],
            age_days=self.age_days[kept],
            order=self.order[kept],
            price=self.price[kept],
        )

    def without_offers(self) -> Self:
        """The same world, knowing nothing of offers."""
        return replace(self, offers=None)


def require(frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    """Refuse a frame that lacks a column.

    Raises:
        BadFrame: names the first column that is missing.
    """
    for name in names:
        if name not in frame:
            raise BadFrame(name, "is missing", remedy=f"give the frame the columns {', '.join(names)}")


def as_text(values: pd.Series) -> pd.Series:
    """Write values as text, missing ones blank, also where a whole column is missing and so of no text type.

    >>> as_text(pd.Series([float("nan")])).tolist()
    ['']
    """
    return values.astype("string").fillna("").astype(object)


def _recommendable(products: pd.DataFrame) -> pd.DataFrame:
    require(products, PRODUCTS)
    # Whether it may be recommended must be said: a missing word is a no.
    meant = products["recommendable"].eq(True) & products["product_id"].notna()
    listed = products.loc[meant].drop_duplicates("product_id").set_index("product_id")
    return listed.assign(**{name: as_text(listed[name]) for name in ("title", "category_path", "brand", "size")})


def _bought(purchases: pd.DataFrame, products: pd.Index, as_of: pd.Timestamp) -> pd.DataFrame:
    require(purchases, PURCHASES)
    _require_time(purchases, "at", as_of)
    units = pd.to_numeric(purchases["quantity"], errors="coerce")
    good = (purchases["at"] < as_of) & (units > 0) & purchases["product_id"].isin(products)
    kept = purchases if good.all() else purchases.loc[good]
    if kept.empty:
        problem = f"no purchase of a recommendable product before {as_of}"
        raise NothingToLearn(problem, remedy="sync orders first, or choose a later time")
    for name in ("customer_id", "order_id"):
        if kept[name].isna().any():
            raise BadFrame(name, "holds missing values", remedy="clean the frames first")
    return kept


def _announced(offers: pd.DataFrame | None, as_of: pd.Timestamp) -> pd.DataFrame | None:
    if offers is None:
        return None
    require(offers, OFFERS)
    for name in ("starts_at", "ends_at", "announced_at"):
        _require_time(offers, name, as_of)
    return offers.loc[offers["announced_at"] < as_of]


def _require_time(frame: pd.DataFrame, name: str, as_of: pd.Timestamp) -> None:
    """Refuse a column that can't be compared with `as_of`; an empty one may be of any type."""
    zoned = getattr(frame[name].dtype, "tz", None) is not None
    if len(frame) and (not pd.api.types.is_datetime64_any_dtype(frame[name]) or zoned != (as_of.tz is not None)):
        raise BadFrame(name, f"can't be compared with {as_of}", remedy="give all times as timestamps in UTC")
