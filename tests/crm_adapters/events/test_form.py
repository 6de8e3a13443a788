"""One event of the Segment and RudderStack form: what is read of it, and what makes it a bad one."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.events.event import Event, Heard, Item, Order
from crm_adapters.events.form import read
from crm_adapters.events.values import BadEvent
from crm_adapters.records import ON_SITE

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LIVE = Heard(NOW, "USD")


def event(kind="track", **more):
    return {"type": kind, "messageId": "m1", "userId": "u1", "timestamp": "2026-03-02T07:59:00Z", **more}


def track(called, **properties):
    return event(event=called, properties=properties)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (track("Product Viewed", product_id="p1"), "viewed"),
        (track("product_added", sku="s1"), "carted"),
        (track("PRODUCT-REMOVED", product_id=7), "uncarted"),
        (track("Product List Viewed", list_id="teas", products=[{"product_id": "p1"}, 5]), "listed"),
        (track("Products Searched", query="tea"), "searched"),
        (track("Cart Viewed", products=[{"product_id": "p1"}]), "cart_viewed"),
        (track("Order Completed", order_id="o1", products=[{"product_id": "p1"}]), "ordered"),
        (track("Signed Up"), "other"),
        (event("page", name="Home"), "visited"),
        (event("screen", name="Home"), "visited"),
        (event("identify", traits={"email": "ada@example.com"}), None),
        (event("alias", previousId="a1"), None),
        (event("group", groupId="g1"), None),
    ],
)
def test_each_kind_of_event_is_one_of_ours(raw, kind):
    found = read(raw, LIVE)
    assert found.kind == kind
    assert kind is None or kind in ON_SITE
    assert (found.user, found.at, found.received_at) == ("u1", NOW - timedelta(minutes=1), NOW)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (5, "not_an_object"),
        ([], "not_an_object"),
        ({}, "unknown_type"),
        (event("delete"), "unknown_type"),
        (event({"a": 1}), "unknown_type"),
        (event(), "missing_event"),
        (track(" "), "missing_event"),
        (event("page", userId=None), "missing_userId"),
        (event("page", userId=True), "bad_userId"),
        (event("page", userId={"id": 1}), "bad_userId"),
        (event("page", userId="x" * 256), "bad_userId"),
        (event("page", anonymousId=[1]), "bad_anonymousId"),
        (event("page", timestamp="yesterday"), "bad_timestamp"),
        (event("page", timestamp=1772438400), "bad_timestamp"),
        (event("page", timestamp="1999-12-31T23:59:59Z"), "bad_timestamp"),
        (event("page", timestamp="0001-01-01T00:00:00+23:59"), "bad_timestamp"),
        (event("page", timestamp="9999-12-31T23:59:59Z", sentAt="0001-01-01T00:00:00Z"), "bad_timestamp"),
        (event("alias"), "missing_previousId"),
        (event("alias", userId=None, anonymousId="a", previousId="b"), "missing_previousId"),
        (track("Product Viewed"), "missing_product_id"),
        (track("Product Added", product_id={}), "bad_product_id"),
        (track("Order Completed", products=[{}]), "missing_order_id"),
        (track("Order Completed", order_id="o"), "bad_products"),
        (track("Order Completed", order_id="o", products=[]), "bad_products"),
        (track("Order Completed", order_id="o", products=["p"]), "bad_products"),
        (track("Order Completed", order_id="o", products=[{"quantity": 0}]), "bad_quantity"),
        (track("Order Completed", order_id="o", products=[{"quantity": "many"}]), "bad_quantity"),
        (track("Order Completed", order_id="o", products=[{"price": 1e300}]), "bad_price"),
        (track("Order Completed", order_id="o", products=[{"price": True}]), "bad_price"),
        (track("Order Completed", order_id="o", products=[{"price": "sNaN"}]), "bad_price"),
        (track("Order Completed", order_id="o", currency="dollars", products=[{}]), "bad_currency"),
    ],
)
def test_a_bad_event_is_told_with_a_reason(raw, reason):
    with pytest.raises(BadEvent) as told:
        read(raw, LIVE)
    assert told.value.reason == reason
    assert told.value.detail


def test_an_order_has_its_lines_in_minor_units_of_its_currency():
    lines = [
        {"product_id": "p1", "sku": "s1", "name": "Tea", "price": 19.99, "quantity": 2},
        {"sku": "s2", "price": "5", "quantity": "1"},
        {"name": "A gift"},
    ]
    found = read(track("Order Completed", order_id=50314, currency="kwd", products=lines), LIVE)
    assert found.order == Order("50314", "KWD")
    assert found.items == (
        Item("p1", "s1", "Tea", 2, 19_990),
        Item(None, "s2", None, 1, 5_000),
        Item(None, None, "A gift", 1, None),
    )
    assert read(track("Order Completed", order_id="o", products=lines), LIVE).items[0].price_minor == 1_999


def test_an_order_told_under_two_message_ids_is_the_same_event():
    one, other = (track("Order Completed", order_id="o1", products=[{}]) | {"messageId": name} for name in "ab")
    assert read(one, LIVE).id == read(other, LIVE).id


@pytest.mark.parametrize(
    ("clock", "at"),
    [
        ({"timestamp": "2026-03-02T07:00:00Z"}, NOW - timedelta(hours=1)),  # no sentAt: the clock is believed
        ({"timestamp": "2026-03-02T07:00:00"}, NOW - timedelta(hours=1)),  # without a zone: UTC
        ({"timestamp": "2026-03-02T10:00:00+02:00"}, NOW),
        # Two hours slow, and the event lay ten minutes in a queue.
        ({"timestamp": "2026-03-02T05:50:00Z", "sentAt": "2026-03-02T06:00:00Z"}, NOW - timedelta(minutes=10)),
        ({"originalTimestamp": "2026-03-02T05:50:00Z", "sentAt": "2026-03-02T06:00:00Z"}, NOW - timedelta(minutes=10)),
        # A day fast.
        ({"timestamp": "2026-03-03T07:59:00Z", "sentAt": "2026-03-03T08:00:00Z"}, NOW - timedelta(minutes=1)),
        ({"timestamp": "2026-03-02T09:00:00Z"}, NOW),  # what claims to lie ahead is now
        ({"timestamp": "2026-03-02T09:00:00Z", "sentAt": "2026-03-02T08:00:00Z"}, NOW),
        ({"timestamp": "2026-03-02T07:00:00Z", "sentAt": "nonsense"}, NOW - timedelta(hours=1)),
        ({"timestamp": None}, NOW),
    ],
)
def test_the_senders_clock_is_set_right_and_nothing_lies_ahead(clock, at):
    assert read(event("page") | clock, LIVE).at == at


def test_the_clock_of_a_batch_is_that_of_its_events_unless_they_tell_their_own():
    batch = Heard(NOW, "USD", sent_at=NOW - timedelta(hours=2))
    assert read(event("page", timestamp="2026-03-02T05:50:00Z"), batch).at == NOW - timedelta(minutes=10)
    own = event("page", timestamp="2026-03-02T07:50:00Z", sentAt="2026-03-02T08:00:00Z")
    assert read(own, batch).at == NOW - timedelta(minutes=10)


FILE = Heard(NOW, "USD", live=False)


@pytest.mark.parametrize(
    ("clock", "at", "known"),
    [
        # As exported: `timestamp` is set right already.
        (
            {
                "timestamp": "2026-02-01T07:50:00Z",
                "originalTimestamp": "2026-02-01T05:50:00Z",
                "sentAt": "2026-02-01T06:00:00Z",
                "receivedAt": "2026-02-01T08:00:00Z",
            },
            datetime(2026, 2, 1, 7, 50, tzinfo=UTC),
            datetime(2026, 2, 1, 8, tzinfo=UTC),
        ),
        (
            {
                "timestamp": None,
                "originalTimestamp": "2026-02-01T05:50:00Z",
                "sentAt": "2026-02-01T06:00:00Z",
                "receivedAt": "2026-02-01T08:00:00Z",
            },
            datetime(2026, 2, 1, 7, 50, tzinfo=UTC),
            datetime(2026, 2, 1, 8, tzinfo=UTC),
        ),
        # No word on when it was received: it is known from now on.
        (
            {"timestamp": "2026-02-01T07:50:00Z", "sentAt": "2026-02-01T08:00:00Z"},
            datetime(2026, 2, 1, 7, 50, tzinfo=UTC),
            NOW,
        ),
        (
            {"timestamp": "2026-02-01T07:50:00Z", "receivedAt": "2027-01-01"},
            datetime(2026, 2, 1, 7, 50, tzinfo=UTC),
            NOW,
        ),
    ],
)
def test_an_event_of_a_file_counts_at_its_own_time_and_is_known_from_when_it_was_received(clock, at, known):
    found = read(event("page") | clock, FILE)
    assert (found.at, found.received_at) == (at, known)


def test_a_live_event_does_not_tell_itself_when_it_was_received():
    assert read(event("page", receivedAt="2020-01-01T00:00:00Z"), LIVE).received_at == NOW


@pytest.mark.parametrize(
    "where",
    [{"traits": {"email": " ada@example.com"}}, {"context": {"traits": {"email": "ada@example.com"}}}],
)
def test_the_address_may_stand_in_the_traits_or_the_context(where):
    assert read(event("identify", **where), LIVE).email == "ada@example.com"


@pytest.mark.parametrize("email", [5, "", "ada", "@example.com", "a b@example.com", None])
def test_what_is_no_address_is_left_out(email):
    assert read(event("identify", traits={"email": email}), LIVE).email is None


def test_of_the_properties_only_a_few_are_kept_and_of_an_address_only_its_path():
    told = {"product_id": "p1", "name": "Tea", "brand": "x" * 900, "quantity": 2, "card": "4111", "category": ["no"]}
    raw = track("Product Viewed", **told, url="https://shop.example.com/p1?token=secret#here")
    assert read(raw, LIVE).properties == {
        "name": "Tea",
        "brand": "x" * 500,
        "quantity": 2,
        "url": "https://shop.example.com/p1",
    }


def test_an_event_without_a_message_id_is_known_by_what_it_says():
    raw = event("page")
    del raw["messageId"]
    later = Heard(NOW + timedelta(minutes=1), "USD")
    assert read(raw, LIVE).id == read(dict(reversed(raw.items())), later).id
    assert read(raw, LIVE).id != read(raw | {"name": "Cart"}, LIVE).id


def test_without_any_time_the_same_words_later_are_another_event():
    raw = {"type": "page", "userId": "u1"}
    assert read(raw, LIVE).id != read(raw, Heard(NOW + timedelta(minutes=1), "USD")).id


NAMES = [
    "type",
    "event",
    "userId",
    "anonymousId",
    "messageId",
    "timestamp",
    "sentAt",
    "properties",
    "traits",
    "context",
]
NAMES += ["previousId", "product_id", "sku", "products", "order_id", "price", "quantity", "currency", "email", "url"]
WORDS = [
    "track",
    "page",
    "alias",
    "identify",
    "Product Viewed",
    "Order Completed",
    "2026-03-02T08:00:00Z",
    "\ud800",
    "\0",
]
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(WORDS)
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=6),
)


@given(JSON, st.booleans())
def test_any_json_is_an_event_or_a_bad_one(raw, live):
    try:
        found = read(raw, Heard(NOW, "USD", live=live))
    except BadEvent:
        return
    assert isinstance(found, Event)
    assert found.at <= found.received_at <= NOW
    assert found.user or found.anonymous
    json.dumps(dict(found.properties), allow_nan=False).encode()
