"""Quarantine: bad records, each kept with where it stood and why, until a reading brings it whole (law 4)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd
import pyarrow as pa
from sqlalchemy import delete, func, select

from campaigns.store.bulk import BulkConnection
from campaigns.store.database import Store
from campaigns.store.tables import quarantine


class Rejected(Protocol):
    """A bad record, kept with its reason."""

    @property
    def place(self) -> str:
        """Where it stood."""

    @property
    def reason(self) -> str:
        """A short code."""

    @property
    def detail(self) -> str:
        """What is wrong, in words."""

    @property
    def record(self) -> str:
        """The raw record."""


@dataclass(frozen=True)
class Foreign:
    """A record whose id was brought by another connection first."""

    stream: str
    identity: str
    owner: str
    reason: str = "id_of_another_connection"

    @property
    def place(self) -> str:
        """Where it stood."""
        return f"{self.stream} {self.identity}"

    @property
    def detail(self) -> str:
        """What is wrong, and what to do."""
        return (
            f"the connection {self.owner!r} has brought this id; give one of the two systems other ids, e.g. a prefix"
        )

    @property
    def record(self) -> str:
        """The record's id."""
        return json.dumps({"id": self.identity})


def keep(bulk: BulkConnection, connection: str, stream: str, rejects: Sequence[Rejected], now: datetime) -> None:
    """Keep bad records; the same one again is kept once."""
    if not rejects:
        return
    names = ("place", "reason", "detail", "record")
    rows = {name: [getattr(reject, name) for reject in rejects] for name in names}
    n = len(rejects)
    seen_at = pa.array([now] * n, pa.timestamp("us", tz="UTC"))
    bulk.upsert(
        quarantine, pa.table({"connection": [connection] * n, "stream": [stream] * n, **rows, "seen_at": seen_at})
    )


def clear(bulk: BulkConnection, connection: str, stream: str) -> None:
    """Forget what earlier readings of a stream rejected: it is about to be read anew from its start."""
    bulk.execute(delete(quarantine).where(quarantine.c.connection == connection, quarantine.c.stream == stream))


def quarantine_counts(store: Store) -> pd.DataFrame:
    """Count what is in quarantine: connection, stream, reason, records, where the first one stands."""
    kept = quarantine.c
    query = (
        select(
            kept.connection,
            kept.stream,
            kept.reason,
            func.count().label("records"),
            func.min(kept.place).label("first place"),
        )
        .group_by(kept.connection, kept.stream, kept.reason)
        .order_by(kept.connection, kept.stream, kept.reason)
    )
    with store.engine.connect() as read:
        return pd.DataFrame(read.execute(query).mappings().all())
