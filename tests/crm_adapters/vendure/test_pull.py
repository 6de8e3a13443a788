"""Pulling from a real Vendure shop: all of it, once, wherever it is broken off and whatever changes meanwhile."""

import json
import random
from collections import Counter
from datetime import timedelta
from itertools import islice

import httpx
import pytest

from crm_adapters.records import Stream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


PAGE = {Stream.CUSTOMERS: 100, Stream.ORDERS: 5}
PLACED = {"orderPlacedAt": {"isNull": False}}


def key_of(stream):
    return "order_id" if stream is Stream.ORDERS else "id"


def ids_of(pages, stream=Stream.CUSTOMERS):
    """The ids of pages; one of an order only once a page."""
    return [one for page in pages for one in dict.fromkeys(page.rows[key_of(stream)].to_pylist())]


def once(found, wanted):
    counts = Counter(found)
    assert len(found) == len(counts) == len(wanted)
    assert set(counts) == set(wanted)


@pytest.mark.parametrize("size", [10, 25, 100])
def test_a_thousand_customers_come_once_each(big, adapter_of, size):
    wanted = big.shop.found("customers", "id")
    assert len(wanted) >= 1_000
    once(ids_of(adapter_of(big, page_records=size).pull(Stream.CUSTOMERS, None)), wanted)


@pytest.mark.parametrize("stream", [Stream.CUSTOMERS, Stream.ORDERS])
def test_a_pull_that_dies_after_every_page_goes_on_from_the_cursor(big, adapter_of, stream):
    found, cursor = [], None
    while pages := list(islice(adapter_of(big, page_records=PAGE[stream]).pull(stream, cursor), 1)):
        found += ids_of(pages, stream)
        cursor = pages[-1].cursor
    once(found, big.shop.found(stream, "id", **(PLACED if stream is Stream.ORDERS else {})))


@pytest.mark.parametrize("seed", range(2))
def test_a_pull_that_dies_anywhere_with_a_page_not_saved_goes_on_from_the_one_before(big, adapter_of, seed):
    drawn, found, cursor = random.Random(seed), [], None
    while pages := list(islice(adapter_of(big).pull(Stream.CUSTOMERS, cursor), drawn.randint(1, 5))):
        saved = pages[: drawn.randint(0, len(pages))]
        found += ids_of(saved)
        cursor = saved[-1].cursor if saved else cursor
    once(found, big.shop.found("customers", "id"))


@pytest.mark.parametrize("stream", [Stream.CUSTOMERS, Stream.ORDERS])
def test_a_second_pull_brings_nothing_and_a_changed_record_comes_alone(big, adapter_of, stream, monkeypatch):
    monkeypatch.setattr("crm_adapters.marks.LATE", timedelta(seconds=1))  # as if the shop had been filled long ago
    *_, last = adapter_of(big).pull(stream, None)
    assert list(adapter_of(big).pull(stream, last.cursor)) == []
    changed = change(big, stream)
    pages = list(adapter_of(big).pull(stream, last.cursor))
    assert ids_of(pages, stream) == [changed]
    assert list(adapter_of(big).pull(stream, pages[-1].cursor)) == []


def change(big, stream):
    if stream is Stream.ORDERS:
        big.shop.cancel(big.orders[0])
        return big.orders[0]
    some = random.Random(5).choice(list(big.shop.found("customers", "id")))
    big.shop.update_customer(some, firstName="Bea")
    return some


class Changing(httpx.BaseTransport):
    """Changes a customer whom the last call has brought, before the next call goes on in the midst of equal times."""

    def __init__(self, time, change):
        self.time, self.change, self.changed, self.came = time, change, [], []
        self.inner = httpx.HTTPTransport()

    def close(self):
        self.inner.close()

    def handle_request(self, request):
        asked = json.loads(request.content)["variables"].get("options")
        if asked and asked["skip"] and len(self.changed) < 10 and self.came[-1]["updatedAt"] == self.time:
            self.changed.append(self.came[-1]["id"])
            self.change(self.changed[-1])
        answer = self.inner.handle_request(request)
        answer.read()
        self.came = (answer.json()["data"].get("customers") or {}).get("items")
        return answer


def test_whoever_changes_while_being_paged_and_whoever_stands_beside_them_comes(big, adapter_of):
    wanted = big.shop.found("customers", "id updatedAt")
    largest, count = Counter(one["updatedAt"] for one in wanted.values()).most_common(1)[0]
    assert count > 10
    transport = Changing(largest, lambda one: big.shop.update_customer(one, lastName="Nu"))
    adapter = adapter_of(big, page_records=3, transport=transport)
    rows = [row for page in adapter.pull(Stream.CUSTOMERS, None) for row in page.rows.to_pylist()]
    assert transport.changed
    assert {row["id"] for row in rows} == set(wanted)
    assert {row["id"] for row in rows if row["last_name"] == "Nu"} == set(transport.changed)


def test_an_order_comes_whole_with_its_money_its_customer_and_what_was_given_back(big, adapter_of):
    customer = next(iter(big.shop.found("customers", "id")))
    (_, (small, _)), (_, (_, large)) = big.catalogue[0], big.catalogue[1]
    order = big.shop.place([(small, 3), (large, 1)], customer)
    big.shop.refund(order, 2)
    lines = lines_of(adapter_of(big), order)
    assert [(line["quantity"], line["unit_price_minor"], line["refunded_quantity"]) for line in lines] == [
        (3, 120, 2),  # 1.00 and 2.01, and 20 % tax
        (1, 241, 0),
    ]
    assert {(line["customer_id"], line["currency"], line["status"]) for line in lines} == {(customer, "USD", "paid")}
    assert [line["product_id"] for line in lines] == [big.catalogue[0][0], big.catalogue[1][0]]
    big.shop.cancel(order)
    after = lines_of(adapter_of(big), order)
    assert [(line["status"], line["quantity"], line["unit_price_minor"]) for line in after] == [
        ("cancelled", 3, 120),
        ("cancelled", 1, 241),
    ]


def lines_of(adapter, order):
    rows = [row for page in adapter.pull(Stream.ORDERS, None) for row in page.rows.to_pylist()]
    return sorted((row for row in rows if row["order_id"] == order), key=lambda row: int(row["line_id"]))


def test_a_guest_order_comes_with_the_address_it_was_placed_with(big, adapter_of):
    (line,) = lines_of(adapter_of(big), big.guest)
    assert line["email"].lower() == "guest@example.com"
    assert (line["quantity"], line["unit_price_minor"]) == (3, 120)
    assert line["customer_id"] in big.shop.found("customers", "id")


def products_of(adapter):
    return {row["id"]: row for page in adapter.pull(Stream.PRODUCTS, None) for row in page.rows.to_pylist()}


def test_products_come_with_brand_shelf_price_and_whether_they_are_in_stock(big, adapter_of):
    found = products_of(adapter_of(big, page_records=10))
    assert set(found) == {identity for identity, _ in big.catalogue}
    told = [found[big.catalogue[n][0]] for n in (2, 3, 4)]
    assert [one["title"] for one in told] == ["Product 2", "Product 3", "Product 4"]
    assert [one["brand"] for one in told] == ["Mill & Co", "Brüder Öl", "Mill & Co"]
    assert [one["category_path"] for one in told] == ["Grocery > Tea & more", "Grocery", "Grocery > Tea & more"]
    assert [(one["price_minor"], one["currency"]) for one in told] == [(122, "USD"), (124, "USD"), (125, "USD")]
    assert [one["available"] for one in told] == [True, True, False]
    assert {(one["published"], one["sku"]) for one in told[:1]} == {(True, "SKU-2-small")}


def test_a_new_price_and_a_sold_out_product_are_in_the_next_pull(big, adapter_of):
    product, (small, large) = big.catalogue[6]
    pages = list(adapter_of(big).pull(Stream.PRODUCTS, None))
    big.shop.update_variants({"id": small, "price": 1_000, "stockOnHand": 0}, {"id": large, "stockOnHand": 0})
    found = {
        row["id"]: row
        for page in adapter_of(big).pull(Stream.PRODUCTS, pages[-1].cursor)
        for row in page.rows.to_pylist()
    }
    assert (found[product]["price_minor"], found[product]["available"]) == (1_200, False)


def test_a_customer_comes_with_the_address_for_bills(big, adapter_of):
    page = next(adapter_of(big).pull(Stream.CUSTOMERS, None))
    row = page.rows.to_pylist()[0]
    place = (row["street"], row["city"], row["region"], row["postcode"], row["country"])
    assert place == (f"{row['id']} High Street", "York", "Yorkshire", "YO1", "GB")
    assert (row["last_name"], row["consent_email"]) == ("Ōé", "unknown")
