"""Which segments each run found, and who was in which segment in the run before."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import func, select

from campaigns.store.bulk import BulkConnection
from campaigns.store.database import Store
from campaigns.store.tables import customer_traits, segmentations

NOBODY = pd.DataFrame({"customer_id": [], "segment": []}, dtype="str")
_MOVES = ("from_segment", "to_segment", "customers")


@dataclass(frozen=True)
class LastRun:
    """The segments of an earlier run.

    Attributes:
        since: the moment that run looked at the data.
        members: customer_id, segment.
        left: from_segment, to_segment (missing), customers: who had left before `members` was read, as counts only.
    """

    since: datetime
    members: pd.DataFrame
    left: pd.DataFrame


def last_run(store: Store, before: datetime) -> LastRun | None:
    """Find the newest run that looked at the data strictly before a moment; None if there was none.

    A run that is done again for the same moment has the same last run as the first time.
    """
    newest = _newest_at(store)
    if newest is None:
        return None
    if newest < before:
        return LastRun(newest, _members(store, "segment"), pd.DataFrame(columns=_MOVES))
    saved = latest(store)
    if saved is None or saved.since is None or saved.since >= before:
        return None
    gone = [move for move in saved.facts["moves"] if move["to_segment"] is None]
    return LastRun(saved.since, _members(store, "previous_segment"), pd.DataFrame(gone, columns=_MOVES))


@dataclass(frozen=True)
class Saved:
    """What one run found out; `since`: the run that its moves are counted from."""

    as_of: datetime
    since: datetime | None
    facts: dict[str, Any]


def latest(store: Store) -> Saved | None:
    """Read what the run that made today's traits found out; None if it was by an older Handpicked, or never."""
    named = segmentations.c
    query = select(named.as_of, named.since, named.facts).where(
        named.as_of == select(func.max(customer_traits.c.computed_at)).scalar_subquery()
    )
    with store.engine.connect() as read:
        row = read.execute(query).first()
    return Saved(*row) if row else None


def save(bulk: BulkConnection, as_of: datetime, since: datetime | None, facts: dict[str, Any]) -> None:
    """Write down what a run found out, in the transaction that replaces the traits."""
    times = {
        name: pa.array([time], pa.timestamp("us", tz="UTC")) for name, time in (("as_of", as_of), ("since", since))
    }
    bulk.upsert(segmentations, pa.table({**times, "facts": [json.dumps(facts, allow_nan=False)]}))


def _newest_at(store: Store) -> datetime | None:
    with store.engine.connect() as read:
        return read.execute(select(func.max(customer_traits.c.computed_at))).scalar()


def _members(store: Store, column: str) -> pd.DataFrame:
    named = customer_traits.c[column]
    query = select(customer_traits.c.customer_id, named.label("segment")).where(named.is_not(None))
    with store.bulk() as bulk:
        members: pd.DataFrame = bulk.read(query).to_pandas()
    return members
