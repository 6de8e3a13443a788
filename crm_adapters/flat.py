"""Lay nested records flat: `{"customer": {"id": 7}}` becomes a column `customer.id`, as mappings name it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa


def flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one record flat; a list stays one value.

    >>> flattened({"id": 1, "customer": {"id": 7, "tags": ["a"]}})
    {'id': 1, 'customer.id': 7, 'customer.tags': ['a']}
    """
    return dict(_pairs("", record))


def _pairs(before: str, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _pairs(f"{before}{name}.", value)
        else:
            yield f"{before}{name}", value


def table_of(rows: Sequence[Mapping[str, Any]], names: Iterable[str] = ()) -> pa.Table:
    """Make a table of text columns; numbers, lists and so on are written as JSON.

    Args:
        rows: flat records; what one lacks is missing.
        names: columns that are there in any case.
    """
    found = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    return pa.table({name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in found})


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)
