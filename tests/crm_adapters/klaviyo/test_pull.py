"""What comes in: consent, orders, the catalog, and how many requests it takes."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crm_adapters.errors import BadCursor, BadSource, SourceMissing, Unsupported
from crm_adapters.klaviyo.adapter import MAPPING
from crm_adapters.records import Stream
from tests.crm_adapters.klaviyo.fake import reply
from tests.crm_adapters.klaviyo.world import marketing

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
SUPPRESSED = [{"reason": "SPAM_COMPLAINT", "timestamp": "2026-01-01T00:00:00+00:00"}]


def customer(identity, at=START, **more):
    return {"id": identity, "email": f"{identity}@example.com", "updated_at": at, **more}


def pulled(adapter, stream, since=None):
    return [row for page in adapter.pull(stream, since) for row in page.rows.to_pylist()]


def rejected(adapter, stream):
    return [reject for page in adapter.pull(stream, None) for reject in page.rejects]


def mapped(tmp_path, *changes):
    text = MAPPING.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "klaviyo.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("subscriptions", "word"),
    [
        (marketing(), "subscribed"),
        (marketing(consent="UNSUBSCRIBED"), "unsubscribed"),
        (marketing(consent="NEVER_SUBSCRIBED"), "never"),
        (marketing(suppression=SUPPRESSED), "unsubscribed"),
        (marketing(suppression=[]), "subscribed"),
        ({}, "unknown"),
    ],
)
def test_consent_comes_in_our_words_and_who_is_suppressed_counts_as_unsubscribed(subscriptions, word, world):
    world.put(Stream.CUSTOMERS, [customer("1")])
    world.fake.profiles["1"]["subscriptions"] = subscriptions
    assert [row["consent_email"] for row in pulled(world.open(), Stream.CUSTOMERS)] == [word]


def test_a_word_of_consent_that_is_not_known_is_rejected_rather_than_guessed(world):
    world.put(Stream.CUSTOMERS, [customer("1")])
    world.fake.profiles["1"]["subscriptions"] = marketing(consent="MAYBE")
    assert [reject.reason for reject in rejected(world.open(), Stream.CUSTOMERS)] == ["bad_consent_email"]


def test_when_and_how_consent_was_given_comes_too(world):
    world.put(Stream.CUSTOMERS, [customer("1")])
    told = marketing(consent_timestamp="2026-01-04T10:00:00+00:00", method="PREFERENCE_PAGE")
    world.fake.profiles["1"]["subscriptions"] = told
    (row,) = pulled(world.open(), Stream.CUSTOMERS)
    assert (row["consent_at"], row["consent_source"]) == (START - timedelta(days=1), "PREFERENCE_PAGE")


def test_a_thousand_customers_are_ten_requests_and_one_when_nothing_changed(world):
    world.put(Stream.CUSTOMERS, [customer(f"c{each}", START + timedelta(minutes=each)) for each in range(1_000)])
    pages = list(world.open(page_records=100).pull(Stream.CUSTOMERS, None))
    assert sum(page.rows.num_rows for page in pages) == 1_000
    assert len(world.fake.requests) == 10
    world.fake.requests.clear()
    assert pulled(world.open(page_records=100), Stream.CUSTOMERS, pages[-1].cursor) == []
    assert len(world.fake.requests) == 1


def test_an_import_gives_thousands_one_time_and_each_comes_once(world):
    """What is more than a cursor lists is known by its sum: a late record brings all of that time once more."""
    world.put(Stream.CUSTOMERS, [customer(f"c{each}") for each in range(1_200)])
    pages = list(world.open(page_records=100).pull(Stream.CUSTOMERS, None))
    assert [page.rows.num_rows for page in pages] == [1000, 200]
    assert len({identity for page in pages for identity in page.rows["id"].to_pylist()}) == 1_200
    assert len(world.fake.requests) == 12
    assert pulled(world.open(page_records=100), Stream.CUSTOMERS, pages[-1].cursor) == []
    for late in ("a-late", "z-late"):
        world.put(Stream.CUSTOMERS, [customer(late)])
        assert late in {row["id"] for row in pulled(world.open(page_records=100), Stream.CUSTOMERS, pages[-1].cursor)}


def test_who_comes_late_within_a_second_of_the_last_settled_one_is_seen(world):
    """What is five minutes older than the newest is settled; all behind it is looked at again."""
    late = START + timedelta(seconds=0.7)
    newest = START + timedelta(minutes=5, seconds=0.2)
    world.put(Stream.CUSTOMERS, [customer("settled"), customer("newest", newest)])
    (page,) = world.open().pull(Stream.CUSTOMERS, None)
    world.put(Stream.CUSTOMERS, [customer("late", late)])
    assert [row["id"] for row in pulled(world.open(), Stream.CUSTOMERS, page.cursor)] == ["late"]


def test_a_page_that_comes_again_ends_the_pull_with_words(world):
    world.put(Stream.CUSTOMERS, [customer(f"c{each}", START + timedelta(minutes=each)) for each in range(40)])

    def again(request, answer):
        told = answer(request).json()
        told["links"]["next"] = "https://a.klaviyo.com/api/profiles?page%5Bcursor%5D=WyIiLCAiIl0="
        return reply(told)

    world.witness.strict = False
    world.fake.troubles = [again] + [
        lambda request, answer: reply({"data": [], "links": {"next": str(request.url)}})
    ] * 9
    with pytest.raises(BadSource, match="comes again and again"):
        list(world.open().pull(Stream.CUSTOMERS, None))
    assert len(world.fake.requests) == 2


def test_a_next_page_on_another_host_is_not_asked_for(world):
    world.put(Stream.CUSTOMERS, [customer(f"c{each}") for each in range(40)])
    world.fake.points_at = "https://evil.example.com"
    with pytest.raises(BadSource, match=r"'evil\.example\.com', which is not 'a\.klaviyo\.com'"):
        list(world.open().pull(Stream.CUSTOMERS, None))
    assert {request.url.host for request in world.fake.requests} == {"a.klaviyo.com"}


def test_an_answer_that_is_no_list_is_told(world):
    world.witness.strict = False
    world.fake.troubles = [lambda request, answer: httpx.Response(200, json=["no", "document"])]
    with pytest.raises(BadSource, match=r"no JSON:API: .*no.*document"):
        list(world.open().pull(Stream.CUSTOMERS, None))


def event(**properties):
    attributes = {"datetime": "2026-01-05T10:00:00+00:00", "event_properties": properties}
    return {"metric": "WxL7Pn", "profile": "c1", "attributes": attributes}


def test_an_order_of_the_shopify_app_is_read_by_a_mapping_of_its_names(world, tmp_path):
    line = {"product_id": 7, "title": "Mug", "quantity": 2, "price": "19.99"}
    world.fake.events["e1"] = event(**{"$event_id": "1001", "$value": 39.98, "$extra": {"line_items": [line, line]}})
    names = [("ProductID", "product_id"), ("ProductName", "title"), ("Quantity", "quantity"), ("ItemPrice", "price")]
    mapping = mapped(tmp_path, *((f"line.{before}", f"line.{after}") for before, after in names))
    rows = pulled(world.open(mapping=mapping), Stream.ORDERS)
    told = {(row["order_id"], row["line_id"], row["product_id"], row["title"], row["quantity"]) for row in rows}
    assert told == {("1001", "1", "7", "Mug", 2.0), ("1001", "2", "7", "Mug", 2.0)}
    assert [(row["unit_price_minor"], row["currency"]) for row in rows] == [(1999, "EUR")] * 2  # the account's own


def test_an_order_without_lines_is_rejected(world):
    world.fake.events["e1"] = event(OrderId="o1", **{"$value": 5})
    assert pulled(world.open(), Stream.ORDERS) == []
    assert [reject.place for reject in rejected(world.open(), Stream.ORDERS)] == ["orders e1"]


def test_only_events_of_the_metric_of_orders_are_orders(world):
    line = {"ProductID": "p", "Quantity": 1, "ItemPrice": 1}
    world.fake.events["e1"] = {**event(OrderId="o1", Items=[line]), "metric": "Vz9Q2p"}
    assert pulled(world.open(), Stream.ORDERS) == []


def test_a_metric_that_is_not_there_is_told(world):
    world.fake.metrics = {"Vz9Q2p": "Opened Email"}
    with pytest.raises(SourceMissing, match="no metric 'Placed Order'"):
        list(world.open().pull(Stream.ORDERS, None))


def test_of_two_metrics_of_one_name_the_mapping_chooses_by_id(world, tmp_path):
    line = {"ProductID": "p", "Quantity": 1, "ItemPrice": 1}
    world.fake.metrics = {"WxL7Pn": "Placed Order", "AbCdEf": "Placed Order"}
    world.fake.events["e1"] = event(OrderId="o1", Items=[line])
    with pytest.raises(BadSource, match="2 metrics 'Placed Order': WxL7Pn, AbCdEf"):
        list(world.open().pull(Stream.ORDERS, None))
    mapping = mapped(tmp_path, ('table = "Placed Order"', 'table = "WxL7Pn"'))
    assert [row["order_id"] for row in pulled(world.open(mapping=mapping), Stream.ORDERS)] == ["o1"]


def variant(sku, price, stock, policy=1):
    told = {"sku": sku, "price": price, "inventory_quantity": stock, "inventory_policy": policy, "published": True}
    return {"item": "$custom:::$default:::p1", "attributes": told}


@pytest.mark.parametrize(
    ("variants", "price", "available"),
    [
        ([], None, True),
        ([variant("a", 5.5, 0), variant("b", 7, 3)], 550, True),
        ([variant("a", 5.5, 0), variant("b", 7, 0)], 550, False),
        ([variant("a", 5.5, 0, policy=2)], 550, True),
    ],
)
def test_an_item_is_one_product_priced_by_its_first_variant_and_in_stock_if_any_is(variants, price, available, world):
    world.fake.items["$custom:::$default:::p1"] = {"external_id": "p1", "title": "Mug", "published": True}
    world.fake.variants = {f"$custom:::$default:::v{number}": each for number, each in enumerate(variants)}
    (row,) = pulled(world.open(), Stream.PRODUCTS)
    assert (row["id"], row["price_minor"], row["currency"], row["available"]) == ("p1", price, "EUR", available)


def test_the_catalog_comes_whole_each_time_and_takes_no_cursor(world):
    for each in range(25):
        world.fake.items[f"i{each:02}"] = {"external_id": f"p{each}", "title": "Mug", "published": True}
    pages = list(world.open().pull(Stream.PRODUCTS, None))
    assert [(page.rows.num_rows, page.cursor, page.first) for page in pages] == [
        (10, None, True),
        (10, None, False),
        (5, None, False),
    ]
    with pytest.raises(BadCursor):
        list(world.open().pull(Stream.PRODUCTS, "{}"))


def test_a_section_that_the_mapping_leaves_out_is_no_stream(world, tmp_path):
    mapping = tmp_path / "few.toml"
    mapping.write_text('[customers]\nid = "id"\nemail = "email"\n')
    adapter = world.open(mapping=mapping)
    assert adapter.streams() == [Stream.CUSTOMERS]
    with pytest.raises(Unsupported):
        list(adapter.pull(Stream.ORDERS, None))


def test_who_was_merged_or_deleted_is_gone_with_a_full_pull(world):
    world.put(Stream.CUSTOMERS, [customer("1"), customer("2")])
    (page,) = world.open().pull(Stream.CUSTOMERS, None)
    del world.fake.profiles["1"]
    assert pulled(world.open(), Stream.CUSTOMERS, page.cursor) == []
    assert [row["id"] for row in pulled(world.open(), Stream.CUSTOMERS)] == ["2"]
