"""What connected systems have acknowledged: the hash of the last value of each customer's field."""

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
from sqlalchemy import select

from campaigns.store.database import Store
from campaigns.store.tables import acknowledged_fields


def acknowledged_hashes(store: Store, connection: str) -> dict[tuple[str, str], str]:
    """Read (customer_id, field) -> hash of the value that the system has."""
    named = acknowledged_fields.c
    with store.engine.connect() as read:
        rows = read.execute(
            select(named.customer_id, named.field, named.value_hash).where(named.connection == connection)
        )
        return {(customer, field): value for customer, field, value in rows}


def acknowledge(store: Store, connection: str, hashes: Mapping[tuple[str, str], str], now: datetime) -> None:
    """Write down what the system has taken."""
    rows = pa.table(
        {
            "connection": pa.array([connection] * len(hashes), pa.string()),
            "customer_id": pa.array([customer for customer, _ in hashes], pa.string()),
            "field": pa.array([field for _, field in hashes], pa.string()),
            "value_hash": pa.array(list(hashes.values()), pa.string()),
            "acknowledged_at": pa.array([now] * len(hashes), pa.timestamp("us", tz="UTC")),
        }
    )
    with store.bulk() as bulk:
        bulk.upsert(acknowledged_fields, rows)
