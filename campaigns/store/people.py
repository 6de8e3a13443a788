"""What systems say: pages of records, saved in one transaction with the cursor behind them (law 3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Table, delete, func, select, update

from campaigns.store.bulk import BulkConnection
from campaigns.store.database import Store
from campaigns.store.tables import (
    EPOCH,
    cursors,
    customer_aliases,
    customers,
    events,
    offers,
    order_lines,
    orders,
    products,
    quarantine,
)

_TABLES = {"customers": customers, "products": products, "events": events, "offers": offers}


class Rejected(Protocol):
    """A bad record, kept with its reason."""

    @property
    def place(self) -> str:
        """Where it stood."""

    @property
    def reason(self) -> str:
        """A short code."""

    @property
    def detail(self) -> str:
        """What is wrong, in words."""

    @property
    def record(self) -> str:
        """The raw record."""


def save_page(
    store: Store,
    connection: str,
    stream: str,
    rows: pa.Table,
    rejects: Sequence[Rejected],
    cursor: str | None,
    gone: Sequence[str],
    now: datetime,
) -> None:
    """Save one page: rows, quarantine and cursor in one transaction, so that a crash repeats a page and loses none."""
    with store.bulk() as bulk:
        if stream == "orders":
            _save_orders(bulk, connection, rows)
        else:
            bulk.upsert(_TABLES[stream], _prepared(stream, connection, rows))
        if rejects:
            bulk.upsert(quarantine, _rejected(connection, stream, rejects, now))
        if gone:
            bulk.execute(_farewell(stream, gone, now))
        _save_cursor(bulk, connection, stream, cursor, rows.num_rows, now)


def _prepared(stream: str, connection: str, rows: pa.Table) -> pa.Table:
    rows = rows.append_column("system", pa.array([connection] * rows.num_rows, pa.string()))
    if stream == "customers":
        rows = rows.append_column("email_normalised", pc.utf8_lower(pc.utf8_trim_whitespace(rows["email"])))
    return rows


def _save_orders(bulk: BulkConnection, connection: str, rows: pa.Table) -> None:
    """Split order lines, which repeat their order's columns, into the two tables.

    A page holds its orders whole, so their lines are replaced as a set: one that was taken out of an order is gone.
    """
    if rows.num_rows == 0:
        return
    heads = rows.take(_last_rows(rows["order_id"]))
    names = [column.name for column in orders.columns if column.name in rows.column_names]
    head = heads.select(names).append_column("id", heads["order_id"])
    bulk.upsert(orders, head.append_column("system", pa.array([connection] * head.num_rows, pa.string())))
    bulk.replace(order_lines, rows, "order_id")


def _last_rows(ids: pa.ChunkedArray) -> pa.Array:
    """Number the last row of each id, in order."""
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    return pa.array(np.flatnonzero(~pd.Series(codes).duplicated(keep="last").to_numpy()))


def _rejected(connection: str, stream: str, rejects: Sequence[Rejected], now: datetime) -> pa.Table:
    return pa.table(
        {
            "connection": [connection] * len(rejects),
            "stream": [stream] * len(rejects),
            "place": [reject.place for reject in rejects],
            "reason": [reject.reason for reject in rejects],
            "detail": [reject.detail for reject in rejects],
            "record": [reject.record for reject in rejects],
            "seen_at": pa.array([now] * len(rejects), pa.timestamp("us", tz="UTC")),
        }
    )


def _farewell(stream: str, gone: Sequence[str], now: datetime) -> Any:
    if stream == "customers":
        return update(customers).where(customers.c.id.in_(gone)).values(erased_at=now)
    if stream == "products":
        return update(products).where(products.c.id.in_(gone)).values(published=False)
    table: Table = {"orders": orders, "events": events}[stream]
    return delete(table).where(table.c.id.in_(gone))


def _save_cursor(
    bulk: BulkConnection, connection: str, stream: str, cursor: str | None, records: int, now: datetime
) -> None:
    known = bulk.read(
        select(cursors.c.pages, cursors.c.records).where(cursors.c.connection == connection, cursors.c.stream == stream)
    ).to_pylist()
    before = known[0] if known else {"pages": 0, "records": 0}
    row = {
        "connection": connection,
        "stream": stream,
        "cursor": cursor or "",
        "pages": before["pages"] + 1,
        "records": before["records"] + records,
        "updated_at": (now - EPOCH).total_seconds() * 1_000_000,
    }
    bulk.upsert(cursors, pa.Table.from_pylist([row]))


def read_cursor(store: Store, connection: str, stream: str) -> str | None:
    """Read where a stream's pull goes on; None: from the start."""
    with store.engine.connect() as read:
        query = select(cursors.c.cursor).where(cursors.c.connection == connection, cursors.c.stream == stream)
        return read.scalar(query) or None


def clear_cursor(store: Store, connection: str, stream: str) -> None:
    """Forget where a stream's pull goes on: the next one is full."""
    with store.writing() as write:
        write.execute(delete(cursors).where(cursors.c.connection == connection, cursors.c.stream == stream))


def quarantine_counts(store: Store) -> pd.DataFrame:
    """Count what is kept in quarantine: connection, stream, reason, records, one example of each."""
    kept = quarantine.c
    query = select(
        kept.connection,
        kept.stream,
        kept.reason,
        func.count().label("records"),
        func.min(kept.place).label("first place"),
    ).group_by(kept.connection, kept.stream, kept.reason)
    with store.engine.connect() as read:
        return pd.DataFrame(read.execute(query).mappings().all())


def save_aliases(store: Store, aliases: pd.DataFrame, now: datetime) -> None:
    """Replace the table of duplicates: alias_id is another record of customer_id."""
    with store.bulk() as bulk:
        bulk.execute(delete(customer_aliases))
        rows = aliases.assign(found_at=pd.Timestamp(now))
        bulk.append(customer_aliases, pa.Table.from_pandas(rows, preserve_index=False))
