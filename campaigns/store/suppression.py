"""Addresses never to write to again, kept as hashes so that they outlive the erasure of a customer."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select

from campaigns.store.database import Store
from campaigns.store.tables import suppressions


def address_hash(address: str) -> str:
    """Hash an address as it is compared: trimmed, in lower case."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def suppress(store: Store, address: str, reason: str, now: datetime) -> None:
    """Never write to this address again."""
    digest = address_hash(address)
    with store.writing() as write:
        write.execute(delete(suppressions).where(suppressions.c.address_hash == digest))
        write.execute(insert(suppressions).values(address_hash=digest, reason=reason, since=now))


def suppressed_addresses(store: Store, addresses: Iterable[str]) -> set[str]:
    """Say which of these addresses are suppressed."""
    with store.engine.connect() as read:
        known = set(read.execute(select(suppressions.c.address_hash)).scalars())
    return {address for address in addresses if address_hash(address) in known} if known else set()
