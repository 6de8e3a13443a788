"""Behaviour events on each database: each once, with its customer when known, and nothing of whom nothing may be."""

import contextlib
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from campaigns.store import frames
from campaigns.store.behaviour import keep, settle
from campaigns.store.site_orders import SYSTEM
from campaigns.store.tables import customers, events, identities, orders
from crm_adapters.events.event import Heard, Item
from crm_adapters.events.form import read as read_event
from crm_adapters.events.values import BadEvent
from tests.campaigns.store.site import AGREED, LATER, NOW, bought, fill, identify, person, read, say, viewed, whose


@pytest.fixture
def shop(store):
    return fill(store)


def test_an_event_of_a_customer_is_kept_with_them(shop):
    done = say(shop, viewed(1, user="c1"))
    assert (done.new, done.repeated) == ({"viewed": 1}, 0)
    c = events.c
    assert read(shop, c.customer_id, c.kind, c.at, c.received_at, c.product_id, c.person, c.system) == [
        ("c1", "viewed", NOW, NOW, "p1", "user:c1", SYSTEM)
    ]


def test_told_twice_is_once_in_one_batch_and_in_two(shop):
    once = viewed(1, user="c1")
    assert say(shop, once, once).repeated == 1
    again = say(shop, replace(once, properties={"name": "another word"}), viewed(2, user="c1"))
    assert (again.new, again.repeated) == ({"viewed": 1}, 1)
    assert len(read(shop, events.c.id)) == 2


def test_told_by_many_at_once_is_once_and_nobody_waits_in_a_circle(shop):
    batch = [viewed(n, user=f"c{n % 3}", anonymous=f"a{n}") for n in range(30)]
    done, start = [], threading.Barrier(4)

    def tell(turn):
        start.wait()
        done.append(say(shop, *(batch if turn % 2 else reversed(batch))))

    threads = [threading.Thread(target=tell, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.new.total() for each in done) == 30
    assert sum(each.repeated for each in done) == 90
    assert len(read(shop, events.c.id)) == 30


@pytest.mark.parametrize("tracking", [None, "maybe"])
def test_nothing_is_kept_of_who_did_not_agree_to_be_tracked(shop, tracking):
    say(shop, viewed(1, anonymous="a1"))
    with shop.writing() as write:
        write.execute(update(customers).values(attributes={"tracking_consent": tracking}))
    done = say(shop, viewed(2, user="c1"), identify("c1", "a1"))
    assert done.not_kept == {"customer did not agree to be tracked": 1}
    assert read(shop, events.c.id) == []


def test_where_the_pages_ask_themselves_the_attribute_is_not_needed(shop):
    with shop.writing() as write:
        write.execute(update(customers).values(attributes=None))
    assert say(shop, viewed(1, user="c1"), agreed=None).new == {"viewed": 1}


@pytest.mark.parametrize("agreed", [AGREED, None])
def test_nothing_is_kept_of_who_objects_under_this_record_or_another_with_the_same_address(shop, agreed):
    with shop.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c2").values(objected=True))
        write.execute(insert(customers).values(**person("c3", "bea@example.com")))
    done = say(shop, viewed(1, user="c2"), viewed(2, user="c3"), agreed=agreed)
    assert done.not_kept == {"customer objects to profiling": 2}
    assert read(shop, events.c.id) == []


def test_an_erased_customer_leaves_neither_events_nor_links_and_none_are_kept_afterwards(shop):
    say(shop, identify("c1", "a1", "ada@example.com"), viewed(1, user="c1"), viewed(2, anonymous="a1"))
    say(shop, identify("login", "a3", "ada@example.com"), viewed(3, anonymous="a3"), viewed(4, user="c2"))
    with shop.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c1").values(erased_at=NOW))
    settle(shop, AGREED)
    assert whose(shop) == ["c2"]
    assert read(shop, identities.c.person) == [("user:c2",)]
    done = say(shop, identify("c1", "a1", "ada@example.com"), viewed(5, user="c1"), viewed(6, anonymous="a1"))
    assert done.not_kept == {"customer was erased": 2}
    say(shop, bought("o1", user="c1"))
    assert (whose(shop), read(shop, orders.c.id)) == (["c2"], [])
    assert read(shop, identities.c.person) == [("user:c2",)]


def test_an_erased_customer_takes_along_what_waited_under_a_browser(shop):
    say(shop, viewed(1, anonymous="a1"))
    with shop.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c1").values(erased_at=NOW))
    say(shop, identify("c1", "a1"))
    assert read(shop, events.c.id) == []


def test_events_of_messages_outlive_an_erasure_as_before(shop):
    with shop.writing() as write:
        sent = {"id": "e", "system": "smtp", "customer_id": "c1", "kind": "delivered", "at": NOW}
        write.execute(insert(events).values(**sent))
        write.execute(update(customers).where(customers.c.id == "c1").values(erased_at=NOW))
    settle(shop, AGREED)
    assert whose(shop) == ["c1"]


def test_a_product_is_found_by_id_or_sku_and_one_that_is_not_there_yet_is_kept_as_told(shop):
    told = [
        Item("p1", None),
        Item(None, "s1"),
        Item("s1", None),
        Item("other", "s1"),
        Item("p9", "s9"),
        Item(None, "s9"),
    ]
    for number, item in enumerate(told):
        say(shop, replace(viewed(number, user="c1", minutes=9 - number), items=(item,)))
    with shop.engine.connect() as connection:
        found = connection.execute(select(events.c.product_id).order_by(events.c.at)).scalars().all()
    assert found == ["p1", "p1", "p1", "p1", "p9", "s9"]


def test_a_list_of_products_is_kept_with_the_event(shop):
    listed = replace(viewed(1, user="c1"), kind="listed", items=(Item(None, "s1"), Item("p2", None)))
    say(shop, listed)
    ((product, kept),) = read(shop, events.c.product_id, events.c.properties)
    assert (product, kept) == (None, {"products": ["p1", "p2"]})


def bought_lines(store):
    frame = frames.purchases(store, LATER)
    return frame[["customer_id", "order_id", "product_id", "quantity", "price_minor"]].to_numpy(object).tolist()


def test_a_completed_order_is_an_order_while_nothing_else_tells_of_orders(shop):
    say(shop, bought("o1", user="c1"))
    say(shop, bought("o1", user="c1"))
    assert bought_lines(shop) == [["c1", f"{SYSTEM}:o1", "p1", 2, 1999]]


def test_an_order_of_a_browser_gets_its_customer_when_that_one_is_known(shop):
    say(shop, bought("o1", anonymous="a1"))
    assert bought_lines(shop) == []
    say(shop, identify("c1", "a1"))
    assert [line[0] for line in bought_lines(shop)] == ["c1"]


@pytest.mark.parametrize("number", ["o1", "another name of the same order"])
def test_as_soon_as_a_connection_brings_orders_only_these_count(shop, number):
    say(shop, bought("o1", user="c1"))
    theirs = {"id": number, "system": "shop", "customer_id": "c1", "placed_at": NOW, "status": "paid", "test": False}
    with shop.writing() as write:
        write.execute(insert(orders).values(**theirs, lines={"line_id": ["1"], "product_id": ["p1"], "quantity": [2]}))
    say(shop, bought("o2", user="c1"))
    assert [line[1] for line in bought_lines(shop)] == [number]


def test_an_order_is_kept_of_who_did_not_agree_to_be_tracked_but_nothing_else(shop):
    with shop.writing() as write:
        write.execute(update(customers).values(attributes={}))
    say(shop, bought("o1", anonymous="a1"), viewed(1, anonymous="a1"))
    say(shop, identify("c1", "a1"), bought("o2", user="c1"))
    assert read(shop, events.c.kind) == [("ordered",), ("ordered",)]
    assert [line[0] for line in bought_lines(shop)] == ["c1", "c1"]


def test_nothing_is_read_that_was_not_known_before_the_moment(shop):
    early, late = viewed(1, user="c1", minutes=60), viewed(2, user="c1", minutes=30)
    say(shop, replace(early, received_at=NOW - timedelta(minutes=59)), late, viewed(3, anonymous="a1"))
    assert frames.behaviour(shop, NOW)[["customer_id", "kind", "product_id", "at"]].to_numpy(object).tolist() == [
        ["c1", "viewed", "p1", NOW - timedelta(minutes=60)]
    ]
    assert len(frames.behaviour(shop, NOW - timedelta(minutes=60))) == 0
    assert len(frames.behaviour(shop, LATER)) == 2


def test_events_that_a_connection_brought_are_read_too_and_go_with_their_customer(shop):
    with shop.writing() as write:
        common = {"system": "shop", "customer_id": "c1", "at": NOW}
        kinds = ("viewed", "carted", "clicked")
        write.execute(insert(events), [{**common, "id": kind, "kind": kind} for kind in kinds])
    assert frames.behaviour(shop, LATER)["kind"].tolist() == ["carted", "viewed"]
    assert frames.behaviour(shop, NOW).empty
    with shop.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c1").values(erased_at=NOW))
    settle(shop, AGREED)
    assert read(shop, events.c.kind) == [("clicked",)]


def test_who_objects_later_is_no_longer_read(shop):
    say(shop, viewed(1, user="c1"))
    with shop.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c1").values(objected=True))
    assert frames.behaviour(shop, LATER).empty


NAMES = ["product_id", "sku", "products", "order_id", "price", "quantity", "name", "email", "url", "query", "currency"]
WORDS = ["c1", "p1", "a@b", "\ud800@b", "x\0", "\0", "1e-9", "1e11", "usd", ""]
LEAF = st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
TOLD = st.dictionaries(st.sampled_from(NAMES), LEAF)
RAW = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "track", "page", "identify", "alias"]),
        "event": st.sampled_from(["Product Viewed", "order_completed", "Cart Viewed", "x\0\ud800"]),
        "userId": LEAF,
        "properties": st.builds(
            lambda told, listed: {**told, **listed},
            TOLD,
            st.just({})
            | st.builds(
                lambda number, lines: {"order_id": number, "products": lines},
                LEAF,
                st.lists(TOLD, min_size=1, max_size=3),
            ),
        ),
    },
    optional={"anonymousId": LEAF, "previousId": LEAF, "messageId": LEAF, "traits": TOLD},
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raws=st.lists(RAW, max_size=8))
def test_whatever_can_be_read_can_be_written_down_and_is_written_once(shop, raws):
    told = []
    for raw in raws:
        with contextlib.suppress(BadEvent):
            told.append(read_event(raw, Heard(NOW, "USD")))
    done = say(shop, *told, agreed=None)
    assert done.new.total() + done.repeated + done.identified == len(told)
    assert say(shop, *told, agreed=None).new.total() == 0
    frames.purchases(shop, LATER)


def test_what_breaks_off_leaves_nothing(shop):
    with shop.engine.connect() as write, write.begin() as transaction:
        keep(write, [viewed(1, user="c1"), bought("o1", user="c1")], NOW, AGREED)
        transaction.rollback()
    assert read(shop, events.c.id) == read(shop, orders.c.id) == read(shop, identities.c.person) == []


def test_a_word_on_who_it_is_and_an_event_at_the_same_moment_miss_each_other_never(shop):
    for turn in range(10):
        start = threading.Barrier(2)

        def tell(told, start=start):
            start.wait()
            say(shop, told)

        both = [viewed(turn, anonymous=f"a{turn}"), identify("c1", f"a{turn}")]
        threads = [threading.Thread(target=tell, args=(told,)) for told in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert whose(shop) == ["c1"] * 10
