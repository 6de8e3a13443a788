"""SQL: any database SQLAlchemy reads; a table or query a stream, continued by (time, id), late rows looked back for."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError, NoSuchModuleError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from crm_adapters import mapping as mappings
from crm_adapters.base import FieldUpdate, Page, PushResult
from crm_adapters.errors import (
    BadSource,
    SourceMissing,
    Unreachable,
    Unsupported,
    secrets_of,
    without_secrets,
)
from crm_adapters.marks import Mark, Position, Row, bad_cursor, follow, print_of
from crm_adapters.records import Stream
from crm_adapters.sql_fields import fault_of, write_fields
from crm_adapters.sql_values import column, text
from crm_adapters.translate import sample, translate

KEYS = {Stream.ORDERS: "order_id", Stream.OFFERS: "product_id"}  # else: id
FETCHED = 5_000
CHECK = "check table, query and columns in the mapping, and what this user may do"
NOT_THERE = ("no such table", "no such column", "unknown column")


class Sql:
    """Pull from a database; push writes the table `recommended`, one row a customer, every field as text.

    **With `updated`** in its mapping a stream is pulled by change, in pages in the order of (updated, id), each its own
    short query; each page can be continued by another process. No page ends between two rows of equal time and id: the
    lines of an order that changed together arrive together. What the cursor copes with:

    - Rows of equal times: the id breaks the tie, however many there are.
    - A row that appears late, at or before the newest time read (a clock of whole seconds, a long transaction): each
      pull looks again at all rows younger than 5 minutes before that time, and brings those that it does not know. It
      knows up to 1,000 of them one by one, and more by their number and sum: if that differs, all of them come again,
      which is harmless and happens once.
    - A time in the future, or text that is no ISO 8601 time: the row is brought and remembered, never followed.
    - No time (NULL): whether the row has changed can't be told, so every pull brings it, after the others. A query
      with `coalesce(updated, created)` in the mapping avoids that.
    - Numbers are counters: they have no future, and only rows of the newest number are looked at again.
    - The lines of an order have one time, the order's own; else the pull is refused: orders must arrive whole.
    - A row changed without a newer time, or deleted, can't be seen; pull in full now and then.

    **Without `updated`** every pull is whole: one query, in the order of ids, streamed in pages. Its pages carry no
    cursor; a pull that was killed begins again. SQLite without WAL makes writers wait for its end.

    Times without a zone are UTC.
    """

    name: ClassVar[str] = "sql"
    max_batch: ClassVar[int] = 1_000
    max_bytes: ClassVar[int] = 100_000_000

    def __init__(self, url: str, mapping: mappings.Mapping, page_rows: int = 50_000) -> None:
        """Prepare, connecting to nothing yet.

        Raises:
            Unsupported: no driver for this kind of database is installed.
            Unreachable: the url can't be read.
        """
        self._engine = _engine(url)
        secrets = secrets_of(url)
        self._hidden: Callable[[str], str] = lambda words: without_secrets(words, secrets)  # no repr shows them
        self.mapping = mapping
        self.page_rows = page_rows

    def streams(self) -> list[Stream]:
        """The streams that the mapping names a table or query for, or that have a table or view of their own name.

        Raises:
            SourceMissing: there is none.
            Unreachable: the database does not answer.
        """
        with self._connected("the tables can't be listed") as connection:
            database = sa.inspect(connection)
            there = {*database.get_table_names(), *database.get_view_names()}
        there |= {stream for stream, found in self.mapping.streams.items() if {"table", "query"} & set(found.source)}
        if found := [stream for stream in Stream if stream in there]:
            return found
        raise SourceMissing("no table is called customers, products or orders", remedy="name yours in a mapping")

    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield pages after the cursor; see the class for what a cursor copes with.

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now.
            BadSource: the lines of an order have several times.
            SourceMissing: the table, query or a column is not there.
            Unreachable: the database does not answer.
        """
        is_first = not since
        for page in self._pages(self._source(stream), since):
            yield replace(page, first=is_first)
            is_first = False

    def _pages(self, source: "_Source", since: str | None) -> Iterator[Page]:
        if source.updated is None:
            if since:
                raise bad_cursor()
            yield from self._whole(source, source.everything(), None)
            return
        cursor = since
        for page in self._changed(source, Mark.from_text(since, source.mapped)):
            cursor = page.cursor
            yield page
        without_time = source.everything().where(sa.column(source.updated).is_(None))
        yield from self._whole(source, without_time, cursor)

    def _source(self, stream: Stream) -> "_Source":
        """Ask for the names of the columns only; what the mapping names must be among them."""
        mapping = self.mapping.stream(stream)
        base = _base(mapping.source, stream)
        with self._connected(f"{stream} can't be read") as connection:
            names = list(connection.execute(sa.select(sa.text("*")).select_from(base).where(sa.text("1 = 0"))).keys())
        own = KEYS.get(stream, "id")
        named = mapping.fields.get(own)
        key = mapping.source.get("id") or (named and named.column) or own
        updated = mapping.source.get("updated")
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise BadSource(f"{stream} has two columns {doubled!r}", remedy="name one of them otherwise, in a query")
        for wanted in filter(None, [key, updated, *(field.column for field in mapping.fields.values())]):
            if wanted not in names:
                raise SourceMissing(f"{stream} has no column {wanted!r}", remedy=_meant(wanted, names))
        line = mapping.fields.get("line_id", mappings.Field("line_id")).column if stream is Stream.ORDERS else None
        return _Source(stream, base, names, key, line if line in names else None, updated, print_of([mapping]))

    def _changed(self, source: "_Source", mark: Mark) -> Iterator[Page]:
        at, prints = mark.read, mark.prints
        if mark.is_listed or not self._is_unchanged(source, mark):
            at, mark = mark.settled, Mark(mark.settled)
        if source.stream is Stream.ORDERS:
            self._refuse_scattered(source, at)
        pages = follow(partial(self._rows, source), source.position, source.fresh, mark, source.mapped, at, prints)
        for rows, cursor in pages:
            yield self._page(source, rows, cursor)

    def _refuse_scattered(self, source: "_Source", at: Position | None) -> None:
        """An order must come whole, so its lines must have one time: that of the order."""
        key: sa.ColumnElement[Any] = sa.column(source.key)
        updated: sa.ColumnElement[Any] = sa.column(source.updated or "")
        changed = sa.select(key).select_from(source.base).where(source.is_after(at))
        several = sa.func.min(updated) != sa.func.max(updated)
        partly = sa.func.count(updated).between(1, sa.func.count() - 1)
        query = sa.select(key).select_from(source.base).where(key.in_(changed)).group_by(key)
        with self._connected(f"{source.stream} can't be read") as connection:
            order = connection.scalar(query.having(sa.or_(several, partly)).limit(1))
        if order is not None:
            raise BadSource(
                f"the lines of order {order!r} have several times in {source.updated!r}",
                remedy=f"give them one, in a query: max({source.updated}) over (partition by {source.key})",
            )

    def _is_unchanged(self, source: "_Source", mark: Mark) -> bool:
        """Whether the rows that may come late are those of the mark, by their number and sum."""
        between = (source.is_after(mark.settled), ~source.is_after(mark.read))
        query = source.everything().where(*between).order_by(None)
        rows = total = 0
        with self._connected(f"{source.stream} can't be read") as connection:
            for row in self._streamed(connection, query):
                rows, total = rows + 1, total + print_of(row)
        return (rows, total % 2**64) == (mark.rows, mark.total)

    def _rows(self, source: "_Source", at: Position | None) -> tuple[list[Row], bool]:
        """The rows of the next page and whether they are the last; never part of the rows of one position."""
        query = source.everything().where(source.is_after(at))
        limit = self.page_rows
        while True:
            with self._connected(f"{source.stream} can't be read") as connection:
                rows: list[Row] = list(connection.execute(query.limit(limit + 1)).all())
            if len(rows) <= limit:
                return rows, True
            if whole := source.whole_positions(rows):
                return rows[:whole], False
            limit *= 2

    def _whole(self, source: "_Source", query: sa.Select[Any], cursor: str | None) -> Iterator[Page]:
        rows: list[Row] = []
        with self._connected(f"{source.stream} can't be read") as connection:
            for row in self._streamed(connection, query):
                rows.append(row)
                if len(rows) > self.page_rows and (whole := source.whole_positions(rows)):
                    yield self._page(source, rows[:whole], cursor)
                    rows = rows[whole:]
            if rows:
                yield self._page(source, rows, cursor)

    def _streamed(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Row]:
        """The rows of a query, of which the driver holds only some at a time."""
        with closing(connection.execution_options(yield_per=FETCHED).execute(query)) as result:
            for rows in result.partitions():
                yield from rows

    def _page(self, source: "_Source", rows: list[Row], cursor: str | None) -> Page:
        raw = pa.table(
            {name: column(values) for name, values in zip(source.names, zip(*rows, strict=True), strict=True)}
        )
        mapping = self.mapping.stream(source.stream)
        good, rejects = translate(source.stream, mapping, raw, lambda row: source.place(rows, row))
        return Page(source.stream, good, rejects, cursor, sample=sample(raw))

    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write the named fields of each customer to the table `recommended`, made on first use; others stay.

        Raises:
            Unreachable: the database does not answer, or refuses; nothing is written then.
        """
        faults = [fault_of(update) for update in updates]
        values: dict[str, dict[str, str | None]] = {}
        for update, fault in zip(updates, faults, strict=True):
            if not fault:
                texts = {name: text(value) for name, value in update.values.items()}
                values.setdefault(update.customer_id, {}).update(texts)
        if values:
            with self._connected("the fields can't be written") as connection:
                write_fields(connection, values)
        for update, fault in zip(updates, faults, strict=True):
            yield PushResult(update.customer_id, "rejected" if fault else "sent", fault)

    @contextmanager
    def _connected(self, problem: str) -> Iterator[sa.Connection]:
        """A connection whose errors are ours: without the driver's traceback, which may show the password."""
        file = Path(self._engine.url.database or "")
        if self._engine.dialect.name == "sqlite" and not file.exists() and not file.name.startswith(("file:", ":")):
            raise SourceMissing(f"no database {file}", remedy="check the connection's url")  # SQLite would make one
        try:
            connection = self._engine.connect()
        except (SQLAlchemyError, ValueError) as error:
            raise Unreachable(
                f"the database does not answer: {self._told(error)}", remedy="check the connection's url"
            ) from None
        with connection:
            try:
                yield connection
            except SQLAlchemyError as error:
                told = self._told(error)
                if isinstance(error, ProgrammingError) or any(words in told.lower() for words in NOT_THERE):
                    raise SourceMissing(f"{problem}: {told}", remedy=CHECK) from None
                refusal = BadSource if isinstance(error, DataError) else Unreachable
                raise refusal(f"{problem}: {told}", remedy="mend that, then do it again") from None

    def _told(self, error: Exception) -> str:
        words = str(getattr(error, "orig", None) or error).strip()
        return self._hidden(words.splitlines()[0] if words else type(error).__name__)


@dataclass(frozen=True)
class _Source:
    """Where one stream is read from.

    Attributes:
        stream: what the rows are.
        base: the table or query.
        names: all its columns.
        key: the column of the id.
        line: the column that tells an order's lines apart, if there is one.
        updated: the column of the time of the last change; None: there is none.
        mapped: a number that stands for the mapping of the stream.
    """

    stream: Stream
    base: sa.FromClause | sa.TextClause
    names: list[str]
    key: str
    line: str | None
    updated: str | None
    mapped: int

    def everything(self) -> sa.Select[Any]:
        """All rows in the order of positions; those without an id stand last, on every database."""
        key: sa.ColumnElement[Any] = sa.column(self.key)
        order: list[sa.ColumnElement[Any]] = [sa.case((key.is_(None), 1), else_=0), key]
        if self.updated:
            order.insert(0, sa.column(self.updated))
        return sa.select(sa.text("*")).select_from(self.base).order_by(*order)

    def position(self, row: Row) -> Position:
        """(time, id) of a row; the time is None where there is none."""
        return row[self.names.index(self.updated)] if self.updated else None, row[self.names.index(self.key)]

    def is_after(self, position: Position | None) -> sa.ColumnElement[bool]:
        """Whether a row stands after a position; for a row with a time never NULL, so that it can be negated."""
        updated: sa.ColumnElement[Any] = sa.column(self.updated or "")
        key: sa.ColumnElement[Any] = sa.column(self.key)
        if position is None:
            return updated.is_not(None)
        time, last = (sa.literal(value, sa.types.NullType()) for value in position)
        tied = sa.false() if position[1] is None else sa.or_(key > last, key.is_(None))
        return sa.and_(updated >= time, sa.or_(updated > time, tied))  # the first half lets an index serve

    def whole_positions(self, rows: list[Row]) -> int:
        """How many rows come before the position of the last one, which may go on after it."""
        last, count = self.position(rows[-1]), len(rows) - 1
        while count and self.position(rows[count - 1]) == last:
            count -= 1
        return count

    def fresh(self, rows: list[Row], prints: list[int], known: set[int]) -> list[Row]:
        """The rows of positions at which something is not known yet."""
        new = {self.position(row) for row, seen in zip(rows, prints, strict=True) if seen not in known}
        return [row for row in rows if self.position(row) in new]

    def place(self, rows: list[Row], number: int) -> str:
        """Where a row stands, in words: its id, its line, and for equals what it holds, as a number."""
        names = [name for name in (self.key, self.line) if name]
        alike = [[row[self.names.index(name)] for name in names] for row in rows[max(number - 1, 0) : number + 2]]
        own = alike[min(number, 1)]
        words = f"{self.stream} {' line '.join(text(value) or 'without id' for value in own)}"
        if None in own or alike.count(own) > 1:
            return f"{words}, row {print_of(rows[number]):016x}"
        return words


def _base(source: Mapping[str, str], stream: Stream) -> sa.FromClause | sa.TextClause:
    if "query" in source:
        query = source["query"].strip().rstrip(";").replace(":", r"\:")  # a colon is no parameter
        return sa.text(f"({query}\n) AS source")
    schema, _, name = source.get("table", stream.value).rpartition(".")
    return sa.table(name, schema=schema or None)


def _meant(wanted: str, names: list[str]) -> str:
    near = [name for name in names if name.lower() == wanted.lower()] or difflib.get_close_matches(wanted, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"its columns are: {', '.join(names)}"


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise Unreachable(
            "the database's url can't be read",
            remedy="write postgresql+psycopg://user:password@host/name, with % codes for : / ? # @ in the password",
        ) from None
    try:
        return sa.create_engine(parsed, poolclass=NullPool)  # an adapter has no end at which to close a pool
    except (NoSuchModuleError, ModuleNotFoundError):
        raise Unsupported(
            f"no driver for {parsed.drivername}",
            remedy="install it; for PostgreSQL: pip install 'handpicked[postgres]' and write postgresql+psycopg://",
        ) from None
