"""Values of an event's JSON, whatever a stranger wrote there: what can be read, and what can't with its reason."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_adapters.exponents import EXPONENT

LONGEST_ID = 255
"""Letters of an id. A longer one is refused, not cut: two might become one."""
LONGEST_TEXT = 500
LARGEST = 10**12
"""No amount and no quantity of a shop is larger."""
_CURRENCY = re.compile(r"[A-Za-z]{3}")

Json = Mapping[str, Any]


class BadEvent(Exception):
    """An event can't be read: `reason` is a short code to count by, `detail` says it in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def plain(text: str) -> str:
    r"""Text that every database takes: no NUL, no half characters.

    >>> plain("tea\x00 \ud800")
    'tea ?'
    """
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def part(of: object, name: str) -> Json:
    """An object within an object; what is none is an empty one.

    >>> part({"traits": {"email": "a@b"}}, "traits"), part({"traits": 5}, "traits")
    ({'email': 'a@b'}, {})
    """
    found = of.get(name) if isinstance(of, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def identity(of: Json, name: str) -> str | None:
    """An id, which may be a whole number; none where there is none.

    Raises:
        BadEvent: it is neither, or too long.

    >>> identity({"userId": 7}, "userId"), identity({"userId": " "}, "userId")
    ('7', None)
    """
    value = of.get(name)
    if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST:
        value = int(value)
    if value is None or isinstance(value, str):
        found = plain(value or "").strip()
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LONGEST_ID:
        found = str(value)
    else:
        raise BadEvent(f"bad_{name}", f"{name} is neither text nor a whole number")
    if len(found) > LONGEST_ID:
        raise BadEvent(f"bad_{name}", f"{name} has {len(found)} letters; at most {LONGEST_ID} are taken")
    return found or None


def words(of: Json, name: str) -> str | None:
    """Text, cut to 500 letters; none where there is none.

    >>> words({"name": " Tea "}, "name"), words({"name": 5}, "name")
    ('Tea', None)
    """
    value = of.get(name)
    return (plain(value).strip()[:LONGEST_TEXT] or None) if isinstance(value, str) else None


def moment(of: Json, name: str) -> datetime | None:
    """A moment in ISO 8601; without a zone it is UTC.

    Raises:
        BadEvent: it is none.

    >>> moment({"timestamp": "2026-03-02T08:00:00.5+01:00"}, "timestamp")
    datetime.datetime(2026, 3, 2, 7, 0, 0, 500000, tzinfo=datetime.timezone.utc)
    """
    value = of.get(name)
    if value is None or value == "":
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError) as error:
        raise BadEvent("bad_timestamp", f"{name} is no moment in ISO 8601") from error


def number(of: Json, name: str) -> Decimal | None:
    """A number, which may be written as text; none where there is none.

    Raises:
        BadEvent: it is none, or larger than any shop's.
    """
    value = of.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise BadEvent(f"bad_{name}", f"{name} is no number")
        found = Decimal(str(value).strip())
    except (InvalidOperation, ValueError) as error:  # also: a whole number of too many digits to be written
        raise BadEvent(f"bad_{name}", f"{name} is no number") from error
    if not found.is_finite() or abs(found) > LARGEST:
        raise BadEvent(f"bad_{name}", f"{name} is out of range")
    return found


def currency(of: Json, default: str) -> str:
    """The ISO 4217 code of an event's amounts.

    Raises:
        BadEvent: it is no such code.
    """
    value = of.get("currency")
    if value is None or value == "":
        return default
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise BadEvent("bad_currency", "currency is no code of three letters")
    return value.upper()


def minor(amount: Decimal | None, code: str) -> int | None:
    """An amount in minor units; a half is rounded to even.

    >>> minor(Decimal("19.99"), "USD"), minor(Decimal("500"), "JPY"), minor(Decimal("1.5"), "KWD")
    (1999, 500, 1500)
    """
    return None if amount is None else round(amount.scaleb(EXPONENT.get(code, 2)))


def scalar(value: object) -> str | float | bool | None:
    """A value that is kept as a property: short text, a number, yes or no; none of anything else."""
    if isinstance(value, str):
        return plain(value)[:LONGEST_TEXT] or None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and -LARGEST < value < LARGEST and math.isfinite(value):
        return value
    return None
