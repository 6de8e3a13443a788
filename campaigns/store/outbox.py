"""The outbox: the messages of all runs, each in exactly one state.

    waiting -> claimed -> sending -> sent | failed
       ^          |          |-> waiting     a temporary failure: due again later
       |----------'          '-> in_doubt    the process died with the message in its hand
       '-> expired           too late to be worth sending
    Decided when planned, and final: suppressed, held_out, skipped.

`sending` is committed before the transport sees the message, so after a crash only those rows are in doubt (law 2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from campaigns.store.database import Store
from campaigns.store.tables import messages, runs

OPEN = ("waiting", "claimed", "sending")


@dataclass(frozen=True)
class MessageRow:
    """One claimed message."""

    run_id: str
    customer_id: str
    address: str
    rfc_message_id: str
    content: dict[str, Any]
    attempts: int


def run_exists(store: Store, run_id: str) -> bool:
    """Say whether a run was planned already."""
    with store.engine.connect() as read:
        return read.scalar(select(runs.c.id).where(runs.c.id == run_id)) is not None


def create_run(store: Store, run: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], now: datetime) -> bool:
    """Put a run and all its messages into the outbox, in one transaction.

    Args:
        store: the store.
        run: id, campaign, scheduled_at, as_of, model_id, template_version, settings.
        rows: one a customer: customer_id, state, reason, due_at, address, rfc_message_id, content.
        now: the moment of planning.

    Returns:
        False when the run is there already (another process was first): nothing was changed.
    """
    values = [{**row, "run_id": run["id"], "changed_at": now} for row in rows]
    return _new_run(store, {**run, "state": "delivering", "planned_at": now}, values)


def _new_run(store: Store, run: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    try:
        with store.writing() as write:
            write.execute(insert(runs).values(**run))
            if rows:
                write.execute(insert(messages), rows)
    except IntegrityError:
        if run_exists(store, run["id"]):
            return False
        raise
    return True


def skip_run(store: Store, run: Mapping[str, Any], note: str, now: datetime) -> bool:
    """Write down a run that was not planned, and why; False when it is there already."""
    return _new_run(store, {**run, "state": "skipped", "note": note, "finished_at": now}, [])


def claim(store: Store, worker: str, now: datetime, lease: timedelta, limit: int) -> list[MessageRow]:
    """Take up to `limit` due messages for one worker; no other gets them while the lease runs."""
    due = (
        select(messages.c.run_id, messages.c.customer_id)
        .where(messages.c.state == "waiting", messages.c.due_at <= now)
        .order_by(messages.c.due_at, messages.c.customer_id)
        .limit(limit)
    )
    named = messages.c
    with store.writing() as write:
        # On PostgreSQL others skip what is locked; on SQLite the write lock already keeps them out.
        keys = write.execute(due.with_for_update(skip_locked=True)).all()
        if not keys:
            return []
        mine = tuple_(named.run_id, named.customer_id).in_([tuple(key) for key in keys])
        write.execute(
            update(messages)
            .where(mine)
            .values(state="claimed", claimed_by=worker, lease_until=now + lease, changed_at=now)
        )
        columns = (named.run_id, named.customer_id, named.address, named.rfc_message_id, named.content, named.attempts)
        return [
            MessageRow(*row)
            for row in write.execute(select(*columns).where(mine).order_by(named.due_at, named.customer_id))
        ]


def mark_sending(store: Store, run_id: str, customer_id: str, worker: str, now: datetime, lease: timedelta) -> bool:
    """Commit that the message is about to be handed to the transport, under a lease that begins now.

    Returns:
        False when the message is no longer this worker's (its lease ran out and another took it): don't send it.
    """
    named = messages.c
    mine = (
        (named.run_id == run_id)
        & (named.customer_id == customer_id)
        & (named.state == "claimed")
        & (named.claimed_by == worker)
    )
    values = {"state": "sending", "attempts": named.attempts + 1, "lease_until": now + lease, "changed_at": now}
    with store.writing() as write:
        return write.execute(update(messages).where(mine).values(**values)).rowcount == 1


def finish(store: Store, run_id: str, customer_id: str, state: str, reason: str, answer: str, now: datetime) -> None:
    """Write down how a message ended, with the server's words."""
    _set(store, run_id, customer_id, state=state, reason=reason, answer=answer, lease_until=None, changed_at=now)


def retry(store: Store, run_id: str, customer_id: str, answer: str, due_at: datetime, now: datetime) -> None:
    """Put a message back, due again later."""
    values = {"state": "waiting", "answer": answer, "due_at": due_at, "lease_until": None, "changed_at": now}
    _set(store, run_id, customer_id, **values)


def _set(store: Store, run_id: str, customer_id: str, **values: Any) -> None:
    with store.writing() as write:
        write.execute(
            update(messages).where(messages.c.run_id == run_id, messages.c.customer_id == customer_id).values(**values)
        )


def hand_back(store: Store, worker: str, now: datetime) -> None:
    """Give back what this worker claimed and did not begin."""
    named = messages.c
    with store.writing() as write:
        write.execute(
            update(messages)
            .where(named.state == "claimed", named.claimed_by == worker)
            .values(state="waiting", claimed_by=None, lease_until=None, changed_at=now)
        )


def recover(store: Store, now: datetime) -> int:
    """Find what dead processes left behind: claimed messages wait again, those being sent are in doubt.

    Returns:
        how many messages are newly in doubt; with the run's policy `resend` they wait again instead.
    """
    named = messages.c
    dead = named.lease_until < now
    with store.writing() as write:
        write.execute(
            update(messages)
            .where(named.state == "claimed", dead)
            .values(state="waiting", lease_until=None, changed_at=now)
        )
        doubtful = write.execute(
            select(named.run_id, named.customer_id, runs.c.settings).join(runs).where(named.state == "sending", dead)
        ).all()
        for run_id, customer_id, settings in doubtful:
            resend = settings["in_doubt"] == "resend"
            write.execute(
                update(messages)
                .where(named.run_id == run_id, named.customer_id == customer_id)
                .values(
                    state="waiting" if resend else "in_doubt",
                    reason="sent again after a crash" if resend else "the process died while sending",
                    lease_until=None,
                    changed_at=now,
                )
            )
    return len(doubtful)


def expire(store: Store, now: datetime) -> None:
    """End what is too late to be worth sending, by each run's own limit."""
    named = messages.c
    with store.writing() as write:
        for run_id, settings in _open_runs(write):
            limit = now - timedelta(hours=settings["expires_hours"])
            late = update(messages).where(named.run_id == run_id, named.state == "waiting", named.due_at < limit)
            write.execute(late.values(state="expired", reason="too late to be worth sending", changed_at=now))


def finish_runs(store: Store, now: datetime) -> None:
    """Close the runs of which nothing is open."""
    with store.writing() as write:
        for run_id, _ in _open_runs(write):
            left = select(func.count()).where(messages.c.run_id == run_id, messages.c.state.in_(OPEN))
            if write.scalar(left) == 0:
                write.execute(update(runs).where(runs.c.id == run_id).values(state="finished", finished_at=now))


def _open_runs(connection: Connection) -> Sequence[tuple[str, dict[str, Any]]]:
    return connection.execute(select(runs.c.id, runs.c.settings).where(runs.c.state == "delivering")).all()


def open_count(store: Store) -> int:
    """Count the messages that are not at an end."""
    with store.engine.connect() as read:
        return read.scalar(select(func.count()).select_from(messages).where(messages.c.state.in_(OPEN))) or 0


def due_soon(store: Store, before: datetime) -> bool:
    """Say whether anything is in hand, or waits and is due before a moment."""
    named = messages.c
    soon = (named.state == "waiting") & (named.due_at <= before)
    query = select(named.run_id).where(named.state.in_(("claimed", "sending")) | soon).limit(1)
    with store.engine.connect() as read:
        return read.execute(query).first() is not None


def run_settings(store: Store, run_id: str) -> dict[str, Any]:
    """Read the campaign as it was when the run was planned."""
    with store.engine.connect() as read:
        settings: dict[str, Any] = read.execute(select(runs.c.settings).where(runs.c.id == run_id)).scalar_one()
    return settings


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
