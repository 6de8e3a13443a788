"""Addresses never to write to again, kept as hashes so that they outlive the erasure of a customer."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import idna
from sqlalchemy import Connection, func, select, tuple_, update

from campaigns.store.database import Store
from campaigns.store.statements import MANY, in_parts, insert_new
from campaigns.store.tables import customers, messages, suppressions

SUPPRESSED = "on the suppression list"
"""The reason of a message that is not sent because its address is suppressed."""


@dataclass(frozen=True)
class Suppression:
    """One address that is not written to, as a hash."""

    address_hash: str
    reason: str
    since: datetime


def normalised(address: str) -> str:
    """Write an address as it is compared: trimmed, in lower case, an international domain in ASCII (RFC 5891).

    >>> normalised(" Ada@Example.com "), normalised("ada@müller.example")
    ('ada@example.com', 'ada@xn--mller-kva.example')
    """
    plain = address.strip().lower()
    local, at, domain = plain.rpartition("@")
    if domain.isascii():
        return plain
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except (idna.IDNAError, UnicodeError):
        return plain


def address_hash(address: str) -> str:
    """Hash an address as it is compared."""
    return hashlib.sha256(normalised(address).encode("utf-8", "replace")).hexdigest()


def spellings(address: str) -> set[str]:
    """An address as a customer's may be kept: its international domain in ASCII, or in its own letters.

    >>> sorted(spellings("Ada@Müller.example"))
    ['ada@müller.example', 'ada@xn--mller-kva.example']
    """
    coded = normalised(address)
    local, _, domain = coded.rpartition("@")
    try:
        decoded = f"{local}@{idna.decode(domain)}"
    except (idna.IDNAError, UnicodeError):
        decoded = coded
    return {coded, decoded, address.strip().lower()}


def suppress(store: Store, address: str, reason: str, now: datetime) -> bool:
    """Never write to this address again; what waits for it is not sent.

    Returns:
        False when it was suppressed before: the first reason stands.
    """
    digest = address_hash(address)
    with store.writing() as write:
        new = suppress_all(write, [Suppression(digest, reason, now)])
        named = customers.c
        whose = select(named.id).where(named.email_normalised.in_(spellings(address)))
        withdraw(write, {digest}, now, write.execute(whose).scalars().all())
    return new == 1


def suppress_all(connection: Connection, wanted: Iterable[Suppression]) -> int:
    """Suppress addresses by their hashes, in the caller's write transaction; the reason that was first, stands.

    Returns:
        how many were not suppressed before.
    """
    first: dict[str, Suppression] = {}
    for each in wanted:
        first.setdefault(each.address_hash, each)
    return len(insert_new(connection, suppressions, [vars(first[digest]) for digest in sorted(first)]))


def withdraw(connection: Connection, hashes: Collection[str], now: datetime, among: Sequence[str] | None = None) -> int:
    """Take messages that wait for suppressed addresses out of the outbox, in the caller's transaction.

    Args:
        connection: a write transaction.
        hashes: of the addresses.
        now: the moment.
        among: ids of the customers to look at; without it, all whose message waits: a second for some 100,000.

    Returns:
        how many messages are not sent.
    """
    named = messages.c
    keys = (named.run_id, named.customer_id)
    waiting = select(*keys, named.address).where(named.state == "waiting")
    some = [waiting] if among is None else [waiting.where(named.customer_id.in_(part)) for part in in_parts(among)]
    found = [row for query in some for row in connection.execute(query).all()]
    gone = sorted((run, customer) for run, customer, address in found if address_hash(address or "") in hashes)
    values = {"state": "suppressed", "reason": SUPPRESSED, "changed_at": now}
    for part in in_parts(gone):
        these = tuple_(*keys).in_(part)
        connection.execute(update(messages).where(these, named.state == "waiting").values(**values))
    return len(gone)


def suppressed_addresses(store: Store, addresses: Iterable[str]) -> set[str]:
    """Say which of these addresses are suppressed."""
    found: set[str] = set()
    with store.engine.connect() as read:
        for part in in_parts(addresses):
            by_hash: dict[str, list[str]] = {}
            for address in part:
                by_hash.setdefault(address_hash(address), []).append(address)
            known = select(suppressions.c.address_hash).where(suppressions.c.address_hash.in_(list(by_hash)))
            found.update(address for digest in read.execute(known).scalars() for address in by_hash[digest])
    return found


def all_suppressions(store: Store) -> Iterator[Suppression]:
    """Every suppression by its hash, read in pages."""
    named = suppressions.c
    last = ""
    while True:
        with store.engine.connect() as read:
            query = select(named.address_hash, named.reason, named.since).where(named.address_hash > last)
            page = [Suppression(*row) for row in read.execute(query.order_by(named.address_hash).limit(MANY))]
        yield from page
        if len(page) < MANY:
            return
        last = page[-1].address_hash


def suppression_counts(store: Store) -> list[tuple[str, int, datetime]]:
    """Count the suppressions by reason: (reason, how many, since when the newest), most first."""
    named = suppressions.c
    query = select(named.reason, func.count(), func.max(named.since)).group_by(named.reason)
    with store.engine.connect() as read:
        rows = read.execute(query.order_by(func.count().desc(), named.reason))
        return [(reason, count, newest) for reason, count, newest in rows]
