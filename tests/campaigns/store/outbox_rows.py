"""A run with so many messages that wait, and what the tests of the store ask about it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from campaigns.store import claims, outbox, runs
from campaigns.store.buckets import Limits
from campaigns.store.database import one_statement, reading
from campaigns.store.tables import messages

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEASE = timedelta(minutes=5)
AFTER = NOW + LEASE + timedelta(seconds=1)
RUN = "weekly@1"


def key(number, run=RUN):
    return f"<{number:03}@{run}>"


def plan(store, count=10, *, in_doubt="skip", run=RUN, domain="example.com", at=NOW, due=None):
    """Plan a run at `at`; `due` says when each message is due."""
    header = {"id": run, "campaign": "weekly", "scheduled_at": at, "as_of": at, "settings": {"in_doubt": in_doubt}}
    rows = [
        {
            "customer_id": f"c{number}",
            "state": "waiting",
            "reason": "planned",
            "due_at": due(number) if due else at,
            "expires_at": at + timedelta(hours=48),
            "address": f"c{number}@{domain}",
            "rfc_message_id": key(number, run),
            "content": {"picks": []},
        }
        for number in range(count)
    ]
    return runs.create(store, header, rows, at)


def states(store, run=RUN):
    found = Counter()
    for (state, _), count in runs.counts(store, run).items():
        found[state] += count
    return dict(found)


def message(store, number, run=RUN):
    """One row as it is now."""
    with store.engine.connect() as read:
        return read.execute(select(messages).where(messages.c.rfc_message_id == key(number, run))).one()


def change(store, number, **values):
    with store.writing() as write:
        write.execute(update(messages).where(messages.c.rfc_message_id == key(number)).values(**values))


def claim(store, worker="a", limit=10, *, now=NOW, limits=None, again=False):
    with store.keeping() as kept:
        keys = claims.claim(kept, worker, now, LEASE, limit, limits or Limits(), again=again)
        with reading(kept):
            return claims.read(kept, keys)


def turn(store, worker="a", ended=(), begun=(), now=NOW):
    with store.keeping() as kept:
        with one_statement(kept):
            mine = outbox.turn(kept, worker, ended, begun, now, now + LEASE)
        with kept.begin():
            outbox.as_their_runs(kept, [each.row.key for each in ended if each.state == "waiting"], now)
            outbox.hand_back(kept, worker, now, {row.key for row in begun} - mine)
        return mine


def hand_back(store, worker="a", keys=None):
    with store.writing() as write:
        outbox.hand_back(write, worker, NOW, keys)


def numbers(rows):
    """Which of the planned ones they are."""
    return [int(row.customer_id[1:]) for row in rows]
