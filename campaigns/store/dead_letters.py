"""Dead letters: updates that a connected system refuses, each with its words, until it takes them or they change."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from campaigns.store.database import Store
from campaigns.store.statements import in_parts, insert_new
from campaigns.store.tables import dead_letters

_d = dead_letters.c


@dataclass(frozen=True)
class DeadLetter:
    """One update that was refused.

    Attributes:
        customer_id: whose fields.
        fields: what was to be written.
        status: rejected, or not_found.
        message: the system's own words.
    """

    customer_id: str
    fields: Mapping[str, Any]
    status: str
    message: str


def keep(store: Store, connection: str, letters: Sequence[DeadLetter], now: datetime) -> None:
    """Keep what was refused, in the place of what was refused before."""
    forget(store, connection, {letter.customer_id for letter in letters})
    rows = [
        {"connection": connection, **vars(letter), "refused_at": now}
        for letter in sorted(letters, key=lambda letter: letter.customer_id)
    ]
    with store.writing() as write:
        insert_new(write, dead_letters, rows)


def forget(store: Store, connection: str, customers: Collection[str]) -> None:
    """What the system has taken now is no dead letter any more."""
    with store.writing() as write:
        for some in in_parts(customers):
            write.execute(delete(dead_letters).where(_d.connection == connection, _d.customer_id.in_(some)))


def kept(store: Store, connection: str) -> list[DeadLetter]:
    """Read the dead letters of a connection."""
    query = select(_d.customer_id, _d.fields, _d.status, _d.message)
    with store.engine.connect() as read:
        rows = read.execute(query.where(_d.connection == connection).order_by(_d.customer_id))
        return [DeadLetter(*row) for row in rows]
