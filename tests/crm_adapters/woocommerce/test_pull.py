"""Orders come by change, in UTC whatever the shop's zone, with lines and refunds; none hides behind another."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crm_adapters.errors import BadSource, Unsupported
from crm_adapters.records import Stream
from crm_adapters.woocommerce import adapter as woocommerce
from tests.crm_adapters.woocommerce.fake import answered, hours, line_item

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
ORDERS = Stream.ORDERS


def put_order(shop, number, at=THEN, lines=None, **more):
    lines = [line_item(number * 10)] if lines is None else lines
    shop.put("orders", number, at, line_items=lines, status=more.pop("status", "completed"), **more)


def pulled(adapter, stream=ORDERS, since=None):
    pages = list(adapter.pull(stream, since))
    return [row for page in pages for row in page.rows.to_pylist()], pages


def numbers(rows):
    return [int(row["order_id"]) for row in rows]


@pytest.mark.parametrize("zone", [-1, 13, 0])
def test_the_shops_zone_does_not_matter(shop, opened, zone):
    shop.zone = hours(zone)
    for number in range(1, 10):
        put_order(shop, number, THEN + timedelta(minutes=10 * number), created=THEN)
    rows, pages = pulled(opened(page_records=4))
    assert sorted(numbers(rows)) == list(range(1, 10))
    assert {row["placed_at"] for row in rows} == {THEN}
    put_order(shop, 3, THEN + timedelta(minutes=91))
    again, _ = pulled(opened(page_records=4), since=pages[-1].cursor)
    assert numbers(again) == [3]
    assert [row["updated_at"] for row in again] == [THEN + timedelta(minutes=91)]


def test_a_later_pull_asks_only_for_what_came_later(shop, opened):
    for number in range(1, 30):
        put_order(shop, number, THEN + timedelta(hours=number))
    _, pages = pulled(opened())
    shop.requests.clear()
    assert pulled(opened(), since=pages[-1].cursor) == ([], [])
    for asked in shop.asked("orders"):
        assert asked["modified_after"] == "2026-01-06T13:59:59"  # a second before the last but one, and no zone
        assert asked["dates_are_gmt"] == "true"
    assert len(shop.requests) == 2  # those that are there, and those thrown away


def test_an_hour_that_the_shops_clock_shows_twice_loses_nothing(shop, opened):
    shop.zone, shop.sorts_by_own_clock = ZoneInfo("Europe/Berlin"), True
    night = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    for number in range(1, 60):  # from 1:30, through both hours after 2, to 4:20
        put_order(shop, number, night + timedelta(minutes=4 * number))
    rows, _ = pulled(opened(page_records=5))
    assert sorted(numbers(rows)) == list(range(1, 60))


@pytest.mark.parametrize("tells_totals", [True, False])
@pytest.mark.parametrize("moves", [[1], [5], [6, 7], list(range(1, 12))])
def test_what_changes_while_it_is_read_hides_nothing_behind_it(shop, opened, moves, tells_totals):
    shop.tells_totals = tells_totals
    for number in range(1, 25):
        put_order(shop, number)

    def move():
        for number in moves:
            put_order(shop, number, THEN + timedelta(hours=1))

    shop.before = [None, None, move]
    rows, _ = pulled(opened(page_records=5))
    assert set(numbers(rows)) == set(range(1, 25))


def test_records_that_the_shop_hides_from_a_page_do_not_end_the_list(shop, opened):
    for number in range(1, 25):
        put_order(shop, number)
    for shop.hides in ({5}, {4, 5}, {5, 9}, set(range(5, 10)), {24}, set(range(1, 25))):
        rows, _ = pulled(opened(page_records=5))
        assert sorted(numbers(rows)) == [number for number in range(1, 25) if number not in shop.hides]
        assert len(shop.requests) < 60
        shop.requests.clear()


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("pending", "placed"),
        ("on-hold", "placed"),
        ("processing", "paid"),
        ("completed", "paid"),
        ("cancelled", "cancelled"),
        ("refunded", "refunded"),
        ("failed", "cancelled"),
        ("trash", "cancelled"),
        ("checkout-draft", "cancelled"),
    ],
)
def test_every_state_has_its_meaning(shop, opened, status, ours):
    put_order(shop, 1, status=status)
    assert [row["status"] for row in pulled(opened())[0]] == [ours]


def test_a_state_that_a_plugin_made_is_rejected_with_its_name_until_it_is_mapped(shop, opened):
    put_order(shop, 1, status="shipped")
    put_order(shop, 2)
    rows, (page,) = pulled(opened())
    assert numbers(rows) == [2]
    assert [(one.place, one.reason, one.detail) for one in page.rejects] == [
        ("orders 1", "bad_status", "bad status: 'shipped'")
    ]


def test_an_order_that_is_thrown_away_later_comes_again(shop, opened):
    put_order(shop, 1)
    put_order(shop, 2)
    _, pages = pulled(opened())
    put_order(shop, 1, THEN + timedelta(minutes=1), status="trash")
    rows, _ = pulled(opened(), since=pages[-1].cursor)
    assert [(row["order_id"], row["status"]) for row in rows] == [("1", "cancelled")]


def test_a_line_is_paid_at_its_total_by_its_quantity_in_the_minor_units_of_its_currency(shop, opened):
    for number, currency, quantity, total in ((1, "USD", 3, "10.00"), (2, "JPY", 2, "1980"), (3, "KWD", 2, "2.468")):
        put_order(shop, number, lines=[line_item(number, quantity=quantity, total=total)], currency=currency)
    rows, _ = pulled(opened())
    assert [row["unit_price_minor"] for row in rows] == [333, 990, 1234]


def test_the_mapping_may_take_prices_with_taxes_and_the_variation_that_was_sold(shop, opened, tmp_path):
    mapping = tmp_path / "woocommerce.toml"
    told = woocommerce.MAPPING.read_text()
    for ours, theirs in (("unit_price", "unit_price_with_tax"), ("product_id", "variation_id")):
        told = told.replace(f'= "line.{ours}"', f'= "line.{theirs}"')
    mapping.write_text(told)
    put_order(shop, 1, lines=[line_item(1, 22, 23, total="10.00", tax="1.90"), line_item(2, 24)])
    rows, _ = pulled(opened(mapping=mapping))
    assert [(row["product_id"], row["unit_price_minor"]) for row in rows] == [("23", 1190), (None, 150)]


def test_a_line_without_pieces_or_total_has_no_price(shop, opened):
    put_order(shop, 1, lines=[line_item(1, quantity=0), line_item(2, total="free")])
    assert [row["unit_price_minor"] for row in pulled(opened())[0]] == [None, None]


def test_lines_show_no_html_and_a_product_that_was_deleted_is_none(shop, opened):
    put_order(shop, 1, lines=[line_item(1, 0, name="Tea &ndash; <b>strong</b> &amp; black")])
    ((row,), _) = pulled(opened())
    assert (row["title"], row["product_id"]) == ("Tea – strong & black", None)


def test_a_guests_order_has_no_customer_and_keeps_its_address(shop, opened):
    put_order(shop, 1, customer_id=0, billing={"email": "guest@example.com"})
    put_order(shop, 2, customer_id=26)
    rows, _ = pulled(opened())
    assert [(row["customer_id"], row["email"]) for row in rows] == [
        (None, "guest@example.com"),
        ("26", "john.doe@example.com"),
    ]


def test_an_order_without_lines_is_rejected_and_counted_and_the_others_come(shop, opened):
    put_order(shop, 1, lines=[])
    put_order(shop, 2)
    rows, (page,) = pulled(opened())
    assert numbers(rows) == [2]
    assert [(one.place, one.reason) for one in page.rejects] == [("orders 1", "missing_quantity")]


def test_pieces_that_came_back_are_counted_by_line_and_asked_for_only_where_money_went_back(shop, opened):
    put_order(shop, 1, lines=[line_item(11, quantity=3), line_item(12, quantity=2)])
    put_order(shop, 2)
    shop.refund(1, 101, {11: 1})
    shop.refund(1, 102, {11: 1, 12: 2})
    shop.refund(1, 103, {})  # an amount, of no line
    rows, _ = pulled(opened())
    assert [(row["line_id"], row["refunded_quantity"]) for row in rows] == [("11", 2), ("12", 2), ("20", 0)]
    assert len(shop.calls("/refunds")) == 1


def test_a_refund_deleted_or_a_product_gone_a_moment_ago_does_not_stop_the_pull(shop, opened):
    put_order(shop, 1)
    shop.refund(1, 101, {10: 1})
    shop.troubles = [None, None, lambda _: answered({"code": "woocommerce_rest_order_invalid_id"}, 404)]
    assert [row["refunded_quantity"] for row in pulled(opened())[0]] == [0]


def test_a_stream_that_is_not_mapped_is_refused(opened, tmp_path):
    mapping = tmp_path / "woocommerce.toml"
    mapping.write_text('[customers]\nid = "id"\n')
    assert opened(mapping=mapping).streams() == [Stream.CUSTOMERS]
    with pytest.raises(Unsupported, match="has no orders; leave them out, or map them"):
        pulled(opened(mapping=mapping))


def test_orders_that_repeat_are_refused(shop, opened):
    for number in range(1, 20):
        put_order(shop, number)
    shop.caches = True
    with pytest.raises(BadSource, match="comes again and again"):
        pulled(opened(page_records=5))


def test_a_time_that_is_none_comes_first_and_is_none(shop, opened):
    put_order(shop, 1)
    put_order(shop, 2)
    shop.held["orders"][2] |= {"date_modified_gmt": None, "date_created_gmt": "soon"}
    rows, (page,) = pulled(opened())
    assert (numbers(rows), [one.reason for one in page.rejects]) == ([1], ["bad_placed_at"])
