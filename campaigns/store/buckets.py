"""Rate limits as token buckets in the database: several processes share them, and a restart does not begin anew.

Source: RFC 2697, section 3 (a bucket fills at its rate up to its size; what passes takes a token).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from campaigns.store.statements import insert_new
from campaigns.store.tables import buckets

BURST_SECONDS = 1.0
DAY = timedelta(days=1)
SKEW = timedelta(minutes=1)
"""Clocks of machines that deliver side by side differ by less: no second of time fills a bucket twice."""


@dataclass(frozen=True)
class Limits:
    """How fast messages of one sender may leave.

    Attributes:
        sender: the sender's domain.
        per_second: of all messages; none: no limit.
        per_domain: of messages to one recipient domain, by its name; `*` stands for every other.
        warm_up: most messages on the first day, the second, and so on; after the last day there is no such limit.
    """

    sender: str = ""
    per_second: float | None = None
    per_domain: Mapping[str, float] = field(default_factory=dict)
    warm_up: tuple[int, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is any limit at all."""
        return self.per_second is not None or bool(self.per_domain) or bool(self.warm_up)

    def of_domain(self, domain: str) -> float | None:
        """Messages a second to one recipient domain; none: no limit."""
        return self.per_domain.get(domain, self.per_domain.get("*"))


def allowed(connection: Connection, addresses: Mapping[str, str], limits: Limits, now: datetime) -> dict[str, datetime]:
    """Take a token for each message; tell which must wait, and until when.

    Args:
        connection: inside the transaction that claims them.
        addresses: recipient by Message-ID, the most urgent first.
        limits: the limits in force.
        now: the moment.

    Returns:
        when those are due again for which there is no token now.
    """
    put_off: dict[str, datetime] = {}
    if not limits.any:
        return put_off
    by_domain: dict[str, list[str]] = {}
    for key, address in addresses.items():
        by_domain.setdefault(address.rpartition("@")[2].lower(), []).append(key)
    for domain, keys in sorted(by_domain.items()):  # so that two who claim never wait for each other in a circle
        rate = limits.of_domain(domain)
        if rate is not None:
            put_off |= _take(connection, f"domain:{limits.sender}:{domain}", keys, rate, rate * BURST_SECONDS, now)
    left = [key for key in addresses if key not in put_off]
    if limits.per_second is not None:
        size = limits.per_second * BURST_SECONDS
        put_off |= _take(connection, f"sender:{limits.sender}", left, limits.per_second, size, now)
        left = [key for key in left if key not in put_off]
    if limits.warm_up:
        put_off |= _warm_up(connection, left, limits, now)
    return put_off


def _take(
    connection: Connection, name: str, keys: list[str], rate: float, size: float, now: datetime
) -> dict[str, datetime]:
    """Take tokens for as many keys as there are; the others wait for theirs, one after the other."""
    size = max(size, 1.0)
    tokens, filled, _ = _bucket(connection, name, size, now)
    if filled - now > SKEW:  # a clock that was far ahead was set right
        filled = now
    tokens = min(size, tokens + rate * max((now - filled).total_seconds(), 0.0))
    granted = min(int(tokens), len(keys))
    _save(connection, name, tokens - granted, max(filled, now))
    missing = tokens - granted
    return {key: now + timedelta(seconds=(place + 1 - missing) / rate) for place, key in enumerate(keys[granted:])}


def _warm_up(connection: Connection, keys: list[str], limits: Limits, now: datetime) -> dict[str, datetime]:
    """Count down the day's allowance; a day begins when the first message of all left, and every 24 hours after."""
    name = f"warm-up:{limits.sender}"
    left, filled, since = _bucket(connection, name, limits.warm_up[0], now)
    day = (now - since) // DAY
    if day >= len(limits.warm_up):
        return {}
    if (filled - since) // DAY < day:
        left = limits.warm_up[day]
    granted = min(int(left), len(keys))
    _save(connection, name, left - granted, max(filled, now))
    return dict.fromkeys(keys[granted:], since + DAY * (day + 1))


def _bucket(connection: Connection, name: str, full: float, now: datetime) -> tuple[float, datetime, datetime]:
    """Read a bucket and lock it until the transaction ends; one that is new is full."""
    insert_new(connection, buckets, [{"key": name, "tokens": full, "refilled_at": now, "since": now}])
    query = select(buckets.c.tokens, buckets.c.refilled_at, buckets.c.since).where(buckets.c.key == name)
    tokens, filled, since = connection.execute(query.with_for_update()).one()
    return tokens, filled, since


def _save(connection: Connection, name: str, tokens: float, now: datetime) -> None:
    connection.execute(update(buckets).where(buckets.c.key == name).values(tokens=tokens, refilled_at=now))
