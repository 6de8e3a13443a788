"""What customers chose on the preference page: which campaigns, and how often."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, delete, func, insert, select, union_all

from campaigns.store.database import Store
from campaigns.store.merges import part_of, whom
from campaigns.store.tables import EPOCH, merges, messages, preferences

ON_ITS_WAY = ("waiting", "claimed", "sending", "sent", "in_doubt")
SLACK = timedelta(hours=12)
"""Last Monday's digest left some minutes after 8: at 8 this Monday it is not yet seven days old, and yet due."""


@dataclass(frozen=True)
class Preference:
    """One customer's choice.

    Attributes:
        unwanted: names of the campaigns that are not to be sent.
        every_days: at most one message in so many days; none: as often as there is one.
    """

    unwanted: frozenset[str] = frozenset()
    every_days: int | None = None


def read_preference(store: Store, customer_id: str) -> Preference:
    """Read a customer's choice; who never chose wants all that is written."""
    named = preferences.c
    with store.engine.connect() as read:
        query = select(named.unwanted, named.every_days).where(named.customer_id == customer_id)
        found = read.execute(query).one_or_none()
    return Preference() if found is None else Preference(frozenset(found.unwanted), found.every_days)


def save_preference(store: Store, customer_id: str, chosen: Preference, now: datetime) -> None:
    """Write down a choice, in the place of an earlier one."""
    values = {"unwanted": sorted(chosen.unwanted), "every_days": chosen.every_days, "changed_at": now}
    with store.writing() as write:
        write.execute(delete(preferences).where(preferences.c.customer_id == customer_id))
        write.execute(insert(preferences).values(customer_id=customer_id, **values))


def not_wanting(store: Store, campaign: str) -> Collection[str]:
    """List the customers who don't want a campaign, whichever of their records they said it under."""
    with store.engine.connect() as read:
        of = preferences.c.customer_id
        query = select(whom(of), preferences.c.unwanted).outerjoin(merges, part_of(of))
        chosen = read.execute(query)
        return {customer for customer, unwanted in chosen if campaign in unwanted}


def written_to_lately(store: Store, now: datetime) -> Collection[str]:
    """List the customers whose newest message is younger than they want; one that still waits to be sent counts.

    What they said and were sent under a record that became part of theirs counts as well.
    """
    of, newest = preferences.c.customer_id, func.max(messages.c.changed_at, type_=BigInteger).label("newest")
    wishes = (
        select(whom(of).label("customer_id"), preferences.c.every_days)
        .outerjoin(merges, part_of(of))
        .where(preferences.c.every_days.is_not(None))
        .subquery()
    )
    own = select(wishes.c.customer_id, wishes.c.every_days, wishes.c.customer_id.label("record"))
    parts = select(wishes.c.customer_id, wishes.c.every_days, merges.c.merged_id).join(
        merges, merges.c.customer_id == wishes.c.customer_id
    )
    records = union_all(own, parts).subquery()
    query = (
        select(records.c.customer_id, records.c.every_days, newest)
        .join(messages, messages.c.customer_id == records.c.record)
        .where(messages.c.state.in_(ON_ITS_WAY))
        .group_by(records.c.customer_id, records.c.every_days)
    )
    with store.engine.connect() as read:
        return {
            customer
            for customer, days, newest_at in read.execute(query)
            if now - (EPOCH + timedelta(microseconds=newest_at)) < timedelta(days=days) - SLACK
        }
