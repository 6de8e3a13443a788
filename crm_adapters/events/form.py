"""One event of the Segment and RudderStack form becomes one of ours: who, what, when, which products.

    identify, alias, group     who is who                 (no event of its own)
    page, screen               visited
    track "Product Viewed"     viewed                     "Product List Viewed"   listed
          "Product Added"      carted                     "Products Searched"     searched
          "Product Removed"    uncarted                   "Cart Viewed"           cart_viewed
          "Order Completed"    ordered, with its lines    any other               other
Names are compared without regard to case and to what joins their words (product_viewed, PRODUCT VIEWED).
Source: Segment's Common Fields, HTTP Tracking API and Ecommerce Spec; RudderStack's event specification is the same.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm_adapters.events.event import Event, Heard, Item, Order
from crm_adapters.events.values import (
    BadEvent,
    Json,
    currency,
    identity,
    minor,
    moment,
    number,
    part,
    scalar,
    words,
)

TRACKED = {
    "product viewed": "viewed",
    "product added": "carted",
    "product removed": "uncarted",
    "product list viewed": "listed",
    "products searched": "searched",
    "cart viewed": "cart_viewed",
    "order completed": "ordered",
}
UNTRACKED = {"identify": None, "alias": None, "group": None, "page": "visited", "screen": "visited"}
OF_ONE_PRODUCT = {"viewed", "carted", "uncarted"}
KEPT = ("name", "category", "brand", "query", "list_id", "cart_id", "quantity")
"""Properties that are kept; whatever else a site tells of its visitors is not."""
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_NAMES = str.maketrans("_-", "  ")


def read(raw: object, heard: Heard) -> Event:
    """Read one event.

    Raises:
        BadEvent: it can't be; with a reason to count by.
    """
    if not isinstance(raw, Mapping):
        raise BadEvent("not_an_object", "an event is a JSON object")
    kind, properties = _kind(raw), part(raw, "properties")
    user, anonymous = identity(raw, "userId"), identity(raw, "anonymousId")
    if user is None and anonymous is None:
        raise BadEvent("missing_userId", "neither userId nor anonymousId says whose event it is")
    previous = identity(raw, "previousId") if raw["type"] == "alias" else None
    if raw["type"] == "alias" and (previous is None or user is None):
        raise BadEvent("missing_previousId", "an alias names previousId and userId")
    order = _order(properties, heard.currency) if kind == "ordered" else None
    received_at = heard.at if heard.live else _received(raw, heard)
    return Event(
        id=f"order {order.id}" if order else message_id(raw, heard),  # a page of thanks is often loaded twice
        kind=kind,
        at=_happened(raw, heard, received_at),
        received_at=received_at,
        user=user,
        anonymous=anonymous,
        previous=previous,
        email=_email(raw, properties),
        items=_items(kind, properties, order),
        order=order,
        properties=_kept(raw, kind, properties),
    )


def message_id(raw: object, heard: Heard) -> str:
    """Name an event by its messageId, or else by all that it says; without any time, also by when it came."""
    told = raw.get("messageId") if isinstance(raw, Mapping) else None
    if isinstance(told, str) and told.strip():
        return told
    timed = isinstance(raw, Mapping) and (raw.get("timestamp") or raw.get("originalTimestamp"))
    said = json.dumps([raw, None if timed else heard.at.isoformat()], sort_keys=True)
    return f"hash {hashlib.sha256(said.encode()).hexdigest()}"


def _kind(raw: Json) -> str | None:
    told = raw.get("type")
    if told == "track":
        name = raw.get("event")
        if not isinstance(name, str) or not name.strip():
            raise BadEvent("missing_event", "a track without the event's name")
        return TRACKED.get(" ".join(name.translate(_NAMES).casefold().split()), "other")
    if not isinstance(told, str) or told not in UNTRACKED:
        raise BadEvent("unknown_type", f"type is none of track, {', '.join(UNTRACKED)}")
    return UNTRACKED[told]


def _received(raw: Json, heard: Heard) -> datetime:
    """When an event of a file was received: its own word, else now, as nothing knew of it before."""
    return min(moment(raw, "receivedAt") or heard.at, heard.at)


def _happened(raw: Json, heard: Heard, received_at: datetime) -> datetime:
    """When it happened, by our clock: what the sender's clock says, set right by what it said on sending.

    Never after it was received. A `timestamp` in a file was set right by whoever wrote the file.
    Source: Segment's Common Fields: timestamp = receivedAt - (sentAt - originalTimestamp).
    """
    original, told = moment(raw, "originalTimestamp"), moment(raw, "timestamp")
    by_sender = (original or told) if heard.live else (None if told else original)
    sent = _sent(raw) or heard.sent_at
    if by_sender is None:
        at = told or received_at
    elif sent is None or not (heard.live or raw.get("receivedAt")):
        at = by_sender
    else:
        at = _shifted(by_sender, received_at - sent)
    if at < OLDEST:
        raise BadEvent("bad_timestamp", "it is said to have happened before the year 2000")
    return min(at, received_at)


def _sent(raw: Json) -> datetime | None:
    try:
        return moment(raw, "sentAt")
    except BadEvent:  # it only serves to set the clock right
        return None


def _shifted(time: datetime, by: timedelta) -> datetime:
    try:
        return time + by
    except OverflowError as error:
        raise BadEvent("bad_timestamp", "its clock is out of range") from error


def _email(raw: Json, properties: Json) -> str | None:
    """The person's address: of the traits, or of the order."""
    for told in (part(raw, "traits"), part(part(raw, "context"), "traits"), properties):
        address = words(told, "email")
        if address and address.count("@") == 1 and not address.startswith("@") and " " not in address:
            return address
    return None


def _order(properties: Json, default: str) -> Order:
    number_of = identity(properties, "order_id")
    if number_of is None:
        raise BadEvent("missing_order_id", "a completed order without order_id")
    return Order(number_of, currency(properties, default))


def _items(kind: str | None, properties: Json, order: Order | None) -> tuple[Item, ...]:
    if kind in OF_ONE_PRODUCT:
        one = _item(properties, None)
        if one.product_id is None and one.sku is None:
            raise BadEvent("missing_product_id", "neither product_id nor sku says which product")
        return (one,)
    listed = properties.get("products")
    if order is None:
        told = listed if kind in {"listed", "cart_viewed", "searched"} and isinstance(listed, list) else []
        return tuple(_item(each, None) for each in told if isinstance(each, Mapping))
    if not isinstance(listed, list) or not listed or not all(isinstance(each, Mapping) for each in listed):
        raise BadEvent("bad_products", "a completed order without a list of products")
    return tuple(_item(each, order.currency) for each in listed)


def _item(told: Json, code: str | None) -> Item:
    """Read a product; one bought (with the order's currency) also says how many, and for how much."""
    which = identity(told, "product_id"), identity(told, "sku")
    if code is None:
        return Item(*which)
    count = number(told, "quantity")
    if count is not None and count <= 0:
        raise BadEvent("bad_quantity", "a quantity of 0 or less was bought")
    price = minor(number(told, "price"), code)
    return Item(*which, words(told, "name"), float(count if count is not None else Decimal(1)), price)


def _kept(raw: Json, kind: str | None, properties: Json) -> dict[str, Any]:
    """What is kept of the properties; of an address of a page, nothing behind its path: secrets may stand there."""
    found: dict[str, Any] = {name: value for name in KEPT if (value := scalar(properties.get(name))) is not None}
    address = words(properties, "url") or words(part(part(raw, "context"), "page"), "url")
    if address and kind is not None:
        found["url"] = address.partition("?")[0].partition("#")[0]
    if kind == "other":
        found["event"] = words(raw, "event")
    return found
