"""Customers are read whole: who changed comes, who is gone is told, and whoever moves up meanwhile is not missed."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import BadCursor, BadSource
from crm_adapters.records import Stream
from crm_adapters.woocommerce import adapter as woocommerce
from tests.crm_adapters.woocommerce.fake import answered, hours

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CUSTOMERS = Stream.CUSTOMERS


def put(shop, numbers, at=THEN, **more):
    for number in numbers:
        shop.put("customers", number, at, email=f"{number}@example.com", **more)


def pulled(adapter, since=None):
    pages = list(adapter.pull(CUSTOMERS, since))
    return [row for page in pages for row in page.rows.to_pylist()], pages


def ids(rows):
    return [int(row["id"]) for row in rows]


def test_everybody_comes_with_name_address_and_times_in_utc(shop, opened):
    put(shop, [26], first_name="Ana & Zoë", last_name="", role="administrator", billing={"country": "BR"})
    (row,), (page,) = pulled(opened())
    known = {name: row[name] for name in ("id", "email", "first_name", "last_name", "country", "city", "updated_at")}
    assert known == {
        "id": "26",
        "email": "26@example.com",
        "first_name": "Ana & Zoë",
        "last_name": None,
        "country": "BR",
        "city": "Rio de Janeiro",
        "updated_at": THEN,
    }
    assert (row["consent_email"], list(page.ids)) == ("unknown", ["26"])
    assert {params["role"] for params in shop.asked("customers")} == {"all"}


def test_consent_is_read_from_the_metadata_that_the_mapping_names_and_no_others_are_kept(shop, opened, tmp_path):
    mapping = tmp_path / "woocommerce.toml"
    told = 'consent_email = {from = "meta.newsletter", values = {yes = "subscribed", no = "unsubscribed"}}\n[products]'
    mapping.write_text(woocommerce.MAPPING.read_text().replace("[products]", told))
    for number, meta in enumerate(({"newsletter": "yes"}, {"newsletter": "no"}, {"session_tokens": "s3cret"}), 1):
        put(shop, [number], meta=meta)
    rows, (page,) = pulled(opened(mapping=mapping))
    assert [row["consent_email"] for row in rows] == ["subscribed", "unsubscribed", "unknown"]
    assert not any("session_tokens" in str(seen) for seen in page.sample)


@pytest.mark.parametrize("size", [2, 3, 10, 100])
def test_all_come_once_at_any_page_size(shop, opened, size):
    put(shop, range(1, 24))
    rows, _ = pulled(opened(page_records=size))
    assert ids(rows) == list(range(1, 24))


def test_a_shop_of_1000_is_read_with_eleven_calls_of_100(shop, opened):
    put(shop, range(1, 1001))
    rows, pages = pulled(opened())
    assert len(rows) == 1000
    assert len(shop.asked("customers")) == 11
    assert len(pages[-1].cursor) < 12 * 1000  # bytes of prints; ids one after the other take none


@pytest.mark.parametrize("tells_totals", [True, False])
@pytest.mark.parametrize("gone", [[1], [3], [4], [4, 5, 6], list(range(1, 8)), list(range(2, 15))])
def test_whoever_moves_up_as_others_are_deleted_is_not_missed(shop, opened, gone, tells_totals):
    put(shop, range(1, 21))
    shop.tells_totals = tells_totals
    shop.before = [None, lambda: [shop.held["customers"].pop(number) for number in gone]]
    rows, pages = pulled(opened(page_records=4))
    left = [number for number in range(1, 21) if number not in gone]
    assert set(left) <= set(ids(rows))
    assert len(ids(rows)) == len(set(ids(rows)))
    again, more = pulled(opened(page_records=4), pages[-1].cursor)
    assert (again, {int(one) for page in more for one in page.gone}) == ([], set(ids(rows)) - set(left))


def test_somebody_who_registers_meanwhile_comes_with_this_pull_or_the_next(shop, opened):
    put(shop, range(1, 11))
    shop.before = [None, None, lambda: put(shop, [11])]
    rows, _ = pulled(opened(page_records=4))
    assert ids(rows) == list(range(1, 12))
    shop.before = [None] * 4 + [lambda: put(shop, [12])]  # after the last call
    rows, pages = pulled(opened(page_records=4))
    assert ids(rows) == list(range(1, 12))
    put(shop, [12])
    assert ids(pulled(opened(page_records=4), pages[-1].cursor)[0]) == [12]


def test_unchanged_customers_do_not_come_again_and_one_that_changed_comes_alone(shop, opened):
    put(shop, range(1, 300))
    _, pages = pulled(opened())
    assert pulled(opened(), pages[-1].cursor) == ([], [])
    put(shop, [150], first_name="Changed")
    rows, (page,) = pulled(opened(), pages[-1].cursor)
    assert [(row["id"], row["first_name"]) for row in rows] == [("150", "Changed")]
    assert not page.first
    assert pulled(opened(), page.cursor) == ([], [])


def test_what_we_write_ourselves_is_no_change(shop, opened):
    put(shop, range(1, 5))
    _, pages = pulled(opened())
    list(opened().push([FieldUpdate("3", {"segment": "loyal"})]))
    assert shop.held["customers"][3]["date_modified_gmt"] > "2026-01-05T10:00:00"
    assert pulled(opened(), pages[-1].cursor) == ([], [])


def test_who_was_deleted_is_gone_once_in_the_middle_and_at_the_end(shop, opened):
    put(shop, range(1, 21))
    _, pages = pulled(opened(page_records=4))
    for number in (7, 8, 20):
        del shop.held["customers"][number]
    rows, more = pulled(opened(page_records=4), pages[-1].cursor)
    assert (rows, [one for page in more for one in page.gone]) == ([], ["7", "8", "20"])
    assert pulled(opened(page_records=4), more[-1].cursor) == ([], [])
    put(shop, [8])  # restored from a backup
    assert ids(pulled(opened(page_records=4), more[-1].cursor)[0]) == [8]


def test_a_shop_that_shows_nobody_has_hidden_them(shop, opened):
    put(shop, range(1, 10))
    _, pages = pulled(opened())
    shop.held["customers"].clear()
    assert pulled(opened(), pages[-1].cursor) == ([], [])


@pytest.mark.parametrize("killed_after", range(5))
def test_a_reading_that_was_killed_goes_on_where_it_was_and_the_next_one_is_whole(shop, opened, killed_after):
    put(shop, range(1, 31))
    _, pages = pulled(opened(page_records=6))
    put(shop, range(1, 31), first_name="Changed")
    del shop.held["customers"][9], shop.held["customers"][28]
    some = list(zip(range(killed_after + 1), opened(page_records=6).pull(CUSTOMERS, pages[-1].cursor), strict=False))
    done = [page for _, page in some]
    shop.requests.clear()
    rest, more = pulled(opened(page_records=6), done[-1].cursor)
    read = [row["id"] for page in done for row in page.rows.to_pylist()] + [row["id"] for row in rest]
    assert sorted(map(int, read)) == [number for number in range(1, 31) if number not in (9, 28)]
    assert [one for page in (*done, *more) for one in page.gone] == ["9", "28"]
    assert len(shop.requests) <= 6 - killed_after  # not from the start
    put(shop, [1], first_name="Again")
    assert ids(pulled(opened(page_records=6), (done + more)[-1].cursor)[0]) == [1]


def test_a_reading_whose_rest_has_no_news_is_ended_nevertheless(shop, opened):
    put(shop, range(1, 31))
    _, pages = pulled(opened(page_records=6))
    put(shop, range(1, 10), first_name="Changed")
    _, more = pulled(opened(page_records=6), pages[-1].cursor)
    assert more[-1].rows.num_rows == 0
    assert json.loads(more[0].cursor)["at"] is not None
    assert json.loads(more[-1].cursor)["at"] is None


def test_without_the_header_that_tells_the_total_all_come(shop, opened):
    shop.tells_totals = False
    for count in (1, 7, 8, 9, 14, 15, 16):
        put(shop, range(1, count + 1))
        rows, pages = pulled(opened(page_records=8))
        assert ids(rows) == list(range(1, count + 1))
        assert json.loads(pages[-1].cursor)["at"] is None


def test_a_page_that_repeats_is_refused(shop, opened):
    put(shop, range(1, 20))
    shop.caches = True  # a proxy that does not look at the query
    for shop.tells_totals in (True, False):
        with pytest.raises(BadSource, match=r"comes again and again; let the shop's cache"):
            pulled(opened(page_records=4))
    assert len(shop.requests) == 4


def test_customers_that_are_not_in_the_order_of_their_ids_are_refused(shop, opened):
    put(shop, range(1, 4))
    found = [shop.held["customers"][number] for number in (2, 1, 3)]
    shop.troubles = [lambda _: answered(found, headers={"x-wp-total": "3"})]
    with pytest.raises(BadSource, match="not in the order of its numbers: 1 comes too late"):
        pulled(opened())


def test_a_cursor_of_another_mapping_is_refused(shop, opened, tmp_path):
    put(shop, [1])
    _, pages = pulled(opened())
    mapping = tmp_path / "woocommerce.toml"
    mapping.write_text(woocommerce.MAPPING.read_text().replace('"billing.city"', '"shipping.city"'))
    with pytest.raises(BadCursor, match="--full"):
        pulled(opened(mapping=mapping), pages[-1].cursor)


def test_a_bad_customer_is_rejected_once_and_again_when_it_changes(shop, opened):
    put(shop, [1, 2])
    shop.held["customers"][1]["email"] = "none"
    rows, (page,) = pulled(opened())
    assert (ids(rows), [(one.place, one.reason) for one in page.rejects]) == ([2], [("customers 1", "bad_email")])
    shop.held["customers"][1]["email"] = "still none"
    _, (again,) = pulled(opened(), page.cursor)
    assert [one.place for one in again.rejects] == ["customers 1"]


@pytest.mark.parametrize("zone", [-1, 13])
def test_dates_do_not_depend_on_the_shops_zone(shop, opened, zone):
    shop.zone = hours(zone)
    put(shop, [1], THEN + timedelta(hours=1))
    (row,), _ = pulled(opened())
    assert (row["created_at"], row["updated_at"]) == (datetime(2025, 1, 1, tzinfo=UTC), THEN + timedelta(hours=1))
