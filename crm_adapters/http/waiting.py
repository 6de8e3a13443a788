"""How long to wait before a call is made again: as the system says, and never less than we would by ourselves."""

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


def wait_before(tried: int, headers: Mapping[str, str], now: float) -> float:
    """Seconds until the next try; also one who says "at once" again and again is not called without a pause."""
    return max(_pause(tried), _said(headers, now))


def _pause(tried: int) -> float:
    """Exponential, with as much again drawn by lot: who failed together is not to come back together."""
    return min(FIRST_PAUSE * 2.0 ** (tried - 1), LONGEST_PAUSE) * random.uniform(1, 2)


def _said(headers: Mapping[str, str], now: float) -> float:
    """What `Retry-After` says: seconds, or a date, which is of the system's clock and is held against its own `Date`.

    Source: RFC 9110, section 10.2.3.
    """
    said = headers.get("retry-after", "").strip()
    if SECONDS.fullmatch(said):
        return float(said)
    until = _moment(said)
    if until is None:
        return 0.0
    return (until - (_moment(headers.get("date", "")) or datetime.fromtimestamp(now, UTC))).total_seconds()


def _moment(said: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
