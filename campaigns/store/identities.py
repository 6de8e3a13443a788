"""Who is who on the shop's pages: a browser stands for who logged in with it, and a login for a customer of ours.

    anon:BROWSER -> user:LOGIN -> the customer whose id is LOGIN, or else whose address was told with it
A person is a browser or a login. Nothing of a customer is kept here but the address, as the site told it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, literal, select

from campaigns.store.merges import erased_ids
from campaigns.store.statements import in_parts
from campaigns.store.tables import customers, events, identities
from campaigns.store.told import Told

USER, BROWSER = "user:", "anon:"
HOPS = 4
"""So far a chain of persons is followed; a circle ends there too."""


@dataclass(frozen=True)
class Identity:
    """One person: whom it stands for and the address that was told, each where it is known."""

    person: str
    stands_for: str | None
    email: str | None
    since: datetime


def person_of(told: Told) -> str:
    """Whose an event is: of who is logged in, else of the browser."""
    return f"{USER}{told.user}" if told.user is not None else f"{BROWSER}{told.anonymous}"


def learn(connection: Connection, told: Iterable[Told]) -> set[str]:
    """Remember who is who, in the caller's transaction; the newest word counts, whatever the order of arrival.

    Returns:
        the persons of whom something new was learnt, and all who stand for them.
    """
    said: dict[str, list[Identity]] = {}
    for each in told:
        for one in _said(each):
            said.setdefault(one.person, []).append(one)
    before = _read(connection, said)
    after = {person: _newest(before.get(person), some) for person, some in said.items()}
    changed = sorted(person for person, one in after.items() if one != before.get(person))
    for part in in_parts(changed):
        connection.execute(delete(identities).where(identities.c.person.in_(part)))
        connection.execute(insert(identities), [vars(after[person]) for person in part])
    meant = [person for person in changed if not _same(after[person], before.get(person))]
    return with_those_who_stand_for(connection, meant)


def _said(told: Told) -> list[Identity]:
    email = told.email.strip().lower() if told.email else None  # as `customers.email_normalised` is written
    if told.user is None:
        return [Identity(person_of(told), None, email, told.at)] if email else []
    user = person_of(told)
    others = [f"{BROWSER}{told.anonymous}"] if told.anonymous is not None else []
    if told.previous is not None:
        others += [f"{kind}{told.previous}" for kind in (BROWSER, USER)]
    found = [Identity(other, user, None, told.at) for other in others if other != user]
    return [Identity(user, None, email, told.at), *found]


def _newest(before: Identity | None, said: Collection[Identity]) -> Identity:
    """Lay words over one another, the oldest first; what one does not say stays."""
    words = sorted([*([before] if before else []), *said], key=lambda one: one.since)
    newest = words[0]
    for one in words[1:]:
        newest = Identity(one.person, one.stands_for or newest.stands_for, one.email or newest.email, one.since)
    return newest


def _same(one: Identity, other: Identity | None) -> bool:
    return other is not None and (one.stands_for, one.email) == (other.stands_for, other.email)


def _read(connection: Connection, persons: Iterable[str]) -> dict[str, Identity]:
    found: dict[str, Identity] = {}
    for part in in_parts(persons):
        query = select(*identities.c).where(identities.c.person.in_(part))
        found |= {row.person: Identity(*row) for row in connection.execute(query)}
    return found


def with_those_who_stand_for(connection: Connection, persons: Iterable[str]) -> set[str]:
    """These persons, and all who stand for them."""
    found = new = set(persons)
    for _ in range(HOPS):
        ahead: set[str] = set()
        for part in in_parts(new):
            ahead.update(
                connection.execute(select(identities.c.person).where(identities.c.stands_for.in_(part))).scalars()
            )
        new = ahead - found
        if not new:
            break
        found = found | new
    return found


def with_whom_they_stand_for(connection: Connection, persons: Iterable[str]) -> dict[str, Identity]:
    """What is known of these persons, and of all whom they stand for."""
    rows: dict[str, Identity] = {}
    new = set(persons)
    for _ in range(HOPS):
        read = _read(connection, new)
        rows |= read
        new = {one.stands_for for one in read.values() if one.stands_for} - rows.keys()
        if not new:
            break
    return rows


def chain(rows: dict[str, Identity], person: str) -> list[str]:
    """A person, whom it stands for, whom that one stands for, and so on."""
    links = [person]
    while (row := rows.get(links[-1])) and row.stands_for and row.stands_for not in links:
        links.append(row.stands_for)
    return links


def forget(connection: Connection, persons: Iterable[str]) -> None:
    """Remember no longer who these are."""
    for part in in_parts(sorted(persons)):
        connection.execute(delete(identities).where(identities.c.person.in_(part)))


def waiting(connection: Connection, persons: Iterable[str] | None = None) -> set[str]:
    """The persons, among these or among all of whom something is known, whose events have no customer yet."""
    named = events.c
    query = select(named.person).distinct().where(named.customer_id.is_(None))
    if persons is None:
        return set(connection.execute(query.where(named.person.in_(select(identities.c.person)))).scalars())
    return {
        who for part in in_parts(persons) for who in connection.execute(query.where(named.person.in_(part))).scalars()
    }


def of_the_erased(connection: Connection) -> set[str]:
    """The persons who are erased customers: by id, by an address that nobody else has, and all who stand for them."""
    here = customers.alias("here")
    erased, mine = customers.c.id.in_(erased_ids()), here.c.email_normalised == customers.c.email_normalised
    by_id = select(identities.c.person).join(customers, identities.c.person == literal(USER) + customers.c.id)
    by_email = select(identities.c.person).join(customers, identities.c.email == customers.c.email_normalised)
    another = exists().where(mine, here.c.erased_at.is_(None))
    found = connection.execute(by_id.where(erased).union(by_email.where(erased, ~another))).scalars()
    return with_those_who_stand_for(connection, found)
