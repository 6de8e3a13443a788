"""Take what a stranger posts apart: each part is of the wanted kind and fit to be kept, or it is missing."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

from campaigns.errors import BadFeedback
from campaigns.mail.headers import one_line

LONGEST = 998
"""Characters of a text that is kept: one line of mail (RFC 5322, section 2.1.1)."""
EARLY = timedelta(minutes=5)
"""How far ahead of ours a sender's clock may be."""


def forged(source: str, problem: str) -> BadFeedback:
    """Make the refusal of what was not written by the provider."""
    return BadFeedback(
        f"webhook of {source}: {problem}", remedy=f"check the settings under [web] against {source}'s own"
    )


def unreadable(source: str, problem: str) -> BadFeedback:
    """Make the refusal of what no provider writes."""
    return BadFeedback(f"webhook of {source}: {problem}", remedy="send it as the provider's documentation shows it")


def json_object(text: bytes | str, source: str) -> dict[str, Any]:
    """Read a JSON object; raises BadFeedback when it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise unreadable(source, "its body is no JSON") from None
    if not isinstance(found, dict):
        raise unreadable(source, "its body is no JSON object")
    return found


def inner(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """Take an object inside an object; empty if there is none."""
    found = fields.get(name)
    return found if isinstance(found, dict) else {}


def rows(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Take the objects of a list; empty if there is none."""
    found = fields.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def text(fields: dict[str, Any], *names: str) -> str:
    r"""Take the first text or number that stands under one of the names, on one line; empty if there is none.

    >>> text({"code": 550, "message": "no\r\nuser"}, "words", "message")
    'no user'
    """
    found = (fields.get(name) for name in names)
    return one_line(next((str(value)[:LONGEST] for value in found if _plain(value)), ""))


def number(fields: dict[str, Any], name: str, source: str) -> str:
    """Take the provider's own id of something; raises BadFeedback when there is none: told twice, it would be two."""
    found = text(fields, name)
    if not found:
        raise unreadable(source, f"{name} is missing")
    return found


def joined(parts: Iterable[str]) -> str:
    """Put words one behind the other, without those that are missing."""
    return " ".join(part for part in parts if part)


def moment(fields: dict[str, Any], name: str, source: str) -> datetime:
    """Read a time, in ISO 8601 with its zone or in seconds since 1970; raises BadFeedback when it is none."""
    found = fields.get(name)
    try:
        if isinstance(found, str):
            at = datetime.fromisoformat(found)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        elif isinstance(found, int | float) and not isinstance(found, bool):
            return datetime.fromtimestamp(found, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise unreadable(source, f"{name} is no time")


def refuse_stale(at: datetime, now: datetime, longest: timedelta, source: str) -> None:
    """Refuse what was signed too long ago, or in the future: it may be an old one sent again."""
    if not now - longest <= at <= now + EARLY:
        raise forged(source, f"it was signed at {at.isoformat(timespec='seconds')}, too far from now")


def address(value: Any) -> str | None:
    """Read a bare address out of a mailbox.

    >>> address("Ada <ada@example.com>"), address("nobody")
    ('ada@example.com', None)
    """
    found = parseaddr(one_line(value[:LONGEST]))[1] if isinstance(value, str) else ""
    return found if "@" in found and " " not in found else None


def message_id(value: Any) -> str | None:
    """Write a Message-ID as we send it, in angle brackets; none if it is none.

    >>> message_id("1@example.com"), message_id("<1@example.com>"), message_id("0100-1")
    ('<1@example.com>', '<1@example.com>', None)
    """
    bare = one_line(value[:LONGEST]).strip("<> ") if isinstance(value, str) else ""
    return f"<{bare}>" if "@" in bare and not set(bare) & set("<> ") else None


def _plain(value: Any) -> bool:
    return isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 1 << 63)
