"""Runs: planned once, then delivering, paused, stopped, finished, cancelled or skipped.

delivering <-> paused        an operator says so
delivering <-> stopped       the breaker: no message of this sender is taken; resumed when that is mended
delivering <-> finished      nothing of it is open; until an operator sends again what is in doubt
delivering  -> cancelled     what had not left is skipped
skipped                      its time passed while no process ran: never planned
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from campaigns.store.database import Store
from campaigns.store.outbox import CANCELLED, HALTED, OPEN
from campaigns.store.tables import message_contents, messages, runs


def exists(store: Store, run_id: str) -> bool:
    """Say whether a run was planned already."""
    with store.engine.connect() as read:
        return read.scalar(select(runs.c.id).where(runs.c.id == run_id)) is not None


def create(store: Store, run: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], now: datetime) -> bool:
    """Put a run and all its messages into the outbox, in one transaction.

    Args:
        store: the store.
        run: id, campaign, scheduled_at, as_of, model_id, template_version, settings.
        rows: one a customer: customer_id, state, reason, due_at, expires_at, address, rfc_message_id, content.
        now: the moment of planning.

    Returns:
        False when the run is there already (another process was first): nothing was changed.
    """
    # In the order in which they are claimed: what is changed together then stands together on the disk.
    ordered = sorted(rows, key=lambda row: row["rfc_message_id"] or "")
    values = [{**row, "run_id": run["id"], "changed_at": now} for row in ordered]
    contents = [
        {"run_id": row["run_id"], "customer_id": row["customer_id"], "content": content}
        for row in values
        if (content := row.pop("content", None)) is not None
    ]
    return _new(store, {**run, "state": "delivering", "planned_at": now}, values, contents)


def skip(store: Store, run: Mapping[str, Any], note: str, now: datetime) -> bool:
    """Write down a run that was not planned, and why; False when it is there already."""
    return _new(store, {**run, "state": "skipped", "note": note, "finished_at": now}, [], [])


def _new(
    store: Store, run: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], contents: Sequence[Mapping[str, Any]]
) -> bool:
    try:
        with store.writing() as write:
            write.execute(insert(runs).values(**run))
            if rows:
                write.execute(insert(messages), rows)
            if contents:
                write.execute(insert(message_contents), contents)
    except IntegrityError:
        if exists(store, run["id"]):
            return False
        raise
    return True


def state_of(store: Store, run_id: str) -> str | None:
    """Tell the state of a run; none if there is no such run."""
    with store.engine.connect() as read:
        return read.scalar(select(runs.c.state).where(runs.c.id == run_id))


def newest(store: Store, campaign: str) -> str | None:
    """Name the newest run of a campaign that was planned; none if it never ran."""
    query = select(runs.c.id).where(runs.c.campaign == campaign, runs.c.state != "skipped")
    with store.engine.connect() as read:
        return read.scalar(query.order_by(runs.c.scheduled_at.desc()).limit(1))


def halt(store: Store, run_id: str, state: str, note: str | None, now: datetime) -> bool:
    """Pause a run, or stop it with the reason: nothing of it is begun any more. What is being sent is finished."""
    with store.writing() as write:
        return halt_in(write, run_id, state, note, now)


def halt_in(connection: Connection, run_id: str, state: str, note: str | None, now: datetime) -> bool:
    """Do the same inside a transaction; False when the run was not delivering."""
    here = update(runs).where(runs.c.id == run_id, runs.c.state == "delivering")
    changed = connection.execute(here.values(state=state, note=note)).rowcount == 1
    if changed:
        _move(connection, run_id, ("waiting",), {"state": "paused", "changed_at": now})
    return changed


def resume(store: Store, run_id: str, now: datetime) -> bool:
    """Go on with a run that was paused or stopped; False when it was neither."""
    with store.writing() as write:
        here = update(runs).where(runs.c.id == run_id, runs.c.state.in_(HALTED))
        changed = write.execute(here.values(state="delivering", note=None)).rowcount == 1
        if changed:
            _move(write, run_id, ("paused",), {"state": "waiting", "changed_at": now})
    return changed


def reopen(connection: Connection, run_id: str) -> None:
    """Let a finished run deliver again, as some of its messages are to be sent again."""
    here = update(runs).where(runs.c.id == run_id, runs.c.state == "finished")
    connection.execute(here.values(state="delivering", finished_at=None))


def cancel(store: Store, run_id: str, now: datetime) -> int | None:
    """End a run for good: what has not left is skipped, what is being sent is finished.

    Returns:
        how many messages will not be sent; none when the run was at an end already.
    """
    with store.writing() as write:
        here = update(runs).where(runs.c.id == run_id, runs.c.state.in_(("delivering", *HALTED)))
        if write.execute(here.values(state="cancelled", finished_at=now)).rowcount != 1:
            return None
        ended = {"state": "skipped", "reason": CANCELLED, "claimed_by": None, "lease_until": None}
        return _move(write, run_id, ("waiting", "claimed", "paused"), {**ended, "changed_at": now})


def _move(connection: Connection, run_id: str, states: Sequence[str], values: Mapping[str, Any]) -> int:
    here = update(messages).where(messages.c.run_id == run_id, messages.c.state.in_(states))
    return connection.execute(here.values(**values)).rowcount


def finish(store: Store, now: datetime) -> None:
    """Close the runs of which nothing is open."""
    is_open = select(messages.c.run_id).where(messages.c.run_id == runs.c.id, messages.c.state.in_(OPEN)).exists()
    with store.writing() as write:
        done = update(runs).where(runs.c.state == "delivering", ~is_open)
        write.execute(done.values(state="finished", finished_at=now))


def settings(store: Store, run_id: str) -> dict[str, Any]:
    """Read the campaign as it was when the run was planned."""
    with store.engine.connect() as read:
        found: dict[str, Any] = read.execute(select(runs.c.settings).where(runs.c.id == run_id)).scalar_one()
    return found


def counts(store: Store, run_id: str) -> dict[tuple[str, str], int]:
    """Count the customers of a run by (state, reason)."""
    named = messages.c
    query = (
        select(named.state, named.reason, func.count())
        .where(named.run_id == run_id)
        .group_by(named.state, named.reason)
    )
    with store.engine.connect() as read:
        return {(state, reason or ""): count for state, reason, count in read.execute(query)}


def sent_customers(store: Store, run_id: str, limit: int) -> list[str]:
    """List some of the customers who were sent a message."""
    query = select(messages.c.customer_id).where(messages.c.run_id == run_id, messages.c.state == "sent")
    with store.engine.connect() as read:
        return list(read.execute(query.order_by(messages.c.customer_id).limit(limit)).scalars())
