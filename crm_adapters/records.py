"""Our records, as columns: what every adapter's pages look like, whatever the system calls things.

Pages are Arrow tables, not objects: a year of a shop's order lines is a million rows, and a million Python objects
take longer to make than to store. Times are UTC microseconds; money is integer minor units beside its ISO 4217 code.
"""

from enum import StrEnum

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")


class Stream(StrEnum):
    """What can be pulled from a system."""

    CUSTOMERS = "customers"
    PRODUCTS = "products"
    ORDERS = "orders"
    EVENTS = "events"
    OFFERS = "offers"


CONSENT = ("subscribed", "unsubscribed", "pending", "never", "unknown")
ORDER_STATUS = ("placed", "paid", "cancelled", "refunded")
ON_SITE = ("visited", "viewed", "listed", "searched", "carted", "uncarted", "cart_viewed", "ordered", "other")
"""What customers do on the shop's pages; see `events.form`."""
EVENT_KINDS = (*ON_SITE, "delivered", "opened", "clicked", "bounced", "complained", "unsubscribed")


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


def _texts(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


CUSTOMERS = pa.schema(
    [
        _required("id", pa.string()),
        *_texts("email", "phone", "first_name", "last_name", "birth_date", "gender", "locale"),
        *_texts("time_zone", "country", "region", "city", "postcode", "street"),
        pa.field("tags", pa.string()),  # a JSON list
        pa.field("attributes", pa.string()),  # a JSON object
        _required("consent_email", pa.string()),
        *_texts("consent_source"),
        pa.field("consent_at", TIME),
        _required("objected", pa.bool_()),  # to being profiled at all
        pa.field("created_at", TIME),
        pa.field("updated_at", TIME),
    ]
)

PRODUCTS = pa.schema(
    [
        _required("id", pa.string()),
        *_texts("sku", "parent_id"),
        _required("title", pa.string()),
        *_texts("description", "url", "image_url", "brand"),
        pa.field("category_path", pa.string()),  # widest first, joined with " > "
        *_texts("size"),
        pa.field("price_minor", pa.int64()),
        *_texts("currency"),
        _required("available", pa.bool_()),
        _required("published", pa.bool_()),
        _required("recommendable", pa.bool_()),
        pa.field("attributes", pa.string()),
        pa.field("created_at", TIME),
        pa.field("updated_at", TIME),
    ]
)

# One row an order line, the order's own columns repeated: an order without lines can't be said.
ORDERS = pa.schema(
    [
        _required("order_id", pa.string()),
        pa.field("customer_id", pa.string()),  # none for a guest
        *_texts("email"),
        _required("placed_at", TIME),
        _required("status", pa.string()),
        *_texts("currency"),
        _required("test", pa.bool_()),
        pa.field("updated_at", TIME),
        _required("line_id", pa.string()),
        pa.field("product_id", pa.string()),
        *_texts("title"),
        _required("quantity", pa.float64()),  # below 0: a return
        pa.field("unit_price_minor", pa.int64()),  # after discounts
        _required("refunded_quantity", pa.float64()),
    ]
)

EVENTS = pa.schema(
    [
        _required("id", pa.string()),
        pa.field("customer_id", pa.string()),
        _required("kind", pa.string()),
        _required("at", TIME),
        *_texts("product_id", "message_id"),
        pa.field("properties", pa.string()),
    ]
)

OFFERS = pa.schema(
    [
        _required("product_id", pa.string()),
        _required("kind", pa.string()),
        _required("starts_at", TIME),
        _required("ends_at", TIME),
        _required("announced_at", TIME),  # before this moment nothing may know of it
    ]
)

SCHEMAS: dict[Stream, pa.Schema] = {
    Stream.CUSTOMERS: CUSTOMERS,
    Stream.PRODUCTS: PRODUCTS,
    Stream.ORDERS: ORDERS,
    Stream.EVENTS: EVENTS,
    Stream.OFFERS: OFFERS,
}
