"""Converters: a column of their values becomes a column of ours; what can't be read is marked, not dropped.

Each takes the column and gives (values, readable): where `readable` is false the value is null and the row is rejected.
"""

from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_adapters.records import TIME

Converted = tuple[pa.Array, pa.Array]
_NO_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
EXPONENT = dict.fromkeys(_NO_MINOR_UNIT.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3) | {"CLF": 4, "UYW": 4}
"""Digits of the minor unit where they are not 2 (ISO 4217)."""
TRUE, FALSE = ["true", "1", "yes", "y", "t"], ["false", "0", "no", "n", "f"]
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
INTEGER = r"^[+-]?\d+(\.0*)?$"


def text(column: pa.Array) -> Converted:
    """Trim; what is empty is missing; line breaks and control characters become one space."""
    values = column if pa.types.is_string(column.type) else pc.cast(column, pa.string())
    values = pc.utf8_trim_whitespace(values)
    if pc.any(pc.match_substring_regex(values, r"[\x00-\x1f]")).as_py():
        values = pc.replace_substring_regex(values, r"[\x00-\x1f]+", " ")
    values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    return values, _all_good(values)


def identity(column: pa.Array) -> Converted:
    """An id, as text; numbers without a trailing .0."""
    if pa.types.is_floating(column.type):
        column = pc.cast(column, pa.int64())
    return text(column)


def number(column: pa.Array) -> Converted:
    """A decimal number."""
    return _parsed(column, pa.float64(), NUMBER)


def integer(column: pa.Array) -> Converted:
    """A whole number."""
    values, good = _parsed(column, pa.float64(), INTEGER)
    return pc.cast(values, pa.int64(), safe=False), good


def _parsed(column: pa.Array, kind: pa.DataType, pattern: str) -> Converted:
    if not pa.types.is_string(column.type):
        return pc.cast(column, kind, safe=False), _all_good(column)
    try:  # nearly always every value is good: one cast, no pattern
        return pc.cast(column, kind), _all_good(column)
    except pa.ArrowInvalid:
        values, _ = text(column)
        good = pc.fill_null(pc.match_substring_regex(values, pattern), True)
        return pc.cast(pc.if_else(good, values, pa.scalar(None, pa.string())), kind), good


def money(column: pa.Array, exponent: int = 2) -> Converted:
    """A decimal amount becomes integer minor units, exactly: decimals, never floats; a half cent is rounded to even."""
    values, _ = text(column)
    good = pc.fill_null(pc.match_substring_regex(values, r"^[+-]?(\d+\.?\d*|\.\d+)$"), True)
    values = pc.if_else(good, values, pa.scalar(None, pa.string()))
    amounts = pc.cast(values, pa.decimal128(30, 6), safe=False)
    minor = pc.multiply(amounts, pa.scalar(Decimal(10**exponent), pa.decimal128(5, 0)))
    return pc.cast(pc.round(minor, round_mode="half_to_even"), pa.int64()), good


def minor(column: pa.Array) -> Converted:
    """An amount that is in minor units already."""
    return integer(column)


def time(column: pa.Array) -> Converted:
    """A moment, ISO 8601; without a zone it is UTC."""
    if pa.types.is_timestamp(column.type):
        return pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), TIME), _all_good(column)
    for kind in (TIME, pa.timestamp("us")):
        try:  # all with a zone, or all without: one cast
            return pc.cast(pc.cast(column, kind), TIME), _all_good(column)
        except pa.ArrowInvalid:
            continue
    values, _ = text(column)
    parsed = pd.to_datetime(values.to_pandas(), format="ISO8601", utc=True, errors="coerce").astype(
        "datetime64[us, UTC]"
    )
    moments = pa.Array.from_pandas(parsed).cast(TIME)
    return moments, pc.or_(pc.is_valid(moments), pc.is_null(values))


def boolean(column: pa.Array) -> Converted:
    """Yes or no, in the words that exports use."""
    if pa.types.is_boolean(column.type):
        return column, _all_good(column)
    values = pc.utf8_lower(text(column)[0])
    yes, no = pc.is_in(values, pa.array(TRUE)), pc.is_in(values, pa.array(FALSE))
    good = pc.or_(pc.or_(yes, no), pc.is_null(values))
    return pc.if_else(pc.is_null(values), pa.scalar(None, pa.bool_()), yes), good


def email(column: pa.Array) -> Converted:
    """An address, trimmed; it must hold one @ and no space."""
    values, _ = text(column)
    return values, pc.fill_null(pc.match_substring_regex(values, r"^[^@\s]+@[^@\s]+$"), True)


def _all_good(column: pa.Array) -> pa.Array:
    return pa.repeat(True, len(column))


CONVERTERS: dict[str, Callable[[pa.Array], Converted]] = {
    "text": text,
    "id": identity,
    "number": number,
    "integer": integer,
    "money": money,
    "minor": minor,
    "time": time,
    "bool": boolean,
    "email": email,
}
