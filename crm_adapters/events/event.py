"""A behaviour event of ours, and when and how it came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Heard:
    """When and how an event came.

    Attributes:
        at: when it was received.
        currency: of amounts that name none.
        sent_at: when the whole batch was sent, by the sender's clock.
        live: it came from its sender just now; not from a file, where no clock can be set right by `at`.
    """

    at: datetime
    currency: str
    sent_at: datetime | None = None
    live: bool = True


@dataclass(frozen=True)
class Item:
    """A product as an event names it; one bought has a quantity and, in minor units, the price of one."""

    product_id: str | None
    sku: str | None
    title: str | None = None
    quantity: float = 1
    price_minor: int | None = None


@dataclass(frozen=True)
class Order:
    """A completed order, in the words of the shop's site."""

    id: str
    currency: str


@dataclass(frozen=True)
class Event:
    """One event of ours.

    Attributes:
        id: the same event again has the same one.
        kind: one of `records.EVENT_KINDS`; None: it only says who is who.
        at: when it happened, by our clock.
        received_at: since when it is known.
        user: the id that the site gives who is logged in.
        anonymous: the id that the site gives a browser.
        previous: of an alias, the id that `user` had before.
        email: of the person, if it says so.
        items: the products that it is about.
        order: of a completed order.
        properties: what else is kept.
    """

    id: str
    kind: str | None
    at: datetime
    received_at: datetime
    user: str | None
    anonymous: str | None
    previous: str | None = None
    email: str | None = None
    items: tuple[Item, ...] = ()
    order: Order | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
