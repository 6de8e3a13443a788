"""A shop of the tests, and the world that the checks fill; its numbers are told by the checks' own names."""

import itertools

import pytest

from crm_adapters.records import Stream
from crm_adapters.woocommerce import adapter as woocommerce
from crm_adapters.woocommerce.adapter import WooCommerce
from tests.crm_adapters.clock import Clock
from tests.crm_adapters.renamed import Renamed
from tests.crm_adapters.woocommerce.fake import KEY, SECRET, Shop, line_item, moment
from tests.crm_adapters.woocommerce.witness import Witness

URL = "https://shop.example.com"


class World:
    """A shop, filled in WooCommerce's own form."""

    streams = (Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS, Stream.OFFERS)
    page_records = 7
    by_change = True
    tells_deletions = True
    tells_merges = False

    def __init__(self, mapping):
        self.shop, self.mapping = Shop(), mapping
        self.witness = Witness(self.shop.handled)
        self.numbers, self.names, self._next = {}, {}, itertools.count(501)

    def number(self, stream, name):
        """The shop's own number of a record."""
        if (stream, name) not in self.numbers:
            number = self.numbers[stream, name] = next(self._next)
            self.names[str(number)] = name[1] if isinstance(name, tuple) else name
        return self.numbers[stream, name]

    def clear(self):
        self.shop.clear()

    def put(self, stream, records):
        for record in records:
            getattr(self, f"put_{stream}")(record)

    def put_customers(self, record):
        own = {"email": record["email"], "first_name": record["first_name"]}
        self.shop.put("customers", self.number(Stream.CUSTOMERS, record["id"]), record["updated_at"], **own)

    def put_products(self, record):
        own = {"name": record["title"], "price": record["price"], "meta": {"currency": record["currency"]}}
        self.shop.put("products", self.number(Stream.PRODUCTS, record["id"]), record["updated_at"], **own)

    def put_offers(self, record):
        sale = {"date_on_sale_from_gmt": record["starts_at"], "date_on_sale_to_gmt": record["ends_at"]}
        number = self.number(Stream.PRODUCTS, record["product_id"])
        self.shop.put("products", number, record["announced_at"], sale_price="1.00", **sale)

    def put_orders(self, record):
        number = self.number(Stream.ORDERS, record["order_id"])
        line = self.number("line", (record["order_id"], record["line_id"]))
        total = {"quantity": int(record["quantity"]), "total": record["unit_price"]}
        item = line_item(line, self.number(Stream.PRODUCTS, record["product_id"]), **total)
        lines = {each["id"]: each for each in self.shop.held["orders"].get(number, {}).get("line_items", ())}
        customer = self.number(Stream.CUSTOMERS, record["customer_id"]) if record["customer_id"] else 0
        own = {"customer_id": customer, "billing": {"email": record["email"]}, "currency": record["currency"]}
        own["line_items"] = list((lines | {line: item}).values())
        self.shop.put("orders", number, record["updated_at"], moment(record["placed_at"]), **own)

    def delete(self, stream, ids):
        for name in ids:
            del self.shop.held[str(stream)][self.number(stream, name)]

    def open(self):
        inner = WooCommerce(
            URL, KEY, SECRET, self.mapping, page_records=self.page_records, transport=self.witness, clock=Clock()
        )
        return Renamed(inner, self.names, lambda name: self.number(Stream.CUSTOMERS, name))

    def pushed(self):
        names = ("segment", "pick", "picks", "reco_1_sku")
        return {
            self.names[str(number)]: {meta["key"]: meta["value"] for meta in own["meta_data"] if meta["key"] in names}
            for number, own in self.shop.held["customers"].items()
        }


@pytest.fixture
def woocommerce_world(tmp_path):
    mapping = tmp_path / "woocommerce.toml"
    mapping.write_text(woocommerce.MAPPING.read_text().replace('"shop.currency"', '"meta.currency"'))
    return World(mapping)


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(shop, clock):
    """Opens an adapter on the shop, as after a restart: `opened(page_records=2)`."""

    def open_one(secret=SECRET, mapping=None, url=URL, transport=None, **more):
        transport = transport or Witness(shop.handled)
        return WooCommerce(url, KEY, secret, mapping, transport=transport, clock=clock, **more)

    return open_one
