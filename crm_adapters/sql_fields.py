"""Fields given back to a database: the table `recommended`, one row a customer, made and widened as needed."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn

from crm_adapters.base import FieldUpdate
from crm_adapters.sql_values import text

FIELDS_TABLE = "recommended"
BOUND_VALUES = 500
NAME_BYTES, ID_LETTERS = 63, 255


def fault_of(update: FieldUpdate) -> str:
    """Why an update can't be written; empty if it can."""
    if not 0 < len(update.customer_id) <= ID_LETTERS:
        return f"the id must have 1 to {ID_LETTERS} letters"
    for name, value in update.values.items():
        if not 0 < len(name.encode(errors="replace")) <= NAME_BYTES or name == "customer_id":
            return f"{name!r} can't name a column: 1 to {NAME_BYTES} bytes, and not customer_id"
        if any(not _is_storable(words) for words in (update.customer_id, name, text(value) or "")):
            return f"{name} holds a NUL or half a surrogate pair, which databases refuse"
    return ""


def _is_storable(words: str) -> bool:
    return "\0" not in words and words.encode(errors="replace") == words.encode(errors="surrogatepass")


def _make_room(connection: sa.Connection, fields: sa.Table) -> None:
    """Make the table, or the columns that it lacks."""
    fields.create(connection, checkfirst=True)
    there = {found["name"] for found in sa.inspect(connection).get_columns(FIELDS_TABLE)}
    for new in fields.columns:
        if new.name not in there:
            kind = CreateColumn(new).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {FIELDS_TABLE} ADD COLUMN {kind}")


def _unknown(connection: sa.Connection, fields: sa.Table, customers: list[str]) -> list[str]:
    """The customers without a row, asked for in parts: a statement takes only so many values."""
    known: set[str] = set()
    for start in range(0, len(customers), BOUND_VALUES):
        some = customers[start : start + BOUND_VALUES]
        known.update(connection.scalars(sa.select(fields.c.customer_id).where(fields.c.customer_id.in_(some))))
    return [customer for customer in customers if customer not in known]


def write_fields(connection: sa.Connection, values: Mapping[str, Mapping[str, str | None]]) -> None:
    """Write the named fields of each customer, in one transaction; other fields and customers stay."""
    names = list(dict.fromkeys(name for texts in values.values() for name in texts))
    columns = [sa.Column(name, sa.Text) for name in names]
    key = sa.Column("customer_id", sa.String(ID_LETTERS), primary_key=True)
    fields = sa.Table(FIELDS_TABLE, sa.MetaData(), key, *columns)
    alike: dict[tuple[str, ...], list[dict[str, str | None]]] = {}
    for customer, texts in values.items():
        row = {"customer": customer, **{f"value_{number}": text for number, text in enumerate(texts.values())}}
        alike.setdefault(tuple(texts), []).append(row)
    with connection.begin():
        _make_room(connection, fields)
        if new := _unknown(connection, fields, list(values)):
            connection.execute(sa.insert(fields), [{"customer_id": customer} for customer in new])
        for named, rows in alike.items():
            if named:
                change: dict[Any, Any] = {
                    fields.c[name]: sa.bindparam(f"value_{number}") for number, name in enumerate(named)
                }
                one = fields.c.customer_id == sa.bindparam("customer")
                connection.execute(sa.update(fields).where(one).values(change), rows)
