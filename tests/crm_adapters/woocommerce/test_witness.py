"""WooCommerce's own reference is the witness of what is asked, sent and read, and of what the fake answers."""

import tomllib
from datetime import UTC, datetime

import httpx
import pytest

from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.woocommerce import adapter as woocommerce
from crm_adapters.woocommerce import rows as woocommerce_rows
from tests.crm_adapters.woocommerce import docs
from tests.crm_adapters.woocommerce.fake import Shop, answered, line_item
from tests.crm_adapters.woocommerce.witness import Broken, Witness

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
URL = "https://shop.example.com/wp-json/wc/v3/"
WORKED_OUT = {
    "products": {"image.src", "category", "shop.currency", "available", "published", "recommendable"},
    "orders": {"line.unit_price", "line.refunded"},
    "offers": {"kind", "announced"},
}
"""Columns that are no attributes of WooCommerce's, but made of them."""
CODE = {
    "customers": ("Customer",),
    "orders": ("Order",),
    "products": ("Product",),
}


class Watched(dict):
    """A record that remembers which of its attributes were asked for, and where."""

    def __init__(self, told, asked, place=()):
        super().__init__({name: self._inner(name, value, asked, place) for name, value in told.items()})
        self.asked, self.place = asked, place

    def _inner(self, name, value, asked, place):
        if isinstance(value, dict):
            return Watched(value, asked, (*place, name))
        if isinstance(value, list):
            return [self._inner(name, each, asked, place) for each in value]
        return value

    def get(self, name, default=None):
        self.asked.add((*self.place, name))
        return super().get(name, default)

    def __getitem__(self, name):
        self.asked.add((*self.place, name))
        return super().__getitem__(name)


PARTS = {
    "line_items": "Line items",
    "categories": "Categories",
    "images": "Images",
    "meta_data": "Meta data",
    "billing": "Billing",
    "shipping": "Shipping",
}


def table(name, place):
    """The attributes that the reference knows of a record, or of a part of it."""
    (kind,) = CODE[name]
    return docs.attributes(name, kind, *([PARTS[place[-1]]] if place else []))


@pytest.mark.parametrize("name", ["customers", "orders", "products"])
def test_every_attribute_that_the_code_asks_for_is_in_the_reference(name):
    read = {
        "customers": lambda raw: woocommerce_rows.customer(raw, ["meta.tier"]),
        "orders": lambda raw: woocommerce_rows.order(raw, [], ["meta.tier"]),
        "products": lambda raw: (
            woocommerce_rows.product(raw, [], {}, ["meta.tier"]),
            woocommerce_rows.offers({**raw}, [], []),
            woocommerce_rows.deepest(raw, {}),
        ),
    }[name]
    asked = set()
    for listed in [each for each in docs.examples(name) if isinstance(each, list)]:
        for told in listed:
            if "date_created" not in told:
                continue  # another list on the same page: the downloads of a customer
            raw = Watched({**told, "meta_data": [{"id": 1, "key": "tier", "value": "gold"}]}, asked)
            woocommerce_rows.moment_of(raw)
            read(raw)
    assert ("meta_data",) in asked
    for *place, attribute in asked:
        assert attribute in table(name, place), f"{name} has no {attribute} in {place or 'itself'}"


@pytest.mark.parametrize("section", ["customers", "orders", "products", "offers"])
def test_every_column_that_the_mapping_names_is_in_the_reference_or_made_of_it(section):
    mapping = tomllib.loads(woocommerce.MAPPING.read_text(encoding="utf-8"))[section]
    name = "products" if section == "offers" else section
    for ours, told in mapping.items():
        column = told["from"] if isinstance(told, dict) else told
        if column in WORKED_OUT.get(section, ()):
            continue
        *place, attribute = column.replace("line.", "line_items.").split(".")
        assert attribute in table(name, place), f"{ours} is read from {column!r}, which WooCommerce does not have"


def test_every_state_of_the_reference_is_mapped():
    values = tomllib.loads(woocommerce.MAPPING.read_text(encoding="utf-8"))["orders"]["status"]["values"]
    words = docs.attributes("orders", "Order")["status"].partition("Default")[0]
    named = {word.strip("`.,") for word in words.split() if word.startswith("`")}
    assert len(named) == 8
    assert named <= set(values)


def test_all_that_is_asked_sent_and_answered_is_in_the_reference(opened, shop):
    for number in range(1, 5):
        shop.put("customers", number, THEN, meta={"pick": "Tea"})
        shop.put("orders", number, THEN, line_items=[line_item(number)])
        shop.put("products", number, THEN)
    shop.vary(1, 11)
    shop.refund(1, 21, {1: 1})
    adapter = opened(page_records=3)
    for stream in adapter.streams():
        pages = list(adapter.pull(stream, None))
        list(adapter.pull(stream, pages[-1].cursor if pages else None))
    list(adapter.push([FieldUpdate("1", {"pick": None, "picks": 3}), FieldUpdate("99", {"pick": "Tea"})]))
    adapter.ensure_fields([RemoteField("pick", "text")], dry_run=False)
    adapter.check()
    list(adapter.erase(["1"]))
    assert {path for _, path in shop.calls()} == {
        "customers",
        "orders",
        "products",
        "orders/1/refunds",
        "products/1/variations",
        "products/categories",
        "data/currencies/current",
        "customers/batch",
        "customers/1",
    }


def asked(method, path, body=None, answer=None):
    transport = Witness(answer or Shop().handled)
    return httpx.Client(transport=transport).request(method, URL + path, json=body)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "customers?modified_after=2026-01-05T10:00:00", None),
        ("GET", "customers?orderby=modified_date", None),
        ("GET", "orders?orderby=total", None),
        ("GET", "products?updated_after=2026-01-05", None),
        ("POST", "customers/batch", {"update": []}),
        ("POST", "customers/batch", {"updates": [{"id": 1, "meta_data": []}]}),
        ("POST", "customers/batch", {"update": [{"id": 1, "meta_data": [], "rank": "administrator"}]}),
        ("POST", "customers/batch", {"update": [{"id": 1, "meta_data": [], "role": "administrator"}]}),
        ("POST", "customers/batch", {"update": [{"id": 1, "meta_data": [{"name": "pick", "value": "Tea"}]}]}),
        ("POST", "customers/batch", {"update": [{"id": 1, "meta_data": []}] * 101}),
    ],
)
def test_the_witness_refuses_what_is_not_in_the_reference(method, path, body):
    with pytest.raises(Broken):
        asked(method, path, body)


@pytest.mark.parametrize("spoil", [{"nick_name": "Jo"}, {"email": None}, {"billing": {"city": "Rio"}}])
def test_the_witness_refuses_an_answer_that_has_other_keys(spoil):
    told = {**docs.example("customers"), **spoil}
    told = {name: value for name, value in told.items() if value is not None}
    with pytest.raises(Broken):
        asked("GET", "customers", answer=lambda _: answered([told]))
