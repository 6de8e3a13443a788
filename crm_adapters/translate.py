"""Translate their columns into our records; rows that can't be read become rejects, with a reason."""

import json
from collections.abc import Callable
from functools import cache, partial

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_adapters.base import Reject
from crm_adapters.converters import CONVERTERS, Converted, money
from crm_adapters.exponents import EXPONENT
from crm_adapters.mapping import MONEY, Field, StreamMapping
from crm_adapters.records import CONSENT, EVENT_KINDS, ORDER_STATUS, SCHEMAS, Stream

DEFAULTS = {
    "consent_email": "unknown",
    "objected": "false",
    "available": "true",
    "published": "true",
    "recommendable": "true",
    "status": "paid",
    "test": "false",
    "refunded_quantity": "0",
    "line_id": "1",
}
CLOSED = {"consent_email": CONSENT, "status": ORDER_STATUS}
MINOR = {minor: decimal for decimal, minor in MONEY.items()}
SAMPLE = 5
FEW = 1_000
"""Of fewer rows it takes longer to find what they say twice than to convert each."""


def sample(raw: pa.Table) -> list[dict[str, object]]:
    """Some of their rows as they came."""
    rows: list[dict[str, object]] = raw.slice(0, SAMPLE).to_pylist()
    return rows


def translate(
    stream: Stream, mapping: StreamMapping, raw: pa.Table, place: Callable[[int], str]
) -> tuple[pa.Table, list[Reject]]:
    """Translate one page.

    Args:
        stream: what the rows are.
        mapping: their columns -> our fields.
        raw: their rows; columns of text, or typed.
        place: row number in `raw` -> where it stood, in words.

    Returns:
        the good rows as `records.SCHEMAS[stream]`, and a reject for each bad one.
    """
    columns: dict[str, pa.Array] = {}
    faults: list[tuple[str, pa.Array]] = []
    if stream is Stream.ORDERS:
        raw = _numbered_lines(mapping, raw)
    for target in sorted(SCHEMAS[stream], key=lambda field: field.name != "currency"):  # amounts ask for it
        if target.name == "attributes":
            columns["attributes"] = _attributes(mapping, raw)
            continue
        values, good = _column(stream, target, mapping, raw, columns.get("currency"))
        columns[target.name] = values.cast(target.type)
        if not pc.all(good).as_py():
            faults.append((f"bad_{target.name}", good))
        if not target.nullable and values.null_count:
            faults.append((f"missing_{target.name}", pc.or_(pc.is_valid(values), pc.invert(good))))
    rows = pa.table([columns[name] for name in SCHEMAS[stream].names], schema=SCHEMAS[stream])
    if not faults:
        return rows, []
    good = faults[0][1]
    for _, more in faults[1:]:
        good = pc.and_(good, more)
    return rows.filter(good), _rejects(mapping, raw, faults, place)


def _numbered_lines(mapping: StreamMapping, raw: pa.Table) -> pa.Table:
    """Number the lines of each order where the system does not; a page holds orders whole, so the numbers stay."""
    order = mapping.fields.get("order_id", Field("order_id")).column
    if "line_id" in mapping.fields or "line_id" in raw.column_names or order not in raw.column_names:
        return raw
    codes = pd.Series(_whole(raw[order]).dictionary_encode().indices.to_numpy(zero_copy_only=False))
    return raw.append_column("line_id", pa.array((codes.groupby(codes).cumcount() + 1).astype(str)))


def _column(
    stream: Stream, target: pa.Field, mapping: StreamMapping, raw: pa.Table, currency: pa.Array | None
) -> Converted:
    chosen = mapping.fields.get(target.name) or _by_own_name(target.name, raw)
    default = chosen.default if chosen.default is not None else DEFAULTS.get(target.name)
    there = chosen.column is not None and chosen.column in raw.column_names
    column = _whole(raw[chosen.column]) if there else pa.nulls(raw.num_rows, pa.string())
    column = _renamed(column, chosen.values)
    if chosen.converter == "money":
        return _money(_defaulted(column, default), currency)
    converter = chosen.converter or _converter(target)
    allowed = EVENT_KINDS if (stream, target.name) == (Stream.EVENTS, "kind") else CLOSED.get(target.name)
    if column.null_count == len(column):
        value, good = _of_all(default, converter, allowed)
        return pa.repeat(value, len(column)), pa.repeat(good, len(column))
    return _judged(_defaulted(column, default), converter, allowed)


def _judged(column: pa.Array, converter: str, allowed: tuple[str, ...] | None) -> Converted:
    values, good = _each_once(column, CONVERTERS[converter])
    if allowed:
        good = pc.and_(good, pc.or_(pc.is_in(values, pa.array(allowed)), pc.is_null(values)))
    return values, good


@cache
def _of_all(default: str | None, converter: str, allowed: tuple[str, ...] | None) -> tuple[pa.Scalar, pa.Scalar]:
    """The value of rows that tell nothing, and whether it is good: of most systems, half of our columns are such."""
    values, good = _judged(pa.array([default], pa.string()), converter, allowed)
    return values[0], good[0]


def _by_own_name(name: str, raw: pa.Table) -> Field:
    """Take a column of our own name; an amount may also stand as a decimal, under its name without _minor."""
    if name in MINOR and name not in raw.column_names:
        return Field(MINOR[name], "money")
    return Field(name)


def _converter(target: pa.Field) -> str:
    if target.name.endswith("id"):
        return "id"
    if target.name == "email":
        return "email"
    for test, name in (
        (pa.types.is_timestamp, "time"),
        (pa.types.is_boolean, "bool"),
        (pa.types.is_floating, "number"),
    ):
        if test(target.type):
            return name
    return "integer" if pa.types.is_integer(target.type) else "text"


def _each_once(column: pa.Array, convert: Callable[[pa.Array], Converted]) -> Converted:
    """Convert each distinct text once: a year of orders says a few thousand prices and moments a million times over."""
    kind = column.type
    if not pa.types.is_dictionary(kind) and (len(column) < FEW or not pa.types.is_string(kind)):
        return convert(column)
    distinct = column.dictionary_encode()
    values, good = convert(distinct.dictionary)
    return values.take(distinct.indices), pc.fill_null(good.take(distinct.indices), True)


def _renamed(column: pa.Array, values: dict[str, str]) -> pa.Array:
    if not values:
        return column
    words = pc.cast(column, pa.string())
    found = pc.index_in(words, pa.array(list(values)))
    return pc.coalesce(pa.array(list(values.values())).take(found), words)


def _defaulted(column: pa.Array, default: str | None) -> pa.Array:
    if default is None or not column.null_count:
        return column
    return pc.fill_null(pc.cast(column, pa.string()), default)


def _money(column: pa.Array, currency: pa.Array | None) -> Converted:
    """Amounts take the exponent of the currency beside them: cents for USD, none for JPY, mills for KWD."""
    values, good = _each_once(column, money)
    if currency is None:
        return values, good
    codes = pc.utf8_upper(currency)
    for code in set(pc.unique(codes).to_pylist()) & set(EXPONENT):
        here = pc.fill_null(pc.equal(codes, code), False)
        values = pc.if_else(here, _each_once(column, partial(money, exponent=EXPONENT[code]))[0], values)
    return values, good


def _attributes(mapping: StreamMapping, raw: pa.Table) -> pa.Array:
    named = {
        key.removeprefix("attributes."): field.column
        for key, field in mapping.fields.items()
        if key.startswith("attributes.")
    }
    present = {name: column for name, column in named.items() if column in raw.column_names}
    if not present:
        return (
            pc.cast(_whole(raw["attributes"]), pa.string())
            if "attributes" in raw.column_names
            else pa.nulls(raw.num_rows, pa.string())
        )
    rows = raw.select(list(dict.fromkeys(present.values()))).to_pylist()
    texts = [
        json.dumps(
            {name: row[column] for name, column in present.items() if row[column] not in (None, "")}, default=str
        )
        for row in rows
    ]
    return pa.array(texts, pa.string())


def _rejects(
    mapping: StreamMapping, raw: pa.Table, faults: list[tuple[str, pa.Array]], place: Callable[[int], str]
) -> list[Reject]:
    seen: set[int] = set()
    found = []
    for reason, good in faults:
        field = reason.partition("_")[2]
        column = (mapping.fields.get(field) or _by_own_name(field, raw)).column
        for row in pc.indices_nonzero(pc.invert(good)).to_pylist():
            if row not in seen:
                seen.add(row)
                record = raw.slice(row, 1).to_pylist()[0]
                detail = f"{reason.replace('_', ' ', 1)}: {record.get(column or field, '')!r}"
                found.append(Reject(place(row), reason, detail, json.dumps(record, default=str, ensure_ascii=False)))
    return sorted(found, key=lambda reject: reject.place)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
