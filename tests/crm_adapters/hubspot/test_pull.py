"""HubSpot is pulled by change: nothing is lost at equal times, above 10,000 results, or where records merge and go."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from crm_adapters.errors import BadSource, Unsupported
from crm_adapters.hubspot import adapter as hubspot
from crm_adapters.hubspot.search import Reader, asked_of, position
from crm_adapters.records import Stream

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS


def put_contacts(account, numbers, updated=THEN):
    for number in numbers:
        account.put("contacts", number, {"email": f"{number}@example.com"}, updated)


def put_order(account, number, lines=(), kind="orders", **more):
    own = {"hs_currency_code": "USD", "hs_createdate": "2026-01-05T10:00:00.000Z", **more}
    account.put(kind, number, own, THEN)
    for line, values in lines:
        account.put("line_items", line, values, THEN)
        account.link(kind, "line_items", number, line)


def pulled(adapter, stream=CUSTOMERS, since=None):
    pages = list(adapter.pull(stream, since))
    return [row for page in pages for row in page.rows.to_pylist()], pages


def ids(rows):
    return [row["id"] for row in rows]


def test_more_than_10_000_contacts_of_one_time_come_once_each_and_no_search_goes_beyond_what_it_shows(account, opened):
    put_contacts(account, range(1, 5), THEN - timedelta(days=1))
    put_contacts(account, range(100, 10_301))
    put_contacts(account, range(20_000, 20_003), THEN + timedelta(days=1))
    rows, pages = pulled(opened())
    assert ids(rows) == [str(one) for one in (*range(1, 5), *range(100, 10_301), *range(20_000, 20_003))]
    searches = account.bodies("/search")
    assert all("after" not in body for body in searches)
    assert len(searches) == 2 + 52 + 2  # 10,201 by 200; before them one and one that meets them, behind them two
    again, _ = pulled(opened(), since=pages[-1].cursor)
    assert not again


@pytest.mark.parametrize("at_one_time", [1, 3, 9])
def test_equal_times_over_the_borders_of_pages_come_once_each(account, opened, at_one_time):
    wanted = list(range(1, 20))
    for number in wanted:
        put_contacts(account, [number], THEN + timedelta(milliseconds=number // at_one_time))
    rows, pages = pulled(opened(page_records=3))
    assert sorted(map(int, ids(rows))) == wanted
    for page in pages:  # and from each page on, all that follows
        seen = ids([row for known in pages[: pages.index(page) + 1] for row in known.rows.to_pylist()])
        rest, _ = pulled(opened(page_records=3), since=page.cursor)
        assert sorted(map(int, [*seen, *ids(rest)])) == wanted


def test_a_reader_that_begins_amid_a_time_gives_the_rest_of_it(account, opened):
    put_contacts(account, range(1, 10))
    put_contacts(account, [10], THEN + timedelta(seconds=1))
    adapter = opened(page_records=4)
    asked = asked_of(CUSTOMERS, adapter.mapping.stream(CUSTOMERS))
    rest, at, is_last = [], ("2026-01-05T10:00:00.000Z", 7), False
    while not is_last:
        rows, is_last = Reader(adapter.search, asked).after(at)
        rest, at = [*rest, *rows], position(rows[-1])
    assert [row.id for row in rest] == [8, 9, 10]


def test_a_search_is_sorted_by_one_property_and_asks_for_what_the_mapping_names(account, opened):
    put_contacts(account, [1])
    pulled(opened())
    (body,) = account.bodies("/contacts/search")
    assert body["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    assert {"email", "hs_email_optout", "lastmodifieddate", "hs_merged_object_ids"} <= set(body["properties"])
    assert (body["limit"], body["filterGroups"]) == (200, [])


def test_a_second_pull_asks_twice_where_nothing_changed(account, opened):
    put_contacts(account, range(1, 150))
    _, pages = pulled(opened())
    account.requests.clear()
    assert pulled(opened(), since=pages[-1].cursor)[1] == []
    assert [path for _, path in account.calls()] == ["/crm/v3/objects/contacts/search", "/crm/v3/objects/contacts"]


def test_archived_contacts_are_told_once_also_those_of_the_same_minute(account, opened):
    put_contacts(account, range(1, 6))
    _, pages = pulled(opened())
    account.archive("contacts", 4, THEN)
    _, second = pulled(opened(), since=pages[-1].cursor)
    account.archive("contacts", 2, THEN - timedelta(minutes=1))
    account.archive("contacts", 5, THEN + timedelta(minutes=30))
    _, third = pulled(opened(), since=second[-1].cursor)
    assert [page.gone for page in (*second, *third)] == [["4"], ["2", "5"]]
    assert pulled(opened(), since=third[-1].cursor)[1] == []
    known = json.loads(third[-1].cursor)["archived"]
    assert known == [["5", "2026-01-05T10:30:00.000Z"]]  # what is old need not be known
    account.archive("contacts", 3, THEN + timedelta(minutes=25))
    assert [page.gone for page in pulled(opened(), since=third[-1].cursor)[1]] == [["3"]]


def test_a_contact_archived_anew_is_told_anew(account, opened):
    put_contacts(account, [1])
    account.archive("contacts", 1, THEN)
    _, pages = pulled(opened())
    account.archive("contacts", 1, THEN + timedelta(minutes=2))
    assert pulled(opened(), since=pages[-1].cursor)[1][-1].gone == ["1"]


def test_the_archive_is_read_100_a_call(account, opened):
    put_contacts(account, range(1, 251))
    for number in range(1, 251):
        account.archive("contacts", number, THEN)
    _, (page,) = pulled(opened())
    assert sorted(map(int, page.gone)) == list(range(1, 251))
    assert page.first
    assert len(account.calls("/crm/v3/objects/contacts")) == 1 + 3


def test_archived_products_and_orders_are_gone_too(account, opened):
    account.put("products", 31, {"name": "Tea"}, THEN)
    put_order(account, 41)
    account.archive("products", 31, THEN)
    account.archive("orders", 41, THEN)
    assert [pulled(opened(), stream)[1][-1].gone for stream in (PRODUCTS, ORDERS)] == [["31"], ["41"]]


@pytest.mark.parametrize(
    ("name", "told"),
    [("hs_merged_object_ids", "7;8"), ("hs_calculated_merged_vids", "7:1467799127483;8:1467799127390;1:1467799127000")],
)
def test_who_was_merged_into_a_contact_is_told_with_it_and_the_contact_itself_is_there(account, opened, name, told):
    account.put("contacts", 1, {"email": "a@example.com", name: told}, THEN)
    rows, (page,) = pulled(opened())
    assert (ids(rows), page.merged, list(page.gone)) == (["1"], {"7": "1", "8": "1"}, [])


def test_a_product_that_others_were_merged_into_tells_that_these_are_gone(account, opened):
    account.put("products", 31, {"name": "Tea", "hs_merged_object_ids": "32;33"}, THEN)
    _, (page,) = pulled(opened(), PRODUCTS)
    assert (page.gone, page.merged) == (["32", "33"], {})


@pytest.mark.parametrize(("optout", "consent"), [("true", "unsubscribed"), ("false", "unknown"), ("", "unknown")])
def test_consent_is_told_by_the_opt_out_and_not_to_have_opted_out_is_none(account, opened, optout, consent):
    account.put("contacts", 1, {"email": "a@example.com", "hs_email_optout": optout}, THEN)
    assert [row["consent_email"] for row in pulled(opened())[0]] == [consent]


def test_a_mapping_may_take_not_to_have_opted_out_for_consent(account, opened, tmp_path):
    mapping = tmp_path / "hubspot.toml"
    mapping.write_text(hubspot.MAPPING.read_text().replace('false = "unknown"', 'false = "subscribed"'))
    account.put("contacts", 1, {"email": "a@example.com", "hs_email_optout": "false"}, THEN)
    assert [row["consent_email"] for row in pulled(opened(mapping=mapping))[0]] == ["subscribed"]


def test_times_are_read_in_both_of_their_forms_and_empty_texts_are_no_values(account, opened):
    account.put("contacts", 1, {"email": "", "createdate": "1767607200000", "city": ""}, THEN)
    account.put("contacts", 2, {"email": "b@example.com", "createdate": "2026-01-05T12:00:00.000+02:00"}, THEN)
    rows, _ = pulled(opened())
    assert [row["created_at"] for row in rows] == [THEN, THEN]
    assert (rows[0]["email"], rows[0]["city"]) == (None, None)


def test_a_line_is_paid_at_its_amount_by_its_quantity_and_in_the_minor_units_of_its_currency(account, opened):
    for number, currency, quantity, amount in (
        (1, "USD", "3", "10.00"),
        (2, "JPY", "2", "1980"),
        (3, "KWD", "2", "2.468"),
    ):
        line = {"quantity": quantity, "price": "99", "amount": amount, "hs_product_id": "31", "name": "Tee \U0001f375"}
        put_order(account, number, [(50 + number, line)], hs_currency_code=currency)
    rows, _ = pulled(opened(), ORDERS)
    assert [row["unit_price_minor"] for row in rows] == [333, 990, 1234]
    assert {(row["product_id"], row["title"]) for row in rows} == {("31", "Tee \U0001f375")}


def test_a_line_without_an_amount_is_paid_at_its_price(account, opened):
    put_order(account, 1, [(51, {"quantity": "2", "price": "1.50", "amount": ""})])
    assert [row["unit_price_minor"] for row in pulled(opened(), ORDERS)[0]] == [150]


def test_an_order_without_lines_is_rejected_and_counted_and_the_others_come(account, opened):
    put_order(account, 41)
    put_order(account, 42, [(52, {"quantity": "1", "amount": "1"})])
    rows, (page,) = pulled(opened(), ORDERS)
    assert [row["order_id"] for row in rows] == ["42"]
    assert [(reject.place, reject.reason) for reject in page.rejects] == [("orders 41", "missing_quantity")]


def test_a_guests_order_has_no_customer_and_keeps_its_address(account, opened):
    put_order(account, 41, [(51, {"quantity": "1", "amount": "1"})], hs_billing_address_email="guest@example.com")
    put_order(account, 42, [(52, {"quantity": "1", "amount": "1"})])
    account.link("orders", "contacts", 42, 11)
    rows, _ = pulled(opened(), ORDERS)
    assert [(row["customer_id"], row["email"]) for row in rows] == [(None, "guest@example.com"), ("11", None)]


def test_orders_are_read_with_as_few_calls_as_chunks_of_100_allow(account, opened):
    for number in range(1, 151):
        lines = [(1000 + 2 * number + n, {"quantity": "1", "amount": "1"}) for n in range(2)]
        put_order(account, number, lines)
    rows, _ = pulled(opened(), ORDERS)
    assert len(rows) == 300
    assert len(account.calls("/search")) == 1
    assert len(account.calls("/associations/")) == 2 * 2
    assert len(account.calls("/line_items/batch/read")) == 3 + 2  # 300 lines by 100, and the associations with lines


def test_an_order_with_more_lines_than_one_answer_holds_is_whole(account, opened):
    account.linked_at_once = 3
    put_order(account, 41, [(number, {"quantity": "1", "amount": "1"}) for number in range(51, 61)])
    rows, _ = pulled(opened(), ORDERS)
    assert [row["line_id"] for row in rows] == [str(number) for number in range(51, 61)]


def test_deals_are_read_as_orders_where_the_mapping_says_so(account, opened, tmp_path):
    mapping = tmp_path / "hubspot.toml"
    mapping.write_text("""
        [orders]
        table = "deals"
        order_id = "hs_object_id"
        placed_at = "closedate"
        currency = "deal_currency_code"
        status = {from = "dealstage", values = {closedwon = "paid", closedlost = "cancelled"}}
        quantity = "line.quantity"
        unit_price = "line.unit_price"
    """)
    for number, stage in ((61, "closedwon"), (62, "closedlost")):
        own = {"closedate": "1767607200000", "deal_currency_code": "EUR", "dealstage": stage}
        put_order(account, number, [(number + 10, {"quantity": "1", "amount": "2.5"})], kind="deals", **own)
    adapter = opened(mapping=mapping)
    assert adapter.streams() == [ORDERS]
    rows, _ = pulled(adapter, ORDERS)
    assert [(row["status"], row["placed_at"], row["unit_price_minor"]) for row in rows] == [
        ("paid", THEN, 250),
        ("cancelled", THEN, 250),
    ]
    with pytest.raises(Unsupported, match="no customers"):
        pulled(adapter, CUSTOMERS)


def test_a_products_price_is_in_the_accounts_currency_which_is_asked_for_once(account, opened):
    for number in range(1, 8):
        account.put("products", number, {"name": "Tea", "price": "3.5"}, THEN)
    rows, _ = pulled(opened(page_records=3), PRODUCTS)
    assert {(row["price_minor"], row["currency"]) for row in rows} == {(350, "USD")}
    assert len(account.calls("/account-info/")) == 1


def repeated(answer):
    """The same page, whatever is asked for."""
    told = {"total": 900, "results": answer["results"], "paging": {"next": {"after": "3"}}}
    return lambda _: (200, {}, json.dumps(told).encode())


@pytest.mark.parametrize("updated", [[THEN] * 3, [THEN, THEN, THEN + timedelta(seconds=1)]])
def test_a_search_that_gives_the_same_page_for_ever_is_refused(account, opened, updated):
    put_contacts(account, range(1, 4))
    for number, moment in enumerate(updated, 1):
        account.put("contacts", number, {"email": "a@example.com"}, moment)
    names = asked_of(CUSTOMERS, opened().mapping.stream(CUSTOMERS)).properties
    page = {"results": [account._shown("contacts", number, names) for number in range(1, 4)]}
    account.troubles = [repeated(page)] * 50
    with pytest.raises(BadSource, match="same page again"):
        pulled(opened(page_records=3))
    assert len(account.requests) <= 4


def test_an_archive_that_gives_the_same_page_for_ever_is_refused(account, opened):
    account.troubles = [None, *[repeated({"results": []})] * 50]
    with pytest.raises(BadSource, match="same page again"):
        pulled(opened())
    assert len(account.requests) == 3


def test_associations_that_give_the_same_page_for_ever_are_refused(account, opened):
    put_order(account, 41, [(51, {"quantity": "1", "amount": "1"})])
    to = [{"toObjectId": "51", "associationTypes": []}]
    page = {"results": [{"from": {"id": "41"}, "to": to, "paging": {"next": {"after": "51"}}}]}
    account.troubles = [None, *[repeated(page)] * 50]
    with pytest.raises(BadSource, match="same page again"):
        pulled(opened(), ORDERS)
    assert len(account.requests) == 3


def renewed(told, places):
    """The same records, behind a place that is new each time."""
    return lambda _: (200, {}, json.dumps(told | {"paging": {"next": {"after": str(next(places))}}}).encode())


def test_an_archive_that_repeats_behind_ever_new_places_is_refused(account, opened):
    held = {"results": [{"id": "7", "archivedAt": "2026-01-05T10:00:00Z"}]}
    account.troubles = [None, *[renewed(held, count(1))] * 50]
    with pytest.raises(BadSource, match="same page again"):
        pulled(opened())
    assert len(account.requests) == 3


def test_associations_that_repeat_behind_ever_new_places_are_refused(account, opened):
    put_order(account, 41, [(51, {"quantity": "1", "amount": "1"})])
    to = [{"toObjectId": "51", "associationTypes": []}]
    places = count(51)

    def repeating(_):
        found = {"from": {"id": "41"}, "to": to, "paging": {"next": {"after": str(next(places))}}}
        return 200, {}, json.dumps({"results": [found]}).encode()

    account.troubles = [None, *[repeating] * 50]
    with pytest.raises(BadSource, match="same page again"):
        pulled(opened(), ORDERS)
    assert len(account.requests) == 3
