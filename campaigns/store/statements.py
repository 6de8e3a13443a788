"""Statements of many values: cut into parts that both databases take, and inserts that leave alone what is there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Table, bindparam, column, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

MANY = 10_000
"""Values bound in one statement; SQLite takes at most 32,766, PostgreSQL 65,535."""


def in_parts(values: Iterable[Any], size: int = MANY) -> Iterator[list[Any]]:
    """Give values in parts small enough for one statement."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def given(dialect: str, parameter: str, **columns: TypeEngine[Any]) -> Mapping[str, ColumnElement[Any]]:
    """Rows that a statement joins with, bound as one JSON document: a list of objects.

    One statement for many rows: a program that calls the database for each row waits for its own threads in between.
    """
    document = bindparam(parameter, type_=JSON)
    if dialect == "postgresql":
        typed = [column(name, kind) for name, kind in columns.items()]
        table = func.json_to_recordset(document).table_valued(*typed, name="given").render_derived(with_types=True)
        return dict(table.c.items())
    row = func.json_each(document).table_valued("value", name="given").c.value
    return {name: func.json_extract(row, f"$.{name}", type_=kind) for name, kind in columns.items()}


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Insert the rows whose key is not there yet, whoever else inserts at this moment; say the keys of these.

    Rows are to be in the order of their keys, so that two who insert never wait for each other in a circle.
    """
    if not rows:
        return []
    key = next(iter(table.primary_key))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(key)
    return list(connection.execute(statement, rows).scalars())
