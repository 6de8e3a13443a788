"""The outbox: the messages of all runs, each in exactly one state.

    waiting -> claimed -> sending -> sent | failed
     ^ ^ |        |          |-> waiting     a temporary failure: due again later, by a back-off
     | | |        |          '-> in_doubt    the process died with the message in its hand, or the answer was lost
     | | |        |-> waiting                handed back, put off, or its process died before it began
     | | |        '-> suppressed             the address is not to be written to any more
     | | '-> expired                         too late to be worth sending
     | '- in_doubt                           the policy, or an operator, says: send it again
    paused                                   its run is; cancelled, it ends as skipped
    Decided when planned, and final: suppressed, held_out, skipped.

`sending` is committed, and on the disk, before the transport sees a byte of the message. So after a crash only those
rows are in doubt: at most what the transport's lanes can hold (law 2). A row is named by its Message-ID, which is
unique; whoever holds it is named in `claimed_by`, and a claim ends with its lease unless a heartbeat extends it.
Every move asks for the state it starts from, so that a transaction may be tried again when its answer was lost.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, Update, bindparam, case, func, select, update

from campaigns.errors import BadMessage
from campaigns.store.database import Store, from_json
from campaigns.store.statements import given, in_parts
from campaigns.store.tables import NOT_LEFT, messages, microseconds, runs

OPEN = ("waiting", "claimed", "sending", "paused")
HALTED = ("paused", "stopped")
"""States of a run of which nothing is begun, and that may go on."""
TOO_LATE = "too late, after temporary failures"
CANCELLED = "the run was cancelled"
ANSWER_LOST = "the server's answer was lost"
_m = messages.c
_STATE = _m.state.concat("")
"""The state, where SQLite is to find rows by their key: it takes the index of states for the better one."""


class MessageRow(NamedTuple):
    """One claimed message.

    Attributes:
        key: its Message-ID.
        written: its content as JSON, for hundreds wait: read, each would take ten times the memory. None if it is gone.
    """

    run_id: str
    customer_id: str
    address: str
    key: str
    written: str | None
    attempts: int
    expires_at: datetime | None

    def content(self) -> dict[str, Any]:
        """Read what the message is made of, anew each time.

        Raises:
            BadMessage: it is gone.
        """
        if self.written is None:
            raise BadMessage("the content of the message is gone", remedy="plan a new run for this customer")
        found: dict[str, Any] = from_json(self.written)
        return found


class Ended(NamedTuple):
    """What became of a message that was being sent.

    Attributes:
        row: the message.
        state: sent, failed, in_doubt, or waiting (again).
        reason: ours, in few words, as the report counts it.
        answer: the other side's own words.
        due_at: of one that waits, when it is due again.
    """

    row: MessageRow
    state: str
    reason: str
    answer: str
    due_at: datetime | None = None


def turn(
    connection: Connection,
    worker: str,
    ended: Sequence[Ended],
    begun: Sequence[MessageRow],
    at: datetime,
    until: datetime,
) -> set[str]:
    """Write down how messages ended and that others are about to be handed over, in one statement.

    What another turn began is refused: a worker whose lease ran out while it lived may have claimed a message a second
    time, and be sending the first.

    Args:
        connection: in a transaction.
        worker: who holds them.
        ended: how messages ended that were being sent.
        begun: what is to be sent now.
        at: the moment, which names this turn: made again, for its answer was lost, it finds what it began.
        until: when its lease on them ends.

    Returns:
        the Message-IDs of those that may be sent. One that is missing is no longer this worker's (its lease ran out
        and another took it), or its run was paused: don't send it, hand it back.
    """
    keys = [row.key for row in begun]
    rows = [_after(each.row.key, each.state, each.reason, each.answer, each.due_at) for each in ended]
    rows += [_after(key, "sending") for key in keys]
    values = {"rows": rows, "worker": worker, "at": at, "until": until}
    if connection.execute(_turns(connection.dialect.name), values).rowcount == len(rows) or not keys:
        return set(keys)
    going = select(_m.rfc_message_id).where(_m.claimed_by == worker, _m.state == "sending", _m.changed_at == at)
    return set(connection.execute(going.where(_m.rfc_message_id.in_(keys))).scalars())


def _after(
    key: str, state: str, reason: str | None = None, answer: str | None = None, due_at: datetime | None = None
) -> dict[str, Any]:
    """What a message is to be after a turn; what is none stays as it is."""
    return {"key": key, "state": state, "reason": reason, "answer": answer, "due": microseconds(due_at)}


@cache
def _turns(dialect: str) -> Update:
    row = given(dialect, "rows", key=Text(), state=Text(), reason=Text(), answer=Text(), due=_m.due_at.type)
    delivering = select(runs.c.id).where(runs.c.state == "delivering")
    begins = row["state"] == "sending"
    may_begin = begins & (_STATE == "claimed") & _m.run_id.in_(delivering)
    may_end = ~begins & _STATE.in_(("claimed", "sending", "in_doubt"))
    return (
        update(messages)
        .where(_m.rfc_message_id == row["key"], _m.claimed_by == bindparam("worker"), may_begin | may_end)
        .values(
            state=row["state"],
            reason=func.coalesce(row["reason"], _m.reason),
            answer=func.coalesce(row["answer"], _m.answer),
            due_at=func.coalesce(row["due"], _m.due_at),
            attempts=_m.attempts + case((begins, 1), else_=0),
            lease_until=case((begins, bindparam("until", type_=_m.lease_until.type)), else_=None),
            changed_at=bindparam("at"),
        )
    )


def as_their_runs(connection: Connection, keys: Collection[str], now: datetime) -> None:
    """Of messages that wait, pause those whose run is halted, and end those whose run was cancelled meanwhile."""
    waiting = update(messages).where(_m.rfc_message_id.in_(keys), _m.state == "waiting")
    halted = select(runs.c.id).where(runs.c.state.in_(HALTED))
    connection.execute(waiting.where(_m.run_id.in_(halted)).values(state="paused", changed_at=now))
    cancelled = select(runs.c.id).where(runs.c.state == "cancelled")
    over = waiting.where(_m.run_id.in_(cancelled))
    connection.execute(over.where(_m.reason == ANSWER_LOST).values(state="in_doubt", changed_at=now))
    connection.execute(over.where(_m.reason != ANSWER_LOST).values(state="skipped", reason=CANCELLED, changed_at=now))


def heartbeat(connection: Connection, worker: str, until: datetime) -> None:
    """Extend the lease of all that this worker holds."""
    held = (_m.claimed_by == worker) & _m.state.in_(("claimed", "sending"))
    connection.execute(update(messages).where(held).values(lease_until=until))


def hand_back(connection: Connection, worker: str, now: datetime, keys: Collection[str] | None = None) -> None:
    """Give back what this worker claimed and did not begin; all of it, or these."""
    held = (_m.claimed_by == worker) & (_m.state == "claimed")
    if keys is not None:
        held &= _m.rfc_message_id.in_(keys)
    mine = list(connection.execute(select(_m.rfc_message_id).where(held)).scalars())
    free = {"state": "waiting", "claimed_by": None, "lease_until": None, "changed_at": now}
    for part in in_parts(mine):
        connection.execute(update(messages).where(held, _m.rfc_message_id.in_(part)).values(**free))
        as_their_runs(connection, part, now)


def recover(store: Store, now: datetime, living: Collection[str] = (), *, doubtful: bool = True) -> int:
    """Find what dead processes left behind: claimed messages wait again, those being sent are in doubt.

    Args:
        store: the store.
        now: the moment; what has a lease that ended before it has no living process.
        living: workers that are known to live: what they are sending is theirs, though they could not say so in time.
        doubtful: judge what was being sent, too; not right after the database was away, when the living ones could
            not say that they are.

    Returns:
        how many messages are newly in doubt; with the run's policy `resend` they wait again instead.
    """
    dead = _m.lease_until < now
    with store.writing() as write:
        free = {"state": "waiting", "claimed_by": None, "lease_until": None, "changed_at": now}
        write.execute(update(messages).where(_m.state == "claimed", dead).values(**free))
        if not doubtful:
            return 0
        lost = write.execute(
            select(_m.rfc_message_id, runs.c.settings, runs.c.state)
            .join(runs)
            .where(_m.state == "sending", dead, _m.claimed_by.not_in(living))
            .with_for_update(of=messages, skip_locked=True)
        ).all()
        again = [key for key, settings, run in lost if settings["in_doubt"] == "resend" and run != "cancelled"]
        kept = {row.rfc_message_id for row in lost} - set(again)
        resend(write, again, "sent again after a crash", now)
        values = {
            "state": "in_doubt",
            "reason": "the process died while sending",
            "lease_until": None,
            "changed_at": now,
        }
        write.execute(update(messages).where(_m.rfc_message_id.in_(kept)).values(**values))
    return len(lost)


def resend(connection: Connection, keys: Collection[str], reason: str, now: datetime) -> int:
    """Let messages in doubt, or found being sent by nobody, wait to be sent again."""
    doubtful = _m.rfc_message_id.in_(keys) & _m.state.in_(("sending", "in_doubt"))
    values = {
        "state": "waiting",
        "reason": reason,
        "claimed_by": None,
        "lease_until": None,
        "due_at": now,
        "changed_at": now,
    }
    return connection.execute(update(messages).where(doubtful).values(**values)).rowcount


def left_behind(store: Store, now: datetime) -> bool:
    """Say whether a process died while sending, and nobody has judged yet what it left."""
    query = select(_m.run_id).where(_m.state == "sending", _m.lease_until < now).limit(1)
    with store.engine.connect() as read:
        return read.execute(query).first() is not None


def expire(store: Store, now: datetime) -> None:
    """End what is too late to be worth sending."""
    late = update(messages).where(NOT_LEFT, _m.expires_at < now)
    with store.writing() as write:
        write.execute(
            late.where(_m.attempts == 0).values(state="expired", reason="too late to be worth sending", changed_at=now)
        )
        write.execute(late.values(state="expired", reason=TOO_LATE, changed_at=now))


def open_count(store: Store) -> int:
    """Count the messages that are not at an end."""
    with store.engine.connect() as read:
        return read.scalar(select(func.count()).select_from(messages).where(_m.state.in_(OPEN))) or 0


def due_soon(store: Store, before: datetime) -> bool:
    """Say whether anything is in hand, or waits and is due before a moment."""
    soon = (_m.state == "waiting") & (_m.due_at <= before)
    query = select(_m.run_id).where(_m.state.in_(("claimed", "sending")) | soon).limit(1)
    with store.engine.connect() as read:
        return read.execute(query).first() is not None


def in_doubt(store: Store, run_id: str) -> list[Mapping[str, Any]]:
    """List the messages of a run that are in doubt, each with its recipient."""
    columns = (_m.rfc_message_id, _m.customer_id, _m.address, _m.reason, _m.answer)
    query = select(*columns).where(_m.run_id == run_id, _m.state == "in_doubt").order_by(_m.customer_id)
    with store.engine.connect() as read:
        return [dict(row) for row in read.execute(query).mappings()]
