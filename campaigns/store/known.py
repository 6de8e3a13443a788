"""Which customer of ours a person on the shop's pages is, and whether anything may be kept of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from campaigns.store.identities import USER, chain, with_whom_they_stand_for
from campaigns.store.merges import masters
from campaigns.store.statements import in_parts
from campaigns.store.tables import customer_aliases, customers


@dataclass(frozen=True)
class Known:
    """A customer whom a person is.

    Attributes:
        id: the customer's.
        erased: nothing may be kept of them.
        objects: to being profiled, under this record or another with the same address.
        tracking: what the customer answered when asked about being tracked, as the system wrote it.
    """

    id: str
    erased: bool
    objects: bool
    tracking: str | None


def customers_of(connection: Connection, persons: Collection[str]) -> dict[str, Known]:
    """Say which customer each person is; who is none of ours, or may be several, is left out."""
    rows = with_whom_they_stand_for(connection, persons)
    chains = {person: chain(rows, person) for person in persons}
    told_of = {link for links in chains.values() for link in links}
    by_id = _by_id(connection, [link.removeprefix(USER) for link in told_of if link.startswith(USER)])
    by_email = _by_email(connection, {row.email for row in rows.values() if row.email})
    found: dict[str, Known] = {}
    for person, links in chains.items():
        named = [by_id.get(link.removeprefix(USER)) for link in links if link.startswith(USER)]
        told = [by_email.get(rows[link].email or "") for link in links if link in rows]
        if whom := next((known for known in [*named, *told] if known), None):  # an id says more than an address
            found[person] = whom
    return found


_STANDING = (
    customers.c.id,
    customers.c.email_normalised,
    customers.c.erased_at,
    customers.c.objected,
    customers.c.attributes["tracking_consent"].as_string(),
)


def _by_id(connection: Connection, ids: Collection[str]) -> dict[str, Known]:
    """Find the customer of each id; of one who became part of another, that other."""
    merged = masters(connection, ids)
    asked = {merged.get(one, one) for one in ids}
    rows = [
        row
        for part in in_parts(asked)
        for row in connection.execute(select(*_STANDING).where(customers.c.id.in_(part)))
    ]
    objecting = _objecting(connection, {row[1] for row in rows if row[1]})
    found = {row[0]: Known(row[0], row[2] is not None, row[3] or row[1] in objecting, row[4]) for row in rows}
    return {one: found[merged.get(one, one)] for one in ids if merged.get(one, one) in found}


def _by_email(connection: Connection, emails: Collection[str]) -> dict[str, Known]:
    """Find the one customer of each address. Records that another one stands for, and erased ones, give way."""
    objecting = _objecting(connection, emails)
    found: dict[str, list[tuple[bool, Known]]] = {}
    aliased = customer_aliases.c.alias_id.is_not(None)
    joined = customers.outerjoin(customer_aliases, customer_aliases.c.alias_id == customers.c.id)
    for part in in_parts(emails):
        query = select(*_STANDING, aliased).select_from(joined).where(customers.c.email_normalised.in_(part))
        for row in connection.execute(query.order_by(customers.c.id)):
            known = Known(row[0], row[2] is not None, row[3] or row[1] in objecting, row[4])
            found.setdefault(row[1], []).append((bool(row[5]), known))
    return {email: one for email, some in found.items() if (one := _the_one(some))}


def _the_one(some: list[tuple[bool, Known]]) -> Known | None:
    for wanted in (
        [known for aliased, known in some if not aliased and not known.erased],
        [known for _, known in some if not known.erased],
        [known for _, known in some],
    ):
        if wanted:
            return wanted[0] if len(wanted) == 1 or wanted[0].erased else None
    return None


def _objecting(connection: Connection, emails: Iterable[str]) -> set[str]:
    """The addresses under which any record objects to being profiled (law 6)."""
    found: set[str] = set()
    for part in in_parts(emails):
        query = select(customers.c.email_normalised).where(customers.c.email_normalised.in_(part), customers.c.objected)
        found.update(connection.execute(query).scalars())
    return found
