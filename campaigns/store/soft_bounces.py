"""Find the addresses where one run after another ends in a soft bounce: a mailbox that is full for weeks is left."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from campaigns.store.addressees import HANDED_OVER, Addressee
from campaigns.store.statements import in_parts
from campaigns.store.tables import events, messages, runs


def worn_out(connection: Connection, bounced: Iterable[Addressee], limit: int) -> list[Addressee]:
    """Those whose last `limit` runs up to this one all end in a soft bounce."""
    by_customer: dict[str, list[Addressee]] = {}
    for each in bounced:
        by_customer.setdefault(each.customer_id, []).append(each)
    soft = events.c.properties["severity"].as_string() == "soft"
    often: list[str] = []
    for part in in_parts(by_customer):
        query = select(events.c.customer_id).where(events.c.customer_id.in_(part), events.c.kind == "bounced", soft)
        counted = query.group_by(events.c.customer_id)
        often += connection.execute(counted.having(func.count(events.c.message_id.distinct()) >= limit)).scalars()
    return [each for customer in often for each in by_customer[customer] if _in_a_row(connection, each, limit)]


def _in_a_row(connection: Connection, addressee: Addressee, limit: int) -> bool:
    """Say whether the last word on each of the last `limit` messages, up to this one, is a soft bounce."""
    named = messages.c
    this = select(runs.c.scheduled_at).where(runs.c.id == addressee.run_id).scalar_subquery()
    recent = (
        select(named.rfc_message_id)
        .join(runs, runs.c.id == named.run_id)
        .where(named.customer_id == addressee.customer_id, named.state.in_(HANDED_OVER))
        .where(runs.c.scheduled_at <= this)
        .order_by(runs.c.scheduled_at.desc())
        .limit(limit)
    )
    ids = list(connection.execute(recent).scalars())
    severity = events.c.properties["severity"].as_string()
    words = select(events.c.message_id, events.c.kind, severity).where(
        events.c.message_id.in_(ids), events.c.kind.in_(("bounced", "delivered"))
    )
    last = {row[0]: tuple(row[1:]) for row in connection.execute(words.order_by(events.c.at))}
    return len(ids) == limit and all(last.get(each) == ("bounced", "soft") for each in ids)
