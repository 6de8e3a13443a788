"""Who was made part of another: what they did counts as the other's, and nobody writes to them any more."""

from datetime import timedelta

import pyarrow as pa
import pytest
from sqlalchemy import insert, select

from campaigns.audience import customers_matching
from campaigns.store import frames, pages
from campaigns.store.behaviour import settle
from campaigns.store.preferences import Preference, not_wanting, save_preference, written_to_lately
from campaigns.store.tables import customers, events, merges, messages, runs
from crm_adapters.base import Page
from crm_adapters.records import CUSTOMERS, ORDERS, Stream
from tests.campaigns.store.site import AGREED, LATER, NOW, read, say, viewed

COMMON = {"line_id": "1", "product_id": "p1", "placed_at": NOW, "status": "paid", "test": False}
AMOUNTS = {"quantity": 1.0, "refunded_quantity": 0.0, "unit_price_minor": 500}


def tell(store, *there, connection="shop", **more):
    """Save a page of customers, each agreeing to be tracked."""
    told = {"consent_email": "subscribed", "objected": False, "attributes": '{"tracking_consent": "yes"}'}
    rows = pa.Table.from_pylist([{"id": one, "email": f"{one}@example.com", **told} for one in there], schema=CUSTOMERS)
    pages.save_page(store, connection, "customers", Page(Stream.CUSTOMERS, rows, **more), NOW)


def buy(store, **buyers):
    """Save a page of orders: order=customer."""
    rows = [{"order_id": order, "customer_id": whom, **COMMON, **AMOUNTS} for order, whom in buyers.items()]
    page = Page(Stream.ORDERS, pa.Table.from_pylist(rows, schema=ORDERS))
    pages.save_page(store, "shop", "orders", page, NOW)


def buyers(store):
    found = frames.purchases(store, LATER)
    return dict(zip(found["order_id"], found["customer_id"], strict=True))


def addressees(store):
    with store.engine.connect() as connection:
        return sorted(connection.execute(select(customers_matching("everyone").subquery().c.customer_id)).scalars())


@pytest.fixture
def shop(store):
    tell(store, "a", "b", "c")
    buy(store, o1="a", o2="b", o3="c")
    return store


def test_orders_from_before_and_after_count_as_the_others_and_nobody_writes_to_who_was_merged(shop):
    tell(shop, merged={"a": "b"})
    buy(shop, o4="a")
    assert buyers(shop) == {"o1": "b", "o2": "b", "o3": "c", "o4": "b"}
    assert addressees(shop) == ["b", "c"]
    assert frames.customers(shop)["customer_id"].tolist() == ["b", "c"]


@pytest.mark.parametrize("told", [[{"a": "b", "b": "c"}], [{"a": "b"}, {"b": "c"}], [{"b": "c"}, {"a": "c"}]])
def test_a_chain_of_merges_ends_at_who_stays_however_it_is_told(shop, told):
    for merged in told:
        tell(shop, merged=merged)
    assert set(buyers(shop).values()) == {"c"}
    assert read(shop, merges.c.merged_id, merges.c.customer_id) == [("a", "c"), ("b", "c")]


def test_told_twice_it_is_once(shop):
    tell(shop, merged={"a": "b"})
    tell(shop, "b", merged={"a": "b"})
    assert read(shop, merges.c.merged_id, merges.c.customer_id) == [("a", "b")]


@pytest.mark.parametrize("told", [{"a": "b", "b": "a"}, {"a": "a"}])
def test_a_circle_says_nothing_of_anybody(shop, told):
    tell(shop, merged=told)
    assert buyers(shop) == {"o1": "a", "o2": "b", "o3": "c"}
    assert addressees(shop) == ["a", "b", "c"]


def test_who_takes_in_another_is_nobodys_part_any_more(shop):
    tell(shop, merged={"a": "b"})
    tell(shop, "a", merged={"b": "a"})
    assert buyers(shop) == {"o1": "a", "o2": "a", "o3": "c"}
    assert addressees(shop) == ["a", "c"]


def test_who_is_shown_again_is_themselves_again(shop):
    tell(shop, merged={"a": "b"})
    tell(shop, "a")
    assert buyers(shop) == {"o1": "a", "o2": "b", "o3": "c"}
    assert addressees(shop) == ["a", "b", "c"]


def test_another_systems_record_of_that_id_parts_nobody(shop):
    tell(shop, merged={"a": "b"})
    tell(shop, "z", connection="other")
    assert buyers(shop)["o1"] == "b"


@pytest.mark.parametrize("told", [{"a": "z"}, {"z": "a"}])
def test_no_system_says_anything_of_anothers_records(shop, told):
    tell(shop, "z", connection="other", merged=told)
    assert buyers(shop)["o1"] == "a"
    assert addressees(shop) == ["a", "b", "c", "z"]


def test_what_they_do_on_the_pages_is_the_others_also_under_the_old_id(shop):
    say(shop, viewed(1, user="a"))
    tell(shop, merged={"a": "b"})
    settle(shop, AGREED)
    say(shop, viewed(2, user="a"))
    assert read(shop, events.c.customer_id) == [("a",), ("b",)]
    assert frames.behaviour(shop, LATER)["customer_id"].tolist() == ["b", "b"]


def test_when_the_other_is_erased_all_of_it_goes(shop):
    say(shop, viewed(1, user="a"), viewed(2, user="b"), viewed(3, user="c"))
    tell(shop, merged={"a": "b"})
    tell(shop, gone=["b"])
    settle(shop, AGREED)
    assert read(shop, events.c.customer_id) == [("c",)]
    assert buyers(shop) == {"o3": "c"}
    say(shop, viewed(4, user="a"))
    assert read(shop, events.c.customer_id) == [("c",)]


def test_a_campaign_that_they_did_not_want_is_not_sent_to_the_other(shop):
    save_preference(shop, "a", Preference(frozenset({"digest"})), NOW)
    tell(shop, merged={"a": "b"})
    assert not_wanting(shop, "digest") == {"b"}


@pytest.mark.parametrize("sent_to", ["a", "b"])
@pytest.mark.parametrize("chooser", ["a", "b"])
def test_who_wants_few_messages_gets_few_under_all_their_records(shop, chooser, sent_to):
    save_preference(shop, chooser, Preference(every_days=30), NOW)
    header = {"id": "r", "campaign": "digest", "scheduled_at": NOW, "as_of": NOW, "state": "finished"}
    sent = {"run_id": "r", "customer_id": sent_to, "state": "sent", "changed_at": NOW}
    with shop.writing() as write:
        write.execute(insert(runs).values(**header))
        write.execute(insert(messages).values(**sent))
    tell(shop, merged={"a": "b"})
    assert written_to_lately(shop, LATER) == {"b"}
    assert written_to_lately(shop, NOW + timedelta(days=31)) == set()


def test_the_old_record_itself_stays_for_reports_that_name_it(shop):
    tell(shop, merged={"a": "b"})
    assert ("a", NOW) in read(shop, customers.c.id, customers.c.erased_at)
