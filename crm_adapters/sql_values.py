"""Values of a database: as Arrow columns for the way in, as text for the way out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import pyarrow as pa

from crm_adapters.records import TIME

AS_THEY_ARE: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    datetime: TIME,
}


def column(values: Sequence[Any]) -> pa.Array:
    """A column with its own type where Arrow has it, else as text; times without a zone are UTC."""
    kinds = {type(value) for value in values} - {NoneType}
    kind = AS_THEY_ARE.get(kinds.pop()) if len(kinds) == 1 else None
    if kind is not None:
        try:
            return pa.array(values, kind)
        except (pa.ArrowInvalid, OverflowError):  # e.g. a whole number of more than 64 bits
            pass
    return pa.array([text(value) for value in values], pa.string())


def text(value: Any) -> str | None:
    """A value as text: moments with their zone, numbers with all digits, bytes as UTF-8 or hexadecimal."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")  # never 1E+3
    if isinstance(value, bytes):
        return value.decode() if _is_utf8(value) else value.hex()
    if isinstance(value, bool | dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return value if value is None else str(value)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
