"""Bulk in and out over Arrow (ADBC): a million rows in seconds, in one transaction, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import JSON, URL, Boolean, ClauseElement, Float, Integer, Select, Table, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import BigInteger, TypeEngine

from campaigns.errors import MissingTool
from campaigns.store.tables import UtcTime

INFERRED_ROWS = 200_000


class BulkConnection:
    """One transaction over ADBC. Made by `Store.bulk()`."""

    def __init__(self, raw: Any, dialect: str) -> None:
        self._raw, self._cursor, self._dialect = raw, raw.cursor(), dialect

    def upsert(self, table: Table, rows: pa.Table) -> int:
        """Insert rows, or update those whose primary key is there already; the last of equal keys wins.

        Args:
            table: the target.
            rows: columns named as the table's; columns the rows lack stay as they are.
        """
        if rows.num_rows == 0:
            return 0
        rows = conform(table, rows, self._dialect)
        if self._dialect == "sqlite":
            self._insert_sqlite(table, rows, _on_conflict(table, rows))
        else:
            self._upsert_postgresql(table, rows)
        return len(rows)

    def _insert_sqlite(self, table: Table, rows: pa.Table, otherwise: str) -> None:
        """Bind only what differs from row to row: the rest stands in the statement."""
        alike = {name: text for name in rows.column_names if (text := _constant(rows[name])) is not None}
        bound = rows.drop_columns(list(alike)) if len(alike) < rows.num_columns else rows
        values = ", ".join(alike[name] if name not in bound.column_names else "?" for name in rows.column_names)
        self._cursor.executemany(f"INSERT INTO {_target(table, rows)} VALUES ({values}) {otherwise}", bound)

    def _upsert_postgresql(self, table: Table, rows: pa.Table) -> None:
        keys = ", ".join(_keys(table))
        # The stage holds JSON as text; only here does it become JSON.
        names = ", ".join(
            f"{name}::json" if isinstance(table.c[name].type, JSON) else name for name in rows.column_names
        )
        stage = f"stage_{table.name}"
        numbered = rows.append_column("stage_row", pa.array(range(rows.num_rows), pa.int64()))
        self._cursor.adbc_ingest(stage, numbered, mode="create", temporary=True)
        newest = f"SELECT DISTINCT ON ({keys}) * FROM {stage} ORDER BY {keys}, stage_row DESC"
        self._cursor.execute(
            f"INSERT INTO {_target(table, rows)} SELECT {names} FROM ({newest}) AS last {_on_conflict(table, rows)}"
        )
        self._cursor.execute(f"DROP TABLE {stage}")

    def append(self, table: Table, rows: pa.Table) -> int:
        """Insert rows whose keys are known to be new: the fastest way in."""
        if rows.num_rows:
            self._cursor.adbc_ingest(table.name, conform(table, rows, self._dialect), mode="append")
        return len(rows)

    def execute(self, statement: ClauseElement) -> None:
        """Run one statement within the transaction."""
        self._cursor.execute(*self._compiled(statement))

    def read(self, query: Select[Any]) -> pa.Table:
        """Read all rows of a query; times come as int64 microseconds, each column in the type that the query says."""
        if self._dialect == "sqlite":
            # The driver takes a column's type from its first batch: one of only nulls would be misread.
            self._cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(INFERRED_ROWS)})
        self._cursor.execute(*self._compiled(query))
        found = self._cursor.fetch_arrow_table()
        columns = [_typed(column.type, found.column(number)) for number, column in enumerate(query.selected_columns)]
        return pa.table(columns, names=found.column_names)

    def _compiled(self, statement: ClauseElement) -> tuple[str, tuple[Any, ...] | None]:
        compiled: Any = statement.compile(dialect=_DIALECTS[self._dialect])
        state = compiled.construct_expanded_state()
        convert = {**compiled._bind_processors, **state.processors}
        values = tuple(convert.get(name, _as_is)(state.parameters[name]) for name in state.positiontup or ())
        return state.statement, values or None


def _as_is(value: Any) -> Any:
    return value


_make_sqlite: Any = sqlite.dialect  # SQLAlchemy leaves the two untyped
_make_postgresql: Any = postgresql.dialect
_DIALECTS = {"sqlite": _make_sqlite(paramstyle="qmark"), "postgresql": _make_postgresql(paramstyle="numeric_dollar")}


@contextmanager
def open_bulk(url: URL) -> Iterator[BulkConnection]:
    """Open one bulk transaction: committed on leaving, rolled back on an error.

    Raises:
        MissingTool: the Arrow driver for PostgreSQL is not installed.
    """
    dialect = url.get_backend_name()
    raw = _connect(url)
    try:
        bulk = BulkConnection(raw, dialect)
        yield bulk
        raw.commit()
    except BaseException:
        raw.rollback()
        raise
    finally:
        bulk._cursor.close()
        raw.close()


def _connect(url: URL) -> Any:
    if url.get_backend_name() == "sqlite":
        raw = adbc_driver_sqlite.dbapi.connect(url.database)
        raw.adbc_connection.set_autocommit(True)  # SQLite changes these only outside a transaction
        with raw.cursor() as cursor:
            for pragma in ("busy_timeout=30000", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-65536"):
                cursor.execute(f"PRAGMA {pragma}")
                cursor.fetchall()
        raw.adbc_connection.set_autocommit(False)
        return raw
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 an extra
    except ModuleNotFoundError as error:
        raise MissingTool(
            "the PostgreSQL bulk driver is not installed", remedy="pip install 'handpicked[postgres]'"
        ) from error
    return dbapi.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))


def conform(table: Table, rows: pa.Table, dialect: str) -> pa.Table:
    """Take the table's columns, in its order, each in the Arrow type that its column holds."""
    names = [column.name for column in table.columns if column.name in rows.column_names]
    columns = [_conform(table.columns[name].type, rows.column(name), dialect) for name in names]
    return pa.table(columns, names=names)


def _conform(kind: TypeEngine[Any], values: pa.ChunkedArray, dialect: str) -> pa.ChunkedArray:
    if isinstance(kind, UtcTime):
        if pa.types.is_timestamp(values.type):
            values = pc.cast(values, pa.timestamp("us", tz=values.type.tz), safe=False)
        return pc.cast(values, pa.int64())
    return pc.cast(values, _arrow_type(kind, dialect), safe=False)


def _arrow_type(kind: TypeEngine[Any], dialect: str) -> pa.DataType:
    if isinstance(kind, Boolean):
        return pa.int64() if dialect == "sqlite" else pa.bool_()
    if isinstance(kind, BigInteger):
        return pa.int64()
    if isinstance(kind, Integer):
        return pa.int64() if dialect == "sqlite" else pa.int32()
    if isinstance(kind, Float):
        return pa.float64()
    return pa.string()


def _typed(kind: TypeEngine[Any], values: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(kind, UtcTime):
        return pc.cast(values, pa.int64())
    if isinstance(kind, JSON | Text):
        return pc.cast(values, pa.string())
    if isinstance(kind, Float):
        return pc.cast(values, pa.float64())
    return pc.cast(values, pa.bool_()) if isinstance(kind, Boolean) else values


def _constant(values: pa.ChunkedArray) -> str | None:
    """Write a column that says the same in every row as SQL; None for one that doesn't, or that holds text."""
    if values.null_count == len(values):
        return "NULL"
    if values.null_count or not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return None
    bounds = pc.min_max(values).as_py()
    return repr(bounds["min"]) if bounds["min"] == bounds["max"] else None


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _target(table: Table, rows: pa.Table) -> str:
    return f"{table.name} ({', '.join(rows.column_names)})"


def _on_conflict(table: Table, rows: pa.Table) -> str:
    keys = _keys(table)
    changed = [name for name in rows.column_names if name not in keys]
    if not changed:
        return f"ON CONFLICT ({', '.join(keys)}) DO NOTHING"
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET " + ", ".join(
        f"{name} = excluded.{name}" for name in changed
    )
