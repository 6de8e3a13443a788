"""What an event of the shop's pages tells; see `crm_adapters.events.event`, which says the same."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol


class Told(Protocol):
    """What an event says of who is who."""

    @property
    def at(self) -> datetime:
        """When."""

    @property
    def user(self) -> str | None:
        """Who is logged in."""

    @property
    def anonymous(self) -> str | None:
        """The browser."""

    @property
    def previous(self) -> str | None:
        """What `user` was called before."""

    @property
    def email(self) -> str | None:
        """The person's address."""


class Item(Hashable, Protocol):
    """A product as an event names it."""

    @property
    def product_id(self) -> str | None:
        """Its id."""

    @property
    def sku(self) -> str | None:
        """Its SKU."""

    @property
    def title(self) -> str | None:
        """Its title."""

    @property
    def quantity(self) -> float:
        """How many were bought."""

    @property
    def price_minor(self) -> int | None:
        """The price of one, in minor units."""


class Order(Protocol):
    """A completed order."""

    @property
    def id(self) -> str:
        """The shop's id of it."""

    @property
    def currency(self) -> str:
        """Of its amounts."""


class Event(Told, Protocol):
    """One event."""

    @property
    def id(self) -> str:
        """The same event again has the same one."""

    @property
    def kind(self) -> str | None:
        """What was done; none: it only says who is who."""

    @property
    def received_at(self) -> datetime:
        """Since when it is known."""

    @property
    def items(self) -> Sequence[Item]:
        """The products that it is about."""

    @property
    def order(self) -> Order | None:
        """Of a completed order."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """What else is kept."""
