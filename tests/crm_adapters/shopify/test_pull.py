"""What a pull makes of Shopify's records, and that none is lost or comes twice, however long its lists are."""

import json
from datetime import UTC, datetime, timedelta
from itertools import cycle

import httpx
import pytest

from crm_adapters.errors import BadSource, Unsupported
from crm_adapters.records import Stream
from crm_adapters.shopify import pages as shopify_pages
from tests.crm_adapters.shopify.listing import gid
from tests.crm_adapters.shopify.world import line, variant

CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


def rows(adapter, stream, since=None):
    return [row for page in adapter.pull(stream, since) for row in page.rows.to_pylist()]


def only(adapter, stream):
    (row,) = rows(adapter, stream)
    return row


def put_many(world, count, step=0):
    for number in range(count):
        world.customer(f"{number:04}", THEN + timedelta(seconds=step * number))
    return [f"{number:04}" for number in range(count)]


@pytest.mark.parametrize("bulk_from", [0, 10**9], ids=["bulk", "pages"])
def test_no_line_of_a_long_order_is_lost(world, bulk_from):
    world.order("9", THEN, lineItems=[line(number, "3") for number in range(1, 334)])
    world.order("8", THEN, lineItems=[line(number, "3") for number in range(1, 11)])
    (page,) = world.open(bulk_from=bulk_from).pull(ORDERS, None)
    found = [(row["order_id"], int(row["line_id"])) for row in page.rows.to_pylist()]
    assert found == [("8", number) for number in range(1, 11)] + [("9", number) for number in range(1, 334)]


def test_no_variant_of_a_product_with_hundreds_is_lost(world):
    own = [variant(f"{number}", number, "1.00") for number in range(1, 251)]
    world.product("3", THEN, hasOnlyDefaultVariant=False, variants=own)
    assert len(rows(world.open(), PRODUCTS)) == 251


def test_an_order_that_is_deleted_while_its_lines_are_read_is_left_out(world, fake):
    world.order("9", THEN, lineItems=[line(number, "3") for number in range(1, 30)])
    world.order("8", THEN, lineItems=[line(1, "3")])

    def deleting(request, answer):
        del fake.records["orders"][gid("Order", "9")]
        return answer(request)

    fake.troubles = [None, None, deleting]
    assert [row["order_id"] for row in rows(world.open(), ORDERS)] == ["8"]


@pytest.mark.parametrize("whole_days", [False, True], ids=["seconds", "days"])
def test_more_records_than_a_list_shows_come_all_once(world, fake, monkeypatch, whole_days):
    monkeypatch.setattr(shopify_pages, "MOST_PAGED", 30)
    fake.shown, fake.whole_days = 30, whole_days
    ids = put_many(world, 25, 0)
    ids += [f"later-{number:03}" for number in range(100)]
    for number, one in enumerate(ids[25:]):
        world.customer(one, THEN + timedelta(days=1 + number // 7))
    assert sorted(row["id"] for row in rows(world.open(), CUSTOMERS)) == ids


def test_more_records_of_one_second_than_a_list_shows_are_told_not_lost(world, fake, monkeypatch):
    monkeypatch.setattr(shopify_pages, "MOST_PAGED", 30)
    fake.shown = 30
    put_many(world, 40)
    with pytest.raises(BadSource, match=r"more than 30 customers changed at once.*; pull in full: --full"):
        rows(world.open(), CUSTOMERS)
    assert len(rows(world.open(bulk_from=0), CUSTOMERS)) == 40


def test_a_record_that_is_found_at_its_former_place_and_then_at_its_new_one_comes_once(world, fake):
    known = put_many(world, 30, 1)
    moving = gid("Customer", "0004")
    world.customer("0004", THEN + timedelta(hours=1), indexed=fake.records["customers"][moving]["updatedAt"])

    def catches_up(request, answer):
        fake.records["customers"][moving].pop("indexed")
        return answer(request)

    fake.troubles = [None, None, catches_up]
    pages = list(world.open().pull(CUSTOMERS, None))
    found = [row["id"] for page in pages for row in page.rows.to_pylist()]
    assert sorted(found) == known
    assert found[-1] == "0004"
    assert rows(world.open(), CUSTOMERS, pages[-1].cursor) == []


def test_times_ascend_also_where_records_that_changed_stand_at_their_former_places(world, fake, clock):
    """Killed after any page, the cursor never stands behind a record that is still to come."""
    known = put_many(world, 40)
    clock.time += 3_600
    for one in ("0012", "0005", "0020"):  # the last ones of two pages, and one within
        former = fake.records["customers"][gid("Customer", one)]["updatedAt"]
        world.customer(one, THEN + timedelta(minutes=59), indexed=former)
    pages = list(world.open().pull(CUSTOMERS, None))
    times = [(row["updated_at"], row["id"]) for page in pages for row in page.rows.to_pylist()]
    assert times == sorted(times)
    assert sorted(one for _, one in times) == known


def test_a_second_pull_asks_for_what_is_newer_with_five_minutes_to_spare(world, fake):
    world.customer("1", THEN - timedelta(hours=1))
    world.customer("2", THEN)
    (page,) = world.open().pull(CUSTOMERS, None)
    asked = len(fake.asked("UPDATED_AT"))
    assert rows(world.open(), CUSTOMERS, page.cursor) == []
    assert [each["query"] for each in fake.asked("UPDATED_AT")[asked:]] == ["updated_at:>='2026-01-05T09:00:00Z'"]


def test_a_page_that_costs_more_than_it_may_is_halved(world, fake):
    ids = put_many(world, 300, 1)
    assert sorted(row["id"] for row in rows(world.open(page_records=250), CUSTOMERS)) == ids
    sizes = [each["first"] for each in fake.asked("UPDATED_AT")]
    assert sizes == [250, 125, 125, 125]


def test_the_usual_pages_cost_less_than_half_of_what_one_may(world, fake):
    world.put(CUSTOMERS, [{"id": "1", "email": "a@b.example", "first_name": "Ann", "updated_at": THEN}])
    world.product("3", THEN)
    world.order("9", THEN, lineItems=[line(1, "3")])
    adapter, costs = world.open(page_records=None), []
    for stream in adapter.streams():
        before = fake.left
        rows(adapter, stream)
        costs.append(before - fake.left)
    assert all(0 < each < 600 for each in costs)


def test_a_page_that_repeats_ends_in_an_error_not_in_a_loop(world, fake):
    put_many(world, 30)
    kept = []

    def repeating(request, answer):
        kept.append(answer(request))
        return kept[0]

    fake.troubles = [None, *[repeating] * 20]
    with pytest.raises(BadSource, match="the same page again"):
        rows(world.open(), CUSTOMERS)


def test_a_time_that_is_none_is_told(world, fake):
    world.customer("1", THEN)
    fake.records["customers"][gid("Customer", "1")]["updatedAt"] = "soon"
    with pytest.raises(BadSource, match="a time that is none: 'soon'"):
        rows(world.open(), CUSTOMERS)


def test_a_stream_that_is_not_mapped_is_refused(world, tmp_path):
    mapping = tmp_path / "own.toml"
    mapping.write_text('[customers]\nid = "id"\n')
    adapter = world.open(mapping=mapping)
    assert adapter.streams() == [CUSTOMERS]
    for stream in (ORDERS, Stream.EVENTS, Stream.OFFERS):
        with pytest.raises(Unsupported, match=f"Shopify, as mapped, has no {stream}"):
            list(adapter.pull(stream, None))


def test_orders_are_swept_only_where_all_of_them_are_seen(world, fake):
    world.order("9", THEN, lineItems=[line(1, "3")])
    (page,) = world.open().pull(ORDERS, None)
    assert page.ids == ["9"]
    fake.scopes.discard("read_all_orders")
    (page,) = world.open().pull(ORDERS, None)
    assert page.ids == []


def test_a_rejected_record_is_not_swept(world):
    world.put(CUSTOMERS, [{"id": "1", "email": "none", "first_name": "Ann", "updated_at": THEN}])
    (page,) = world.open().pull(CUSTOMERS, None)
    assert (page.rows.num_rows, page.ids) == (0, ["1"])


PLACES = {"itself": ["a"], "each other": ["a", "b"], "ever new places": list(map(str, range(40)))}


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_lines_that_never_end_are_told(world, fake, places):
    world.order("9", THEN, lineItems=[line(number, "3") for number in range(1, 30)])
    fake.maximum = fake.left = 10_000.0
    kept, following = [], cycle(places)

    def repeating(request, answer):
        kept.append(answer(request) if not kept else kept[0])
        told = json.loads(kept[0].content)
        told["data"]["order"]["lineItems"]["pageInfo"] = {"hasNextPage": True, "endCursor": next(following)}
        return httpx.Response(200, json=told)

    fake.troubles = [None, None, *[repeating] * 20]
    with pytest.raises(BadSource, match="the same page again and again; try again later; nothing is lost"):
        rows(world.open(), ORDERS)
    assert len(fake.requests) <= 6


def test_pages_that_point_at_each_other_are_told_at_once(world, fake):
    put_many(world, 30)
    kept = []

    def taking_turns(request, answer):
        if len(kept) < 2:
            kept.append(answer(request))
            return kept[-1]
        kept.append(kept[-2])
        return kept[-1]

    fake.troubles = [None, *[taking_turns] * 50]
    with pytest.raises(BadSource, match="the same page again"):
        rows(world.open(), CUSTOMERS)
    assert len(fake.requests) <= 5
