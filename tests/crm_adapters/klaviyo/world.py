"""Klaviyo as a world of the conformance suite: the suite's records in Klaviyo's own form."""

from datetime import UTC, datetime

from crm_adapters.klaviyo.adapter import Klaviyo
from crm_adapters.records import Stream
from tests.crm_adapters.clock import Clock
from tests.crm_adapters.klaviyo.fake import KEY, Fake
from tests.crm_adapters.klaviyo.witness import Witness

CONSENT = {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED", "never": "NEVER_SUBSCRIBED"}


class World:
    streams = (Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS)
    page_records = 10
    by_change = True
    tells_deletions = False
    tells_merges = False

    def __init__(self):
        self.clock = Clock(datetime.now(UTC).timestamp())
        self.fake = Fake(self.clock)
        self.witness = Witness(self.fake)
        self.lines = {}

    def clear(self):
        self.fake.forget()
        self.lines = {}

    def open(self, **more):
        given = {"page_records": self.page_records, "transport": self.witness, "clock": self.clock, **more}
        return Klaviyo(given.pop("token", KEY), given.pop("mapping", None), **given)

    def put(self, stream, records):
        for record in records:
            getattr(self, f"put_{stream}")(record)

    def put_customers(self, record):
        consent = CONSENT.get(record.get("consent_email"), "NEVER_SUBSCRIBED")
        self.fake.profiles[record["id"]] = {
            "email": record["email"],
            "first_name": record.get("first_name"),
            "created": moment("2025-01-01T00:00:00"),
            "updated": moment(record["updated_at"]),
            "location": {"city": None, "country": "Germany"},
            "properties": {},
            "subscriptions": marketing(consent=consent),
        }

    def put_products(self, record):
        self.fake.items[f"$custom:::$default:::{record['id']}"] = {
            "external_id": record["id"],
            "title": record["title"],
            "price": float(record["price"]),
            "custom_metadata": {"currency": record["currency"]},
            "published": True,
            "updated": moment(record["updated_at"]),
        }

    def put_orders(self, record):
        order = record["order_id"]
        self.lines.setdefault(order, {})[record["line_id"]] = {
            "ProductID": record["product_id"],
            "ProductName": record.get("title"),
            "Quantity": int(record["quantity"]),
            "ItemPrice": float(record["unit_price"]),
        }
        told = {"OrderId": order, "$currency_code": record["currency"], "Items": list(self.lines[order].values())}
        guest = {} if record["customer_id"] else {"$email": record["email"]}
        at = moment(record["placed_at"])
        self.fake.events[f"event-{order}"] = {
            "metric": "WxL7Pn",
            "profile": record["customer_id"],
            "attributes": {"datetime": at, "event_properties": {**told, **guest}},
        }

    def pushed(self):
        return {
            name: {field: str(value) for field, value in profile["properties"].items()}
            for name, profile in self.fake.profiles.items()
        }


def marketing(**more):
    told = {"can_receive_email_marketing": True, "consent": "SUBSCRIBED", **more}
    return {"email": {"marketing": told}}


def moment(value):
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
