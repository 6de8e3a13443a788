"""UNSUBSCRIBE: a customer wants no more messages, of any campaign; from now on none is planned or sent."""

from datetime import datetime

from sqlalchemy import select

from campaigns.project import Project
from campaigns.store.statements import insert_new
from campaigns.store.suppression import suppress, suppressed_addresses
from campaigns.store.tables import customers, events, messages

REASON = "unsubscribed"


def unsubscribe(project: Project, customer_id: str, now: datetime, **about: str) -> bool:
    """Suppress every address that the customer is or was written to at, and keep the event; what waits is not sent.

    Args:
        project: the open project.
        customer_id: who.
        now: when.
        about: what else is known, such as the campaign whose message held the link.

    Returns:
        False when it was done before, or no address is known.
    """
    known = addresses(project, customer_id)
    new = known - suppressed_addresses(project.store, known)
    for address in sorted(new):
        suppress(project.store, address, REASON, now)
    if new:
        _tell(project, customer_id, now, about)
    return bool(new)


def unsubscribed(project: Project, customer_id: str) -> bool:
    """Say whether nothing is sent to the customer any more."""
    known = addresses(project, customer_id)
    return not known or bool(suppressed_addresses(project.store, known))


def addresses(project: Project, customer_id: str) -> set[str]:
    """Find the customer's address, and those of messages already written, which may be older ones."""
    now = select(customers.c.email_normalised).where(customers.c.id == customer_id)
    before = select(messages.c.address).where(messages.c.customer_id == customer_id)
    with project.store.engine.connect() as read:
        found = read.execute(now.union(before)).scalars().all()
    return {address.strip().lower() for address in found if address and address.strip()}


def _tell(project: Project, customer_id: str, now: datetime, about: dict[str, str]) -> None:
    event = {
        "id": f"unsubscribed:{customer_id}:{now:%Y%m%d}",  # two requests at the same moment are one event
        "system": "web",
        "customer_id": customer_id,
        "kind": "unsubscribed",
        "at": now,
        "properties": about,
    }
    with project.store.writing() as write:
        insert_new(write, events, [event])
