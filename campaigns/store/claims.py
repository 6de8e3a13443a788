"""Claims on the outbox: take what is due for one worker, look who must not be written to, put off what limits forbid.

What others wait for is one statement; all else is done when the claim is on the disk.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, bindparam, cast, select, update

from campaigns.store.buckets import Limits, allowed
from campaigns.store.database import one_statement
from campaigns.store.outbox import MessageRow
from campaigns.store.statements import given
from campaigns.store.suppression import SUPPRESSED, address_hash
from campaigns.store.tables import customers, message_contents, messages, suppressions

_m = messages.c


def claim(
    kept: Connection,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    limits: Limits,
    *,
    again: bool = False,
) -> list[str]:
    """Take up to `limit` due messages for one worker; no other gets them while the lease runs.

    Whoever must not be written to any more since the run was planned ends as suppressed; what the rate limits do not
    allow now is put off until they do.

    Args:
        kept: a connection that is kept for writing, in no transaction.
        worker: who takes them.
        now: the moment, which names this claim.
        lease: how long they are this worker's.
        limit: how many at most.
        limits: the rate limits in force.
        again: the answer of this claim was lost: what it took is found again.

    Returns:
        their keys, to be read with `read`, for others do not wait for that.
    """
    with kept.begin() if limits.any else one_statement(kept):
        found = (again and _taken(kept, worker, now)) or _take(kept, worker, now, lease, limit)
        unwanted = _unwanted(kept, found)
        wanted = {key: address for key, address in found.items() if key not in unwanted}
        put_off = allowed(kept, wanted, limits, now) if wanted else {}
        if put_off:
            _put_off(kept, put_off, now)
    if unwanted:
        with kept.begin():
            _suppress(kept, worker, unwanted, now)
    return [key for key in wanted if key not in put_off]


def _take(connection: Connection, worker: str, now: datetime, lease: timedelta, limit: int) -> dict[str, str]:
    """Claim what is due; the addresses by key, the most urgent first."""
    values = {"worker": worker, "at": now, "until": now + lease, "most": limit}
    return _by_urgency(connection.execute(_TAKE, values))


def _taken(connection: Connection, worker: str, at: datetime) -> dict[str, str]:
    """Find what a worker claimed at a moment and has not begun."""
    mine = (_m.claimed_by == worker) & (_m.state == "claimed") & (_m.changed_at == at)
    return _by_urgency(connection.execute(select(_m.due_at, _m.rfc_message_id, _m.address).where(mine)))


def _by_urgency(found: Iterable[Row[Any]]) -> dict[str, str]:
    return {key: address for _, key, address in sorted(tuple(row) for row in found)}


_DUE = (
    select(_m.rfc_message_id)
    .where(_m.state == "waiting", _m.due_at <= bindparam("at"))
    .order_by(_m.due_at, _m.rfc_message_id)
    .limit(bindparam("most"))
    # On PostgreSQL others skip what is locked; on SQLite the write lock already keeps them out.
    .with_for_update(skip_locked=True)
    .cte("due")
)
_TAKE = (
    update(messages)
    .where(_m.rfc_message_id == _DUE.c.rfc_message_id)
    .values(state="claimed", claimed_by=bindparam("worker"), lease_until=bindparam("until"), changed_at=bindparam("at"))
    .returning(_m.due_at, _m.rfc_message_id, _m.address)
)


def _put_off(connection: Connection, put_off: Mapping[str, datetime], now: datetime) -> None:
    later = [{"key": key, "due": due_at} for key, due_at in put_off.items()]
    free = {"state": "waiting", "claimed_by": None, "lease_until": None, "changed_at": now}
    waits = update(messages).where(_m.rfc_message_id == bindparam("key")).values(due_at=bindparam("due"), **free)
    connection.execute(waits, later)


def _keys(keys: Iterable[str]) -> list[dict[str, str]]:
    """Keys as `_named` takes them, bound as `rows`."""
    return [{"key": key} for key in keys]


def _named(dialect: str) -> ColumnElement[bool]:
    """Of messages whose keys are given: one statement, however many they are."""
    return _m.rfc_message_id == given(dialect, "rows", key=Text())["key"]


def read(connection: Connection, keys: Sequence[str]) -> list[MessageRow]:
    """Read claimed messages by their keys, what is due first at the front."""
    return [MessageRow(*row) for row in connection.execute(_rows(connection.dialect.name), {"rows": _keys(keys)})]


@cache
def _rows(dialect: str) -> Select[Any]:
    columns = (_m.run_id, _m.customer_id, _m.address, _m.rfc_message_id, cast(message_contents.c.content, Text))
    return (
        select(*columns, _m.attempts, _m.expires_at)
        .outerjoin(message_contents)
        .where(_named(dialect))
        .order_by(_m.due_at, _m.rfc_message_id)
    )


def _unwanted(connection: Connection, found: Mapping[str, str]) -> dict[str, str]:
    """Say which messages must not be sent any more, and why: the world may have changed since the plan."""
    if not found:
        return {}
    dialect = connection.dialect.name
    hashes = {key: address_hash(address) for key, address in found.items()}
    listed = {"rows": [{"hash": each} for each in hashes.values()]}
    blocked = set(connection.execute(_blocked(dialect), listed).scalars())
    said_no = connection.execute(_said_no(dialect), {"rows": _keys(found)}).scalars()
    return {key: SUPPRESSED for key, digest in hashes.items() if digest in blocked} | dict.fromkeys(
        said_no, "unsubscribed since it was planned"
    )


def _suppress(connection: Connection, worker: str, unwanted: Mapping[str, str], now: datetime) -> None:
    mine = update(messages).where(_m.claimed_by == worker, _m.state == "claimed")
    for reason in set(unwanted.values()):
        keys = [key for key, why in unwanted.items() if why == reason]
        ended = {"state": "suppressed", "reason": reason, "claimed_by": None, "lease_until": None, "changed_at": now}
        connection.execute(mine.where(_m.rfc_message_id.in_(keys)).values(**ended))


@cache
def _blocked(dialect: str) -> Select[Any]:
    listed = suppressions.c.address_hash
    return select(listed).where(listed == given(dialect, "rows", hash=Text())["hash"])


@cache
def _said_no(dialect: str) -> Select[Any]:
    no = (customers.c.consent_email == "unsubscribed") | customers.c.objected | customers.c.erased_at.is_not(None)
    return select(_m.rfc_message_id).join(customers, customers.c.id == _m.customer_id).where(_named(dialect), no)
