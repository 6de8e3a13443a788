"""The store as frames: what the engine asks for, times as UTC timestamps, ids as text."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Select, exists, func, select

from campaigns.store import lines
from campaigns.store.behaviour import OF_MESSAGES
from campaigns.store.database import Store
from campaigns.store.merges import part_of, whom
from campaigns.store.site_orders import SYSTEM
from campaigns.store.tables import (
    customer_traits,
    events,
    merges,
    message_contents,
    messages,
    orders,
    runs,
)
from campaigns.store.tables import (
    customers as people,
)
from campaigns.store.tables import (
    offers as offered,
)
from campaigns.store.tables import (
    products as goods,
)

BOUGHT = ("placed", "paid", "refunded")
PURCHASE = ("customer_id", "order_id", "product_id", "at", "quantity", "price_minor")


def purchases(store: Store, before: datetime) -> pd.DataFrame:
    """Read every bought line strictly before a moment.

    Left out: test orders, cancelled orders, guests, and whoever objects to profiling or was erased; and, as soon as any
    connection brings orders, those that behaviour events told of: the same order may have another id there.

    Returns:
        customer_id, order_id, product_id, at, quantity (less what was refunded; below 0: a return), price_minor.
    """
    buyer = whom(orders.c.customer_id)
    query = (
        select(
            buyer.label("customer_id"), orders.c.id.label("order_id"), orders.c.placed_at.label("at"), orders.c.lines
        )
        .outerjoin(merges, part_of(orders.c.customer_id))
        .join(people, people.c.id == buyer)
        .where(orders.c.placed_at < before, orders.c.test.is_(False), orders.c.status.in_(BOUGHT), *_profiled())
        .order_by(orders.c.placed_at, orders.c.id)
    )
    with store.bulk() as bulk:
        if bulk.read(select(orders.c.id).where(orders.c.system != SYSTEM).limit(1)).num_rows:
            query = query.where(orders.c.system != SYSTEM)
        bought = _timed(bulk.read(query), ["at"])
    heads = bought.drop_columns("lines")
    parts = [_purchased(heads.take(pa.array(order)), each) for order, each in lines.unpack(bought["lines"])]
    frame: pd.DataFrame = pa.concat_tables(parts or [_purchased(heads, lines.LINE.empty_table())]).to_pandas()
    return frame


def _purchased(heads: pa.Table, each: pa.Table) -> pa.Table:
    """Put each line beside its order."""
    kept = pc.subtract(each["quantity"], each["refunded_quantity"])
    found = heads.append_column("product_id", each["product_id"]).append_column("quantity", kept)
    found = found.append_column("price_minor", each["unit_price_minor"])
    return found.filter(pc.is_valid(found["product_id"])).select(PURCHASE)


def _profiled() -> tuple[ColumnElement[bool], ...]:
    """Only who may be profiled: not erased, and no record with the same address objects (law 6)."""
    other = people.alias("other")
    objects = exists().where(other.c.email_normalised == people.c.email_normalised, other.c.objected)
    return people.c.objected.is_(False), people.c.erased_at.is_(None), ~objects


def products(store: Store) -> pd.DataFrame:
    """Read the catalogue; `recommendable` means: published, and meant to be recommended."""
    named = goods.c
    query = select(
        named.id.label("product_id"), named.sku, named.title, named.category_path, named.brand, named.size,
        named.price_minor, named.url, named.image_url, named.available, named.recommendable, named.published,
    ).order_by(named.id)  # fmt: skip
    frame = _frame(store, query)
    frame["available"] = frame["available"].astype(bool)
    frame["recommendable"] = frame["recommendable"].astype(bool) & frame["published"].astype(bool)
    return frame.drop(columns="published")


def customers(store: Store) -> pd.DataFrame:
    """Read the customers, their attributes spread into columns; without those who object or were erased."""
    named = people.c
    query = (
        select(
            named.id.label("customer_id"), named.email, named.email_normalised, named.phone, named.first_name,
            named.last_name, named.street, named.city, named.postcode, named.region, named.country, named.locale,
            named.time_zone, named.gender, named.consent_email, named.created_at, named.attributes,
        )
        .where(*_profiled())
        .order_by(named.id)
    )  # fmt: skip
    frame = _frame(store, query, times=["created_at"])
    extra = pd.DataFrame(
        [json.loads(text) if isinstance(text, str) and text else {} for text in frame.pop("attributes")]
    )
    return pd.concat([frame, extra[[name for name in extra if name not in frame]]], axis=1)


def offers(store: Store, announced_before: datetime) -> pd.DataFrame:
    """Read the offers that were announced strictly before a moment: of others nothing may know."""
    named = offered.c
    query = select(named.product_id, named.kind, named.starts_at, named.ends_at, named.announced_at).where(
        named.announced_at < announced_before
    )
    return _frame(store, query, times=["starts_at", "ends_at", "announced_at"])


def behaviour(store: Store, before: datetime) -> pd.DataFrame:
    """Read what customers did on the shop's pages strictly before a moment, as far as it was known by then.

    Returns:
        customer_id, kind (as `crm_adapters.records.ON_SITE`), product_id (none of a search, a page), at, received_at;
        without who objects to profiling or was erased.
    """
    named = events.c
    visitor = whom(named.customer_id)
    known_at = func.coalesce(named.received_at, named.at, type_=named.at.type)
    query = (
        select(visitor.label("customer_id"), named.kind, named.product_id, named.at, known_at.label("received_at"))
        .outerjoin(merges, part_of(named.customer_id))
        .join(people, people.c.id == visitor)
        .where(named.kind.not_in(OF_MESSAGES), named.at < before, known_at < before, *_profiled())
        .order_by(named.at, named.id)
    )
    return _frame(store, query, times=["at", "received_at"])


def segments(store: Store) -> pd.DataFrame:
    """Read which segment each customer is in: customer_id, segment."""
    return _frame(store, select(customer_traits.c.customer_id, customer_traits.c.segment))


def traits(store: Store) -> pd.DataFrame:
    """Read what the last training computed of each customer: segment, orders, spent_minor, recency_days, gap_days."""
    c = customer_traits.c
    return _frame(store, select(c.customer_id, c.segment, c.orders, c.spent_minor, c.recency_days, c.gap_days))


def shown_and_ignored(store: Store, campaign: str, customer_ids: Sequence[str]) -> pd.DataFrame:
    """Read what each customer's last digest showed and was not clicked: customer_id, product_id."""
    shown = message_contents.c
    newest = (
        select(messages.c.customer_id, func.max(runs.c.scheduled_at).label("scheduled_at"))
        .join(runs, runs.c.id == messages.c.run_id)
        .where(runs.c.campaign == campaign, messages.c.state == "sent")
        .group_by(messages.c.customer_id)
        .subquery()
    )
    query = (
        select(shown.customer_id, shown.content)
        .join(runs, runs.c.id == shown.run_id)
        .join(newest, (newest.c.customer_id == shown.customer_id) & (newest.c.scheduled_at == runs.c.scheduled_at))
        .where(runs.c.campaign == campaign)
    )
    clicked = select(events.c.customer_id, events.c.product_id).where(
        events.c.kind == "clicked", events.c.product_id.is_not(None)
    )
    with store.engine.connect() as read:
        followed = {tuple(row) for row in read.execute(clicked)}
        wanted = set(customer_ids)
        rows = [
            (customer, pick["product_id"])
            for customer, content in read.execute(query)
            if customer in wanted
            for pick in content["picks"]
            if (customer, pick["product_id"]) not in followed
        ]
    return pd.DataFrame(rows, columns=["customer_id", "product_id"])


def _frame(store: Store, query: Select[Any], times: Sequence[str] = ()) -> pd.DataFrame:
    with store.bulk() as bulk:
        frame: pd.DataFrame = _timed(bulk.read(query), times).to_pandas()
    return frame


def _timed(table: pa.Table, times: Sequence[str]) -> pa.Table:
    """Read the columns of times as such."""
    for name in times:
        moments = pc.cast(pc.cast(table[name], pa.int64()), pa.timestamp("us", tz="UTC"))
        table = table.set_column(table.column_names.index(name), name, moments)
    return table
