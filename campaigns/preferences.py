"""PREFERENCES: which campaigns a customer wants, and how often; the next plan keeps to it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from campaigns.errors import NotFound
from campaigns.project import Project
from campaigns.store.preferences import Preference, read_preference, save_preference
from campaigns.store.tables import customers
from campaigns.unsubscribe import unsubscribed

HOW_OFTEN: dict[str, int | None] = {"any": None, "week": 7, "fortnight": 14, "month": 30}
"""What may be chosen, and the days from one message to the next."""


@dataclass(frozen=True)
class Choices:
    """What the preference page shows one customer.

    Attributes:
        campaigns: each campaign's name, and whether it is wanted.
        how_often: a key of `HOW_OFTEN`.
        unsubscribed: nothing is sent any more, whatever is chosen.
    """

    campaigns: dict[str, bool]
    how_often: str
    unsubscribed: bool


def choices(project: Project, customer_id: str) -> Choices:
    """Read what a customer has chosen.

    Raises:
        NotFound: no such customer, or one who was erased.
    """
    _refuse_unknown(project, customer_id)
    chosen = read_preference(project.store, customer_id)
    wanted = {campaign.name: campaign.name not in chosen.unwanted for campaign in project.campaigns()}
    often = next((name for name, days in HOW_OFTEN.items() if days == chosen.every_days), "any")
    return Choices(wanted, often, unsubscribed(project, customer_id))


def choose(project: Project, customer_id: str, wanted: Collection[str], how_often: str, now: datetime) -> None:
    """Keep a customer's choice.

    Args:
        project: the open project.
        customer_id: who.
        wanted: names of campaigns; a name that no campaign has is passed over.
        how_often: a key of `HOW_OFTEN`.
        now: when.

    Raises:
        NotFound: no such customer, or no such `how_often`.
    """
    _refuse_unknown(project, customer_id)
    if how_often not in HOW_OFTEN:
        raise NotFound(f"{how_often[:20]!r} is not offered", remedy=f"choose one of: {', '.join(HOW_OFTEN)}")
    names = {campaign.name for campaign in project.campaigns()}
    # A campaign whose file is away for now stays unwanted when it comes back.
    away = read_preference(project.store, customer_id).unwanted - names
    chosen = Preference(away | (names - set(wanted)), HOW_OFTEN[how_often])
    save_preference(project.store, customer_id, chosen, now)


def _refuse_unknown(project: Project, customer_id: str) -> None:
    query = select(customers.c.id).where(customers.c.id == customer_id, customers.c.erased_at.is_(None))
    with project.store.engine.connect() as read:
        if read.execute(query).first() is None:
            raise NotFound("we no longer know you", remedy="nothing is sent to you; there is nothing to choose")
