"""What the world says about messages, as events; hard words suppress an address in the same transaction.

    told -> which message? -> one event -> hard bounce, complaint, unsubscribed   the address is suppressed
                                        '> soft bounce, so many runs in a row     the address is suppressed
                                        '> a refusal of policy or configuration   only the event: it is not the address
An event's id is made of who says it and its own id there: what is told twice is one event.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from campaigns.store.addressees import Addressee, by_message_id, newest_to
from campaigns.store.soft_bounces import worn_out
from campaigns.store.statements import insert_new
from campaigns.store.suppression import Suppression, address_hash, suppress_all, withdraw
from campaigns.store.tables import events

LONGEST_WORDS = 500
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


class Told(Protocol):
    """One thing that was said about one message; see `campaigns.mail.feedback`."""

    @property
    def kind(self) -> str:
        """What happened: delivered, bounced, complained, unsubscribed."""

    @property
    def at(self) -> datetime:
        """When."""

    @property
    def source(self) -> str:
        """Who says it."""

    @property
    def source_id(self) -> str:
        """Its own id there."""

    @property
    def rfc_message_id(self) -> str | None:
        """The message's id, or `<KEY>`, the part of it before the @."""

    @property
    def address(self) -> str | None:
        """The recipient."""

    @property
    def severity(self) -> str | None:
        """Of a bounce: hard, soft, policy or configuration."""

    @property
    def words(self) -> str:
        """The server's own."""


@dataclass
class Recorded:
    """What came of it.

    Attributes:
        new: events that were written, by kind; a bounce by "severity bounce".
        repeated: told before: nothing was changed.
        unknown: of the new ones, those about no message of ours.
        suppressed: addresses that are no longer written to.
    """

    new: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    unknown: int = 0
    suppressed: int = 0

    def add(self, other: "Recorded") -> None:
        """Count another one's in."""
        self.new += other.new
        self.repeated += other.repeated
        self.unknown += other.unknown
        self.suppressed += other.suppressed


def record(connection: Connection, told: Sequence[Told], now: datetime, soft_bounces: int = 5) -> Recorded:
    """Write down what was said, and suppress whom it says not to write to, in the caller's transaction.

    A complaint or an unsubscription whose message is not known suppresses the address that it tells; a bounce does not,
    because anybody can send one.

    Args:
        connection: a write transaction (`Store.writing`).
        told: in any order, a few thousand at most; the same may be in it twice.
        now: the moment; what claims to lie after it, is now.
        soft_bounces: so many runs in a row, and the address is suppressed.
    """
    by_id = {event_id(each.source, each.source_id): each for each in told}
    known = _find(connection, by_id)
    rows = [_row(key, by_id[key], known.get(key), now) for key in sorted(by_id)]
    new = insert_new(connection, events, rows)
    verdicts = [(key, reason) for key in new if (reason := _reason(by_id[key], known.get(key)))]
    wanted = [(address_hash(_address(by_id[key], known.get(key))), reason) for key, reason in verdicts]
    bounced = [known[key] for key in new if key in known and _label(by_id[key]) == "soft bounce"]
    tired = worn_out(connection, bounced, soft_bounces)
    wanted += [(address_hash(each.address), f"{soft_bounces} soft bounces in a row") for each in tired]
    suppressed = suppress_all(connection, [Suppression(digest, reason, now) for digest, reason in wanted])
    concerned = {known[key].customer_id for key, _ in verdicts if key in known} | {each.customer_id for each in tired}
    withdraw(connection, {digest for digest, _ in wanted}, now, sorted(concerned))
    unknown = sum(key not in known for key in new)
    return Recorded(Counter(_label(by_id[key]) for key in new), len(told) - len(new), unknown, suppressed)


def event_id(source: str, source_id: str) -> str:
    """Name an event by who says it and its own id there."""
    return hashlib.sha256(f"{source}\x1f{source_id}".encode("utf-8", "replace")).hexdigest()


def _find(connection: Connection, by_id: Mapping[str, Told]) -> dict[str, Addressee]:
    ids = {key: _plain(each.rfc_message_id) for key, each in by_id.items() if each.rfc_message_id}
    named = by_message_id(connection, ids.values())
    known = {key: named[told] for key, told in ids.items() if told in named}
    left = {key: _plain(each.address) for key, each in by_id.items() if key not in known and each.address}
    newest = newest_to(connection, set(left.values()))
    return known | {key: newest[address] for key, address in left.items() if address in newest}


def _row(key: str, told: Told, addressee: Addressee | None, now: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "system": told.source,
        "customer_id": addressee.customer_id if addressee else None,
        "kind": told.kind,
        "at": told.at if OLDEST <= told.at <= now else now,
        "message_id": addressee.rfc_message_id if addressee else _plain(told.rfc_message_id or "") or None,
        "properties": {"severity": told.severity, "words": _plain(told.words)[:LONGEST_WORDS]},
    }


def _plain(text: str) -> str:
    """Text that both databases take: no NUL, no half characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _label(told: Told) -> str:
    return f"{told.severity or 'soft'} bounce" if told.kind == "bounced" else told.kind


def _reason(told: Told, addressee: Addressee | None) -> str | None:
    """Why its address is suppressed at once, if it is."""
    if told.kind in {"complained", "unsubscribed"} and _address(told, addressee):
        return told.kind
    return "hard bounce" if _label(told) == "hard bounce" and addressee else None


def _address(told: Told, addressee: Addressee | None) -> str:
    return addressee.address if addressee else told.address or ""
