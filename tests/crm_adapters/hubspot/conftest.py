"""A HubSpot account of the tests, and the world that the checks fill; its numbers are told by the checks' own names."""

import itertools
from datetime import UTC, datetime

import pytest

from crm_adapters.hubspot import adapter as hubspot
from crm_adapters.hubspot.adapter import HubSpot
from crm_adapters.records import Stream
from tests.crm_adapters.clock import Clock
from tests.crm_adapters.hubspot.fake import TOKEN, Account
from tests.crm_adapters.renamed import Renamed


class World:
    """An account, filled in HubSpot's own form."""

    streams = (Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS)
    page_records = 7
    by_change = True
    tells_deletions = True
    tells_merges = True

    def __init__(self, mapping):
        self.account, self.mapping = Account(), mapping
        self.numbers, self.names, self._next = {}, {}, itertools.count(501)

    def number(self, stream, name):
        """HubSpot's own number of a record."""
        if (stream, name) not in self.numbers:
            number = self.numbers[stream, name] = next(self._next)
            self.names[str(number)] = name[1] if isinstance(name, tuple) else name
        return self.numbers[stream, name]

    def clear(self):
        self.account.clear()

    def put(self, stream, records):
        for record in records:
            {Stream.CUSTOMERS: self._contact, Stream.PRODUCTS: self._product, Stream.ORDERS: self._line}[stream](record)

    def _contact(self, record):
        own = {"email": record["email"], "firstname": record["first_name"]}
        own |= {"hs_email_optout": str(record["consent_email"] == "unsubscribed").lower(), "lastname": ""}
        self.account.put("contacts", self.number(Stream.CUSTOMERS, record["id"]), own, record["updated_at"])

    def _product(self, record):
        own = {"name": record["title"], "price": record["price"], "shop_currency": record["currency"]}
        self.account.put("products", self.number(Stream.PRODUCTS, record["id"]), own, record["updated_at"])

    def _line(self, record):
        order = self.number(Stream.ORDERS, record["order_id"])
        own = {"hs_currency_code": record["currency"], "hs_createdate": record["placed_at"]}
        own |= {"hs_billing_address_email": record["email"]}
        self.account.put("orders", order, own, record["updated_at"])
        line = self.number("line", (record["order_id"], record["line_id"]))
        product = str(self.number(Stream.PRODUCTS, record["product_id"]))
        amount = {"quantity": record["quantity"], "price": "99", "amount": record["unit_price"]}
        self.account.put("line_items", line, {"hs_product_id": product, **amount}, record["updated_at"])
        self.account.link("orders", "line_items", order, line)
        if record["customer_id"]:
            self.account.link("orders", "contacts", order, self.number(Stream.CUSTOMERS, record["customer_id"]))

    def delete(self, stream, ids):
        for name in ids:
            self.account.archive("contacts", self.number(stream, name), datetime.now(UTC))

    def merge(self, one, other):
        held, (one, other) = (
            self.account.objects["contacts"],
            (self.number(Stream.CUSTOMERS, name) for name in (one, other)),
        )
        del held[one]
        own = held[other]["properties"] | {"hs_merged_object_ids": str(one)}
        self.account.put("contacts", other, own, datetime.now(UTC))

    def open(self):
        inner = HubSpot(
            TOKEN, self.mapping, page_records=self.page_records, transport=self.account.transport(), clock=Clock()
        )
        return Renamed(inner, self.names, lambda name: self.number(Stream.CUSTOMERS, name))

    def pushed(self):
        names = ("segment", "pick", "picks")
        return {
            self.names[str(number)]: {name: held["properties"][name] for name in names if held["properties"].get(name)}
            for number, held in self.account.objects["contacts"].items()
        }


@pytest.fixture
def hubspot_world(tmp_path):
    mapping = tmp_path / "hubspot.toml"
    mapping.write_text(hubspot.MAPPING.read_text().replace('"account.currency"', '"shop_currency"'))
    return World(mapping)


@pytest.fixture
def account():
    return Account()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(account, clock):
    """Opens an adapter on the account, as after a restart: `opened(page_records=2)`."""

    def open_one(token=TOKEN, mapping=None, **more):
        return HubSpot(token, mapping, transport=account.transport(), clock=clock, **more)

    return open_one
