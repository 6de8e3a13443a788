"""Addresses never to write to again, kept as hashes so that they outlive the erasure of a customer."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import idna
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from campaigns.store.database import Store
from campaigns.store.tables import suppressions

MANY = 10_000
"""Values bound in one statement; SQLite takes at most 32,766, PostgreSQL 65,535."""


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


def suppress(store: Store, address: str, reason: str, now: datetime) -> None:
    """Never write to this address again."""
    with store.writing() as write:
        suppress_all(write, {address_hash(address): reason}, now)


def suppress_all(connection: Connection, reasons: Mapping[str, str], now: datetime) -> int:
    """Suppress addresses by their hashes, in the caller's transaction; the reason that was first, stands.

    Args:
        connection: a write transaction.
        reasons: address hash -> why.
        now: since when.

    Returns:
        how many were not suppressed before.
    """
    rows = [{"address_hash": digest, "reason": reason, "since": now} for digest, reason in sorted(reasons.items())]
    return len(insert_new(connection, suppressions, rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Insert the rows whose key is not there yet, whoever else inserts at this moment; say the keys of these.

    Rows are to be in the order of their keys, so that two who insert never wait for each other in a circle.
    """
    if not rows:
        return []
    key = next(iter(table.primary_key))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(key)
    return list(connection.execute(statement, rows).scalars())


def in_parts(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Give values in parts small enough for one statement."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def suppressed_addresses(store: Store, addresses: Iterable[str]) -> set[str]:
    """Say which of these addresses are suppressed."""
    found: set[str] = set()
    with store.engine.connect() as read:
        for part in in_parts(addresses, MANY):
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
