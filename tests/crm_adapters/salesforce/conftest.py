"""A Salesforce org of the tests, and the world that the checks fill; its ids are told by the checks' own names."""

import itertools
from datetime import UTC, datetime

import pytest

from crm_adapters.records import Stream
from crm_adapters.salesforce import adapter as salesforce
from crm_adapters.salesforce.adapter import Salesforce, login
from tests.crm_adapters.clock import Clock
from tests.crm_adapters.renamed import Renamed
from tests.crm_adapters.salesforce.fake import CLIENT, FIRST, LOGIN, SECRET, Org
from tests.crm_adapters.salesforce.parts import identity

FIELDS = {"segment": "Segment__c", "pick": "Pick__c", "picks": "Picks__c"}
TABLES = {Stream.CUSTOMERS: "Contact", Stream.PRODUCTS: "Product2", Stream.ORDERS: "Order", "line": "OrderItem"}


class World:
    """An org, filled in Salesforce's own form."""

    streams = (Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS)
    page_records = 7
    by_change = True
    tells_deletions = True
    tells_merges = True

    def __init__(self, folder):
        self.org, self.mapping, self.tokens = Org(), folder / "salesforce.toml", folder / "tokens.json"
        own = salesforce.MAPPING.read_text().replace('"EffectiveDate"', '"Placed__c"')
        self.mapping.write_text(own.replace('"BillToContact.Email"', '"Guest_Email__c"'))
        self.numbers, self.names, self._next = {}, {}, itertools.count(501)

    def clear(self):
        self.org.clear()
        self.tokens.unlink(missing_ok=True)
        self.org.batch, self.org.nested = 5, 2

    def number(self, kind, name):
        if (kind, name) not in self.numbers:
            number = self.numbers[kind, name] = next(self._next)
            self.names[identity(TABLES[kind], number)] = name[1] if isinstance(name, tuple) else name
        return self.numbers[kind, name]

    def id(self, kind, name):
        return identity(TABLES[kind], self.number(kind, name))

    def put(self, stream, records):
        for record in records:
            {Stream.CUSTOMERS: self._contact, Stream.PRODUCTS: self._product, Stream.ORDERS: self._line}[stream](record)

    def _contact(self, record):
        own = {"Email": record["email"], "FirstName": record["first_name"]}
        own |= {"HasOptedOutOfEmail": record["consent_email"] == "unsubscribed"}
        self.org.put("Contact", self.number(Stream.CUSTOMERS, record["id"]), own, record["updated_at"])

    def _product(self, record):
        number, code = self.number(Stream.PRODUCTS, record["id"]), {"CurrencyIsoCode": record["currency"]}
        own = {"Name": record["title"], "IsActive": True}
        one = self.org.put("Product2", number, own | code, record["updated_at"])
        price = {"Product2Id": one, "UnitPrice": float(record["price"]), "IsActive": True}
        book = {"Pricebook2Id": identity("Pricebook2", 1)}
        self.org.put("PricebookEntry", number, price | book | code, record["updated_at"])

    def _line(self, record):
        own = {"CurrencyIsoCode": record["currency"], "Placed__c": record["placed_at"], "StatusCode": "Activated"}
        own["Guest_Email__c"] = record["email"]
        if record["customer_id"]:
            own["BillToContactId"] = self.id(Stream.CUSTOMERS, record["customer_id"])
        order = self.org.put("Order", self.number(Stream.ORDERS, record["order_id"]), own, record["updated_at"])
        line = {"OrderId": order, "Quantity": float(record["quantity"]), "UnitPrice": float(record["unit_price"])}
        line["Product2Id"] = self.id(Stream.PRODUCTS, record["product_id"])
        number = self.number("line", (record["order_id"], record["line_id"]))
        self.org.put("OrderItem", number, line, record["updated_at"])

    def delete(self, stream, ids):
        for name in ids:
            self.org.delete("Contact", self.id(stream, name), datetime.now(UTC))

    def merge(self, one, other):
        one, other = (self.id(Stream.CUSTOMERS, name) for name in (one, other))
        self.org.delete("Contact", one, datetime.now(UTC), master=other)

    def open(self):
        inner = Salesforce(
            login(LOGIN, CLIENT, SECRET, FIRST),
            self.tokens,
            self.mapping,
            page_records=self.page_records,
            transport=self.org.transport(),
            clock=Clock(),
        )
        return Renamed(inner, self.names, lambda name: self.id(Stream.CUSTOMERS, name), FIELDS)

    def pushed(self):
        return {
            self.names[one]: {ours: str(held[theirs]) for ours, theirs in FIELDS.items() if held[theirs] is not None}
            for one, held in self.org.objects["Contact"].items()
        }


@pytest.fixture
def salesforce_world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def org():
    return Org()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def opened(org, clock, tokens):
    """Opens an adapter on the org, as after a restart: `opened(page_records=2)`."""

    def open_one(mapping=None, refresh=FIRST, secret=SECRET, **more):
        entry = login(LOGIN, CLIENT, secret, refresh)
        return Salesforce(entry, tokens, mapping, transport=org.transport(), clock=clock, **more)

    return open_one


@pytest.fixture
def mapped(tmp_path):
    """Writes a mapping: the shipped one with some words in place of others."""

    def write(*pairs):
        text = salesforce.MAPPING.read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "own.toml"
        path.write_text(text)
        return path

    return write
