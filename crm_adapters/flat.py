"""Lay nested records flat: `{"customer": {"id": 7}}` becomes a column `customer.id`, as mappings name it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa


def flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one record flat; a list stays one value, and an empty record leaves none.

    Where a field's own name is that of a nested one, its own name wins, in whatever order they come.

    >>> flattened({"id": 1, "customer": {"id": 7, "tags": ["a"]}})
    {'customer.id': 7, 'customer.tags': ['a'], 'id': 1}
    """
    own: dict[str, Any] = {}
    nested: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):  # as JSON gives it: to ask for any mapping takes ten times as long
            for inner, one in flattened(value).items():
                nested[f"{name}.{inner}"] = one
        else:
            own[str(name)] = value
    return {**nested, **own} if nested else own


def table_of(rows: Sequence[Mapping[str, Any]], names: Iterable[str] = ()) -> pa.Table:
    """Make a table of text columns; numbers, lists and so on are written as JSON.

    Half a sign, as of an emoji that a program cut in the middle, becomes "?": no column can hold it.

    Args:
        rows: flat records; what one lacks is missing.
        names: columns that are there in any case.
    """
    found = dict.fromkeys(names)
    for row in rows:
        if not row.keys() <= found.keys():  # nearly always all are known
            found |= dict.fromkeys(row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in found})


def _column(values: list[Any]) -> pa.Array:
    try:  # nearly always all are whole texts already
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid, UnicodeEncodeError):
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, bool):  # what most systems tell a thousand times: JSON's own writer takes ten times as long
        return "true" if value else "false"
    return json.dumps(value)
