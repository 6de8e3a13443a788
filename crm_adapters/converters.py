"""Converters: a column of their values becomes a column of ours; what can't be read is marked, not dropped.

Each takes the column and gives (values, readable): where `readable` is false the value is null and the row is rejected.
"""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm_adapters.records import TIME

Converted = tuple[pa.Array, pa.Array]
TRUE, FALSE = ["true", "1", "yes", "y", "t"], ["false", "0", "no", "n", "f"]
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
INTEGER = r"^[+-]?\d+(\.0*)?$"
AMOUNT = r"^[+-]?(\d{1,12}(\.\d*)?|\.\d+)$"
EMPTY, NO_TEXT = pa.scalar(""), pa.scalar(None, pa.string())
EPOCHS = ((1e11, 1e6), (1e14, 1e3), (np.inf, 1.0))
"""Numbers below the first of each pair count its unit, in microseconds: seconds, thousandths, millionths since 1970."""


def text(column: pa.Array) -> Converted:
    """Trim; what is empty is missing; line breaks and control characters become one space."""
    values = column if pa.types.is_string(column.type) else _words(column)
    values = pc.utf8_trim_whitespace(values)
    if pc.all(pc.utf8_is_printable(values)).as_py() is False:  # asked first, for a pattern takes ten times as long
        values = pc.replace_substring_regex(values, r"[\x00-\x1f]+", " ")
    values = pc.if_else(pc.equal(values, EMPTY), NO_TEXT, values)
    return values, _all_good(values)


def identity(column: pa.Array) -> Converted:
    """An id, as text; numbers without a trailing .0."""
    if pa.types.is_floating(column.type):
        whole = pc.fill_null(pc.equal(column, pc.floor(column)), False)
        column = pc.if_else(whole, pc.cast(pc.cast(column, pa.int64(), safe=False), pa.string()), _words(column))
    return text(column)


def number(column: pa.Array) -> Converted:
    """A decimal number; one without end, or none at all, is not read."""
    values, good = _parsed(column, pa.float64(), NUMBER)
    finite = pc.fill_null(pc.is_finite(values), True)
    return pc.if_else(finite, values, pa.scalar(None, pa.float64())), pc.and_(good, finite)


def integer(column: pa.Array) -> Converted:
    """A whole number of up to 15 digits; it may be written with zeros behind a point."""
    values, good = _parsed(column, pa.float64(), INTEGER)
    whole = pc.fill_null(pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), 1e15)), True)
    values = pc.if_else(whole, values, pa.scalar(None, pa.float64()))
    return pc.cast(values, pa.int64(), safe=False), pc.and_(good, whole)


def _parsed(column: pa.Array, kind: pa.DataType, pattern: str) -> Converted:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return pc.cast(column, kind, safe=False), _all_good(column)
    words, _ = text(column)
    try:  # nearly always every value is good: one cast, no pattern
        return pc.cast(words, kind), _all_good(column)
    except pa.ArrowInvalid:
        good = pc.fill_null(pc.match_substring_regex(words, pattern), True)
        return pc.cast(pc.if_else(good, words, NO_TEXT), kind), good


def _words(column: pa.Array) -> pa.Array:
    """Any column as text; what Arrow can't write (lists, bytes) is written as Python does."""
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def money(column: pa.Array, exponent: int = 2) -> Converted:
    """A decimal amount becomes integer minor units, exactly: decimals, never floats; a half cent is rounded to even.

    At most 12 digits stand before the point; behind the sixth after it, digits are cut off.
    """
    values, _ = text(column)
    good = pc.fill_null(pc.match_substring_regex(values, AMOUNT), True)
    values = pc.if_else(good, values, NO_TEXT)
    values = pc.replace_substring_regex(values, r"(\.\d{6})\d+$", r"\1")
    amounts = pc.cast(values, pa.decimal128(30, 6), safe=False)
    minor = pc.multiply(amounts, pa.scalar(Decimal(10**exponent), pa.decimal128(5, 0)))
    return pc.cast(pc.round(minor, round_mode="half_to_even"), pa.int64()), good


def minor(column: pa.Array) -> Converted:
    """An amount that is in minor units already."""
    return integer(column)


def time(column: pa.Array) -> Converted:
    """A moment, ISO 8601; without a zone it is UTC. A column of numbers counts from 1970, in the unit of its size."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _since_1970(column)
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


def _since_1970(column: pa.Array) -> Converted:
    numbers = column.to_numpy(zero_copy_only=False).astype(float)
    units = np.select([np.abs(numbers) < limit for limit, _ in EPOCHS], [unit for _, unit in EPOCHS], 1.0)
    moments = pa.array(np.nan_to_num(numbers * units).astype(np.int64), TIME, mask=np.isnan(numbers))
    return moments, _all_good(column)


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
