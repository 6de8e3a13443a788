"""SQL: any database SQLAlchemy reads; a table or query a stream, continued by (time, ids at that time)."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pyarrow as pa
from sqlalchemy import (
    Column,
    MetaData,
    Select,
    String,
    Table,
    cast,
    column,
    create_engine,
    delete,
    insert,
    inspect,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from crm_adapters.base import FieldUpdate, Page, PushResult
from crm_adapters.errors import BadCursor, SourceMissing, Unreachable
from crm_adapters.mapping import Mapping
from crm_adapters.records import Stream
from crm_adapters.translate import translate

FIELDS_TABLE = "recommended"


class Sql:
    """Pull from a database; push writes the table `recommended`, one row a customer.

    A stream with `updated` in its mapping is pulled by change: after (time, ids at that time), so that rows of equal
    times over a page's border are neither lost nor doubled. Without it, every pull is whole.
    """

    name: ClassVar[str] = "sql"
    max_batch: ClassVar[int] = 1_000

    def __init__(self, url: str, mapping: Mapping, page_rows: int = 50_000) -> None:
        self._engine = create_engine(url, poolclass=NullPool)  # an adapter has no end at which to close a pool
        self.mapping = mapping
        self.page_rows = page_rows

    def streams(self) -> list[Stream]:
        """The streams that the mapping names a table or query for, or that have a table of their own name."""
        try:
            there = set(inspect(self._engine).get_table_names())
        except OperationalError as error:
            raise Unreachable(
                f"the database does not answer: {error.orig}", remedy="check the connection's url"
            ) from error
        named = {stream for stream, found in self.mapping.streams.items() if {"table", "query"} & set(found.source)}
        return [stream for stream in Stream if stream in named or stream.value in there]

    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield pages after the cursor.

        Raises:
            BadCursor: the cursor is not one of ours.
            SourceMissing: the table or a column is not there.
        """
        source = self._source(stream)
        high, seen = _cursor(since)
        while True:
            rows = self._rows(stream, source, high, seen)
            if not rows:
                return
            if "updated" not in source:
                yield self._page(stream, rows, None)
                return
            high, seen = _advance(rows, source, high, seen)
            yield self._page(stream, rows, json.dumps({"v": 1, "high": _kept(high), "ids": seen}))

    def _source(self, stream: Stream) -> dict[str, str]:
        """Where the stream is read from; its key is the column that the mapping takes our id from."""
        mapping = self.mapping.stream(stream)
        named = mapping.fields.get("order_id" if stream is Stream.ORDERS else "id")
        return {"id": (named and named.column) or "id", **mapping.source}

    def _page(self, stream: Stream, rows: list[dict[str, Any]], cursor: str | None) -> Page:
        raw = pa.table({name: pa.array([_text(row[name]) for row in rows], pa.string()) for name in rows[0]})
        good, rejects = translate(stream, self.mapping.stream(stream), raw, lambda row: f"{stream} {_key(rows[row])}")
        return Page(stream, good, rejects, cursor)

    def _rows(self, stream: Stream, source: dict[str, str], high: Any, seen: list[str]) -> list[dict[str, Any]]:
        query = _query(stream, source, high, seen, self.page_rows)
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except SQLAlchemyError as error:
            raise SourceMissing(
                f"{stream} can't be read: {getattr(error, 'orig', error)}",
                remedy="check table, query and columns in the mapping",
            ) from error

    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write the fields of each customer to the table `recommended`, made on first use."""
        names = sorted({name for update in updates for name in update.values})
        written = Table(
            FIELDS_TABLE,
            MetaData(),
            Column("customer_id", String(255), primary_key=True),
            *(Column(name, String) for name in names),
        )
        with self._engine.begin() as connection:
            written.create(connection, checkfirst=True)
            for name in set(names) - {found["name"] for found in inspect(connection).get_columns(FIELDS_TABLE)}:
                quoted = self._engine.dialect.identifier_preparer.quote(name)
                connection.execute(text(f"ALTER TABLE {FIELDS_TABLE} ADD COLUMN {quoted} VARCHAR"))
            connection.execute(
                delete(written).where(written.c.customer_id.in_([update.customer_id for update in updates]))
            )
            blank = dict.fromkeys(names)
            rows = [
                {
                    **blank,
                    **{name: _text(value) for name, value in update.values.items()},
                    "customer_id": update.customer_id,
                }
                for update in updates
            ]
            connection.execute(insert(written), rows)
        for update in updates:
            yield PushResult(update.customer_id, "sent")


def _query(stream: Stream, source: dict[str, str], high: Any, seen: list[str], limit: int) -> Select[Any]:
    base = text(f"({source['query']}) AS source") if "query" in source else table(source.get("table", stream.value))
    query = select(text("*")).select_from(base)
    if "updated" not in source:
        return query
    updated, key = column(source["updated"]), column(source.get("id", "id"))
    if high is not None:
        query = query.where(or_(updated > high, (updated == high) & cast(key, String).not_in(seen)))
    return query.order_by(updated, key).limit(limit)


def _advance(rows: list[dict[str, Any]], source: dict[str, str], high: Any, seen: list[str]) -> tuple[Any, list[str]]:
    """Move the cursor behind these rows: their newest time, and every id seen at it."""
    newest = rows[-1][source["updated"]]
    ids = [str(row[source.get("id", "id")]) for row in rows if row[source["updated"]] == newest]
    return newest, [*seen, *ids] if newest == high else ids


def _cursor(since: str | None) -> tuple[Any, list[str]]:
    if not since:
        return None, []
    try:
        known = json.loads(since)
        high = known["high"]
        return datetime.fromisoformat(high["time"]) if isinstance(high, dict) else high, list(known["ids"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadCursor("the cursor is not one of the sql adapter", remedy="pull in full: --full") from error


def _kept(high: Any) -> Any:
    """A value of the change column as JSON that gives the same type back."""
    return {"time": high.isoformat()} if isinstance(high, datetime) else high


def _key(row: dict[str, Any]) -> str:
    return " ".join(str(value) for value in list(row.values())[:2])


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
