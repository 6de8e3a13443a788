"""Find the message that something is said about: by its Message-ID, by its key, or by its address."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, func, or_, select

from campaigns.store.statements import MANY, in_parts
from campaigns.store.suppression import spellings
from campaigns.store.tables import customers, messages

HANDED_OVER = ("sent", "failed", "in_doubt", "sending")
"""States of messages that the world may have seen."""


@dataclass(frozen=True)
class Addressee:
    """One message, and to whom it went."""

    run_id: str
    customer_id: str
    address: str
    rfc_message_id: str


def by_message_id(connection: Connection, told: Iterable[str]) -> dict[str, Addressee]:
    """Find messages by Message-ID, or by `<KEY>`: the part before the @, as a return path tells it.

    Returns:
        what was told -> its message; what no message bears is left out.
    """
    wanted = set(told)
    whole = {each: each for each in wanted if "@" in each}
    whole |= _whole_ids(connection, [each for each in wanted if "@" not in each])
    found: dict[str, Addressee] = {}
    for part in in_parts(set(whole.values())):
        rows = connection.execute(_addressees().where(messages.c.rfc_message_id.in_(part)))
        found |= {row.rfc_message_id: Addressee(*row) for row in rows}
    return {each: found[known] for each, known in whole.items() if known in found}


def _whole_ids(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """`<KEY>` -> Message-ID: one pass over the ids, however many keys there are."""
    by_length: dict[int, list[str]] = {}
    for key in keys:
        start = key.removesuffix(">") + "@"
        by_length.setdefault(len(start), []).append(start)
    if not by_length:
        return {}
    named = messages.c.rfc_message_id
    begins = or_(*(func.substr(named, 1, length).in_(starts) for length, starts in by_length.items()))
    return {f"{known.partition('@')[0]}>": known for known in connection.execute(select(named).where(begins)).scalars()}


def newest_to(connection: Connection, addresses: Iterable[str]) -> dict[str, Addressee]:
    """Find, for each address, the newest message that was handed over to a customer who has it.

    Returns:
        address as it was told -> message; one that no customer has, or none was written to, is left out.
    """
    spelled = {spelling: address for address in addresses for spelling in spellings(address)}
    found: dict[str, Addressee] = {}
    named = messages.c
    for part in in_parts(spelled, MANY // 2):
        query = (
            _addressees(customers.c.email_normalised)
            .join(customers, customers.c.id == named.customer_id)
            .where(customers.c.email_normalised.in_(part), named.state.in_(HANDED_OVER))
            .order_by(named.changed_at)  # so that the newest is the last word
        )
        found |= {spelled[row.email_normalised]: Addressee(*row[:4]) for row in connection.execute(query)}
    return found


def _addressees(*more: Column[Any]) -> Select[Any]:
    named = messages.c
    columns = (named.run_id, named.customer_id, named.address, named.rfc_message_id, *more)
    return select(*columns).where(named.address.is_not(None))
