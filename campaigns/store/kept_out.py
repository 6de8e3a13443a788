"""Quarantine of behaviour events: bad ones are kept in the transaction that writes the good ones.

It is the table of `quarantine.py`, without the 90 MB of Arrow and pandas that a server of small requests does not need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete

from campaigns.store.statements import insert_new
from campaigns.store.tables import quarantine


@dataclass(frozen=True)
class KeptOut:
    """A bad record: where it stood, a short reason to count by, what is wrong in words, and the raw record."""

    place: str
    reason: str
    detail: str
    record: str


def keep_out(transaction: Connection, connection: str, stream: str, bad: Sequence[KeptOut], now: datetime) -> None:
    """Keep bad records in the caller's transaction; the same one again is kept once."""
    ordered = sorted(bad, key=lambda each: (each.place, each.reason))
    common = {"connection": connection, "stream": stream, "seen_at": now}
    insert_new(transaction, quarantine, [{**vars(each), **common} for each in ordered])


def let_go(transaction: Connection, connection: str, stream: str, file: str) -> None:
    """Forget what an earlier reading of a file rejected, in the caller's transaction."""
    kept = quarantine.c
    mine = kept.place.startswith(f"{file} line ", autoescape=True)
    transaction.execute(delete(quarantine).where(kept.connection == connection, kept.stream == stream, mine))
