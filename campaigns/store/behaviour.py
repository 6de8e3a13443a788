"""What customers do on the shop's pages: each event once, joined with its customer as soon as that one is known.

    event -> whose? -> a customer who may be watched        kept, with the customer
                    '> one who objects, or has not agreed   not kept, but for an order
                    '> one who was erased                   not kept
                    '> nobody we know                       kept; it waits under its person (identities.py)
An order is a fact of the shop's books, which no wish about being watched changes.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from campaigns.store import identities
from campaigns.store.database import Store
from campaigns.store.events import event_id
from campaigns.store.identities import person_of
from campaigns.store.known import Known, customers_of
from campaigns.store.merges import erased_ids
from campaigns.store.shelf import resolved
from campaigns.store.site_orders import SYSTEM, keep_orders, order_key
from campaigns.store.statements import in_parts, insert_new
from campaigns.store.tables import cursors, events, orders
from campaigns.store.told import Event

ORDERED = "ordered"
OF_MESSAGES = ("delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")
"""Kinds of events that are about a message of ours; all others happened on the shop's pages."""
ONE_AT_A_TIME = 0x48414E45
"""PostgreSQL's advisory lock of who writes here: an event and the word on whose it is may come at the same moment."""


@dataclass
class Kept:
    """What came of events.

    Attributes:
        new: written, by kind.
        repeated: written before.
        identified: told only who is who.
        not_kept: of customers of whom nothing may be, by reason.
        joined: events that waited, and now have their customer.
    """

    new: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    identified: int = 0
    not_kept: Counter[str] = field(default_factory=Counter)
    joined: int = 0

    def add(self, other: "Kept") -> None:
        """Count another one's in."""
        self.new += other.new
        self.repeated += other.repeated
        self.identified += other.identified
        self.not_kept += other.not_kept
        self.joined += other.joined


def keep(connection: Connection, told: Sequence[Event], now: datetime, agreed: Collection[str] | None) -> Kept:
    """Write events down, in the caller's transaction.

    Args:
        connection: a write transaction (`Store.writing`).
        told: in any order, a few thousand at most; the same may be in it twice.
        now: the moment.
        agreed: the words by which a customer agreed to be tracked, in lower case; None: it need not be known here.
    """
    _wait_for_others(connection)
    touched = identities.learn(connection, told)
    known = customers_of(connection, {person_of(each) for each in told})
    erased = {person for person, whom in known.items() if whom.erased}
    done = Kept(identified=sum(each.kind is None for each in told))
    rows: dict[str, dict[str, Any]] = {}
    named = resolved(connection, [item for each in told for item in each.items])
    for each in told:
        person = person_of(each)
        if each.kind is None:
            continue
        if reason := _not_kept(known.get(person), each.kind, agreed):
            done.not_kept[reason] += 1
            continue
        row = _row(each, person, known.get(person), [named[item] for item in each.items])
        done.repeated += row["id"] in rows
        rows.setdefault(row["id"], row)
    new = insert_new(connection, events, [rows[key] for key in sorted(rows)])
    done.new = Counter(rows[key]["kind"] for key in new)
    done.repeated += len(rows) - len(new)
    keep_orders(connection, told, known, named)
    done.joined = _join(connection, touched, agreed)
    identities.forget(connection, identities.with_those_who_stand_for(connection, erased) if erased else ())
    _count(connection, len(new), now)
    return done


def _wait_for_others(connection: Connection) -> None:
    """Let one transaction at a time write here, as SQLite does anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))


def _not_kept(whom: Known | None, kind: str, agreed: Collection[str] | None) -> str | None:
    """Why nothing is kept of what a customer did, if that is so."""
    if whom is None:
        return None
    if whom.erased:
        return "customer was erased"
    if kind == ORDERED:
        return None
    if whom.objects:
        return "customer objects to profiling"
    return None if agreed is None or (whom.tracking or "").lower() in agreed else "customer did not agree to be tracked"


def _row(told: Event, person: str, whom: Known | None, products: list[str | None]) -> dict[str, Any]:
    listed = [product for product in products if product is not None]
    alone = told.order is None and len(products) == 1
    extra: dict[str, Any] = {"products": listed} if listed and not alone else {}
    extra |= {"order": order_key(told.order)} if told.order else {}
    return {
        "id": event_id(SYSTEM, told.id),
        "system": SYSTEM,
        "customer_id": whom.id if whom else None,
        "kind": told.kind,
        "at": told.at,
        "received_at": told.received_at,
        "person": person,
        "product_id": listed[0] if alone and listed else None,
        "properties": {**told.properties, **extra},
    }


def _join(connection: Connection, persons: Iterable[str] | None, agreed: Collection[str] | None) -> int:
    """Give waiting events of these persons, or of all, to their customers, where these are known.

    What may not be kept of them, goes.

    Returns:
        how many events have their customer now.
    """
    known = customers_of(connection, identities.waiting(connection, persons))
    gone: list[str] = []
    joined: list[dict[str, str]] = []
    bought: list[dict[str, str | None]] = []
    for key, person, kind, order in _waiting_events(connection, known):
        whom = known[person]
        if _not_kept(whom, kind, agreed):
            gone.append(key)
        else:
            joined.append({"event": key, "whom": whom.id})
        if order:
            bought.append({"bought": order, "whom": None if whom.erased else whom.id})
    for part in in_parts(gone):
        connection.execute(delete(events).where(events.c.id.in_(part)))
    named: BindParameter[Any] = bindparam("whom")
    if joined:
        connection.execute(update(events).where(events.c.id == bindparam("event")).values(customer_id=named), joined)
    if bought:
        connection.execute(update(orders).where(orders.c.id == bindparam("bought")).values(customer_id=named), bought)
    return len(joined)


def _waiting_events(connection: Connection, persons: Iterable[str]) -> list[tuple[str, str, str, str | None]]:
    """The events of these persons that have no customer: id, person, kind, and the order if it is one."""
    named = events.c
    query = select(named.id, named.person, named.kind, named.properties["order"].as_string())
    found = query.where(named.customer_id.is_(None))
    rows = [row for part in in_parts(persons) for row in connection.execute(found.where(named.person.in_(part)))]
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def settle(store: Store, agreed: Collection[str] | None) -> int:
    """Let go of erased customers' events and of who they are; give what waits to customers who came meanwhile.

    Returns:
        how many events have their customer now.
    """
    with store.writing() as write:
        _wait_for_others(write)
        write.execute(delete(events).where(events.c.kind.not_in(OF_MESSAGES), events.c.customer_id.in_(erased_ids())))
        persons = identities.of_the_erased(write)
        for part in in_parts(sorted(persons)):
            write.execute(delete(events).where(events.c.person.in_(part), events.c.customer_id.is_(None)))
        identities.forget(write, persons)
        return _join(write, None, agreed)


def _count(connection: Connection, records: int, now: datetime) -> None:
    """Tell `sync status` how much came, and when the last."""
    mine = (cursors.c.connection == SYSTEM) & (cursors.c.stream == "events")
    more = {"pages": cursors.c.pages + 1, "records": cursors.c.records + bindparam("more"), "updated_at": now}
    if not connection.execute(update(cursors).where(mine).values(**more), {"more": records}).rowcount:
        row = {"connection": SYSTEM, "stream": "events", "cursor": "", "pages": 1, "records": records}
        connection.execute(insert(cursors).values(**row, updated_at=now))
