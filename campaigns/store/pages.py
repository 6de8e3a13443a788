"""What systems say: pages of records, saved in one transaction with the cursor behind them (law 3)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Delete, Select, Table, Update, delete, select, update

from campaigns.store import lines, quarantine
from campaigns.store.bulk import BulkConnection
from campaigns.store.database import Store
from campaigns.store.merges import keep_merges, part_again
from campaigns.store.statements import in_parts
from campaigns.store.tables import EPOCH, cursors, customers, events, offers, orders, products

_TABLES = {"customers": customers, "products": products, "orders": orders, "events": events, "offers": offers}
_KEYED = ("customers", "products", "orders")
"""Values bound in one statement; SQLite takes at most 32,766, PostgreSQL 65,535."""


class IncomingPage(Protocol):
    """What a page of an adapter tells."""

    @property
    def rows(self) -> pa.Table:
        """The good records."""

    @property
    def rejects(self) -> Sequence[quarantine.Rejected]:
        """The bad ones."""

    @property
    def cursor(self) -> str | None:
        """Where the pull goes on after this page."""

    @property
    def gone(self) -> Sequence[str]:
        """Ids that the system has deleted."""

    @property
    def merged(self) -> Mapping[str, str]:
        """Customers that the system has made part of another: their id, to the other's."""

    @property
    def first(self) -> bool:
        """Whether a reading of everything begins here, so that what earlier readings rejected is outdated."""


def save_page(store: Store, connection: str, stream: str, page: IncomingPage, now: datetime) -> int:
    """Save one page: rows, quarantine and cursor in one transaction, so that a crash repeats a page and loses none.

    Returns:
        how many records went into quarantine: the adapter's rejects, and those whose id another connection owns.
    """
    with store.bulk() as bulk:
        if page.first:
            quarantine.clear(bulk, connection, stream)
        rows, foreign = _own(bulk, connection, stream, page.rows)
        bulk.upsert(_TABLES[stream], _prepared(stream, connection, rows))
        rejects = [*page.rejects, *foreign]
        quarantine.keep(bulk, connection, stream, rejects, now)
        gone = [*page.gone]
        if stream == "customers":
            part_again(bulk, connection, rows["id"])
            gone += keep_merges(bulk, connection, page.merged, now)
        for statement in _farewells(stream, gone, now):
            bulk.execute(statement)
        _save_cursor(bulk, connection, stream, page.cursor, rows.num_rows, now)
    return len(rejects)


def sweep(store: Store, connection: str, stream: str, there: Collection[str], now: datetime) -> int:
    """Bid farewell to what a connection once brought and no longer has, in one transaction.

    Args:
        store: the store.
        connection: whose records are looked at.
        stream: of customers, products or orders; other records have no owner.
        there: ids of all that the connection has now.
        now: when it was seen.

    Returns:
        how many records are gone.
    """
    if stream not in _KEYED:
        return 0
    with store.bulk() as bulk:
        gone = sorted(set(bulk.read(_living(stream, connection))["id"].to_pylist()).difference(there))
        for statement in _farewells(stream, gone, now):
            bulk.execute(statement)
    return len(gone)


def _living(stream: str, connection: str) -> Select[tuple[str]]:
    """Ids of the records of a connection that are not gone yet."""
    table = _TABLES[stream]
    query = select(table.c.id).where(table.c.system == connection)
    if stream == "customers":
        return query.where(customers.c.erased_at.is_(None))
    return query.where(products.c.published) if stream == "products" else query


def _own(
    bulk: BulkConnection, connection: str, stream: str, rows: pa.Table
) -> tuple[pa.Table, list[quarantine.Foreign]]:
    """Part the rows whose id another connection brought: two systems' ids may be equal and mean different things."""
    if stream not in _KEYED or not _is_shared(bulk, connection, stream):
        return rows, []
    key, table = "order_id" if stream == "orders" else "id", _TABLES[stream]
    ids = pc.unique(rows[key]).to_pylist()
    owners: dict[str, str] = {}
    for some in in_parts(ids):
        query = select(table.c.id, table.c.system).where(table.c.system != connection, table.c.id.in_(some))
        owners |= {row["id"]: row["system"] for row in bulk.read(query).to_pylist()}
    foreign = [quarantine.Foreign(stream, identity, owner) for identity, owner in owners.items()]
    return rows.filter(pc.invert(pc.is_in(rows[key], pa.array(list(owners), pa.string())))), foreign


def _is_shared(bulk: BulkConnection, connection: str, stream: str) -> bool:
    """Say whether any other connection brought records of the stream."""
    query = select(cursors.c.stream).where(cursors.c.connection != connection, cursors.c.stream == stream)
    return len(bulk.read(query)) > 0


def _prepared(stream: str, connection: str, rows: pa.Table) -> pa.Table:
    if stream == "orders" and rows.num_rows:
        # A page holds its orders whole: each order's lines are replaced as a set, and one that was taken out is gone.
        rows = lines.pack(rows).rename_columns({"order_id": "id"})
    rows = rows.append_column("system", pa.array([connection] * rows.num_rows, pa.string()))
    if stream == "customers":
        rows = rows.append_column("email_normalised", pc.utf8_lower(pc.utf8_trim_whitespace(rows["email"])))
        # Who comes again after having been gone was restored there; a suppression of the address stands all the same.
        rows = rows.append_column("erased_at", pa.nulls(rows.num_rows, pa.timestamp("us", tz="UTC")))
    return rows


def _farewells(stream: str, gone: Sequence[str], now: datetime) -> Iterator[Update | Delete]:
    for some in in_parts(gone):
        if stream == "customers":
            yield update(customers).where(customers.c.id.in_(some)).values(erased_at=now)
        elif stream == "products":
            yield update(products).where(products.c.id.in_(some)).values(published=False)
        else:
            table: Table = {"orders": orders, "events": events}[stream]
            yield delete(table).where(table.c.id.in_(some))


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
