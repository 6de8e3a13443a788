"""Salesforce is pulled by change: nothing is lost at equal times, within an order, or where records merge and go."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_adapters.errors import Unsupported
from crm_adapters.records import Stream
from tests.crm_adapters.salesforce.parts import identity

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS


def put_contacts(org, numbers, updated=THEN, **more):
    return [org.put("Contact", number, {"Email": f"{number}@example.com", **more}, updated) for number in numbers]


def put_order(org, number, lines, **more):
    own = {"CurrencyIsoCode": "USD", "EffectiveDate": "2026-01-05", "StatusCode": "Activated", **more}
    order = org.put("Order", number, own, THEN)
    for line in lines:
        told = {"OrderId": order, "Product2Id": identity("Product2", 31), "Quantity": 2.0, "UnitPrice": 3.5}
        org.put("OrderItem", line, told, THEN)
    return order


def put_product(org, number, prices, **more):
    one = org.put("Product2", number, {"Name": f"Tea {number}", "IsActive": True, **more}, THEN)
    for place, (code, amount, book, active) in enumerate(prices):
        told = {"Product2Id": one, "UnitPrice": amount, "CurrencyIsoCode": code, "IsActive": active}
        org.put("PricebookEntry", 100 * number + place, told | {"Pricebook2Id": identity("Pricebook2", book)}, THEN)
    return one


def pulled(adapter, stream=CUSTOMERS, since=None):
    pages = list(adapter.pull(stream, since))
    return [row for page in pages for row in page.rows.to_pylist()], pages


def ids(rows):
    return [row["id"] for row in rows]


def test_more_than_ten_thousand_contacts_of_one_time_come_once_each(org, opened):
    wanted = put_contacts(org, range(1, 10_502))
    rows, pages = pulled(opened())
    assert ids(rows) == wanted
    assert len(org.questions()) == 1 + 6  # how many, and 10,501 by 2,000
    assert pages[0].total == 10_501
    assert pulled(opened(), since=pages[-1].cursor)[1] == []


@pytest.mark.parametrize("at_one_time", [1, 3, 9])
def test_equal_times_over_the_borders_of_pages_come_once_each(org, opened, at_one_time):
    wanted = [put_contacts(org, [each], THEN + timedelta(seconds=each // at_one_time))[0] for each in range(1, 20)]
    rows, pages = pulled(opened(page_records=3))
    assert ids(rows) == wanted
    for number, page in enumerate(pages):  # and from each page on, all that follows
        seen = [one for known in pages[: number + 1] for one in known.rows["id"].to_pylist()]
        rest, _ = pulled(opened(page_records=3), since=page.cursor)
        assert [*seen, *ids(rest)] == wanted


def test_a_question_goes_on_by_time_and_id_in_that_order(org, opened):
    put_contacts(org, range(1, 4))
    pulled(opened(page_records=2))
    count, first, second = org.questions()
    assert count == "SELECT COUNT() FROM Contact"
    assert first.endswith(" FROM Contact ORDER BY SystemModstamp, Id LIMIT 2")
    time, one = "2026-01-05T10:00:00.000Z", identity("Contact", 2)
    later = f"(SystemModstamp > {time} OR (SystemModstamp = {time} AND Id > '{one}'))"
    assert second.endswith(f" FROM Contact WHERE {later} ORDER BY SystemModstamp, Id LIMIT 2")
    assert {path for _, path in org.calls()} == {"/services/data/v64.0/queryAll"}


def test_an_answer_in_parts_is_read_to_its_end(org, opened):
    wanted = put_contacts(org, range(1, 24))
    org.batch = 5
    assert ids(pulled(opened())[0]) == wanted
    assert len(org.calls("/query/")) == 4


def test_a_second_pull_asks_once_where_nothing_changed(org, opened):
    put_contacts(org, range(1, 150))
    _, pages = pulled(opened())
    org.requests.clear()
    assert pulled(opened(), since=pages[-1].cursor)[1] == []
    assert len(org.requests) == 1


def test_deleted_contacts_are_gone_merged_ones_are_told_with_the_other_and_both_once(org, opened):
    first, second, third, fourth = put_contacts(org, range(1, 5))
    _, pages = pulled(opened())
    org.delete("Contact", second, THEN + timedelta(minutes=1))
    org.delete("Contact", third, THEN + timedelta(minutes=1), master=first)  # merged
    rows, later = pulled(opened(), since=pages[-1].cursor)
    assert (rows, [(page.gone, page.merged) for page in later]) == ([], [([second], {third: first})])
    assert pulled(opened(), since=later[-1].cursor)[1] == []
    assert ids(pulled(opened())[0]) == [first, fourth]


def test_a_full_pull_names_all_that_is_there_so_that_the_rest_can_be_swept(org, opened):
    wanted = put_contacts(org, range(1, 5))
    org.put("Contact", 5, {"Email": "no address"}, THEN)
    del org.objects["Contact"][wanted[1]]  # the recycle bin was emptied
    _, pages = pulled(opened())
    assert [one for page in pages for one in page.ids] == [wanted[0], *wanted[2:], identity("Contact", 5)]
    assert opened().sweeps


def test_a_contact_is_read_as_the_mapping_says(org, opened):
    told = {"FirstName": "Zoë", "LastName": "O'Brien", "MailingCity": "Köln", "HasOptedOutOfEmail": True}
    put_contacts(org, [1], **told, Birthdate="1990-02-01")
    put_contacts(org, [2])
    (first, second), _ = pulled(opened())
    assert (first["first_name"], first["last_name"], first["city"]) == ("Zoë", "O'Brien", "Köln")
    assert (first["birth_date"], first["updated_at"]) == ("1990-02-01", THEN)
    assert (first["consent_email"], second["consent_email"]) == ("unsubscribed", "unknown")


def test_a_parents_field_is_named_with_a_dot_and_may_be_missing(org, opened, mapped):
    account = org.put("Account", 7, {"Name": "Acme"}, THEN)
    put_contacts(org, [1], AccountId=account)
    put_contacts(org, [2])
    path = mapped(('"Birthdate"', '"Birthdate"\n"attributes.company" = "Account.Name"'))
    rows, _ = pulled(opened(path))
    assert [row["attributes"] for row in rows] == ['{"company": "Acme"}', "{}"]


def test_person_accounts_are_read_without_the_companies_among_them(org, opened, mapped):
    person = org.put("Account", 1, {"PersonEmail": "a@example.com", "IsPersonAccount": True}, THEN)
    org.put("Account", 2, {"Name": "Acme"}, THEN)
    path = mapped(('table = "Contact"', 'table = "Account"'))
    text = path.read_text()
    start, end = text.index("email = "), text.index("[products]")
    path.write_text(f'{text[:start]}email = "PersonEmail"\n\n{text[end:]}')
    assert [(row["id"], row["email"]) for row in pulled(opened(path))[0]] == [(person, "a@example.com")]


def test_all_lines_of_an_order_come_however_they_are_cut(org, opened):
    put_product(org, 31, [])
    put_contacts(org, [1])
    first = put_order(org, 41, range(1, 12), BillToContactId=identity("Contact", 1))
    second = put_order(org, 42, range(12, 14))
    org.batch, org.nested = 1, 2
    rows, pages = pulled(opened(), ORDERS)
    assert len(pages) == 1
    assert [(row["order_id"], row["line_id"]) for row in rows] == [
        *[(first, identity("OrderItem", line)) for line in range(11, 0, -1)],
        *[(second, identity("OrderItem", line)) for line in (13, 12)],
    ]
    row = rows[0]
    assert (row["title"], row["quantity"], row["unit_price_minor"], row["currency"]) == ("Tea 31", 2.0, 350, "USD")
    assert (row["customer_id"], row["email"]) == (identity("Contact", 1), "1@example.com")
    assert (row["status"], row["placed_at"]) == ("paid", datetime(2026, 1, 5, tzinfo=UTC))
    assert (rows[-1]["customer_id"], rows[-1]["email"]) == (None, None)


def test_an_order_without_lines_is_rejected_and_deleted_lines_are_none(org, opened):
    order = put_order(org, 41, [1])
    org.delete("OrderItem", identity("OrderItem", 1), THEN)
    rows, (page,) = pulled(opened(), ORDERS)
    assert rows == []
    assert [(each.place, each.reason) for each in page.rejects] == [(f"Order {order}", "missing_quantity")]
    assert page.ids == [order]


def test_a_deleted_order_is_gone(org, opened):
    order = put_order(org, 41, [1])
    _, pages = pulled(opened(), ORDERS)
    org.delete("Order", order, THEN + timedelta(minutes=1))
    assert [page.gone for page in pulled(opened(), ORDERS, pages[-1].cursor)[1]] == [[order]]


def test_opportunities_are_read_as_orders_where_the_mapping_says_so(org, opened, mapped):
    told = {"ContactId": identity("Contact", 1), "CloseDate": "2026-01-05", "IsWon": True, "CurrencyIsoCode": "EUR"}
    deal = org.put("Opportunity", 1, told, THEN)
    line = {"OpportunityId": deal, "Quantity": 1.0, "UnitPrice": 9.99, "Product2Id": identity("Product2", 31)}
    org.put("OpportunityLineItem", 1, line, THEN)
    path = mapped(
        ('table = "Order"', 'table = "Opportunity"'),
        ('"BillToContactId"', '"ContactId"'),
        ('"BillToContact.Email"', '"Contact.Email"'),
        ('"EffectiveDate"', '"CloseDate"'),
        ('"StatusCode"', '"IsWon"'),
        ("values = {Draft", 'values = {true = "paid", false = "placed", Draft'),
    )
    (row,), _ = pulled(opened(path), ORDERS)
    assert (row["order_id"], row["status"], row["unit_price_minor"], row["currency"]) == (deal, "paid", 999, "EUR")


def test_orders_of_a_kind_whose_lines_are_not_known_are_refused(opened, mapped):
    with pytest.raises(Unsupported, match="orders can't be read from Salesforce's Case"):
        pulled(opened(mapped(('table = "Order"', 'table = "Case"'))), ORDERS)


def test_products_have_their_price_in_the_standard_price_book_and_their_own_currency(org, opened):
    other_book, off = ("EUR", 1.0, 2, True), ("EUR", 2.0, 1, False)
    put_product(org, 31, [other_book, off, ("USD", 3.5, 1, True), ("EUR", 3.2, 1, True)], CurrencyIsoCode="EUR")
    put_product(org, 32, [("JPY", 1980.0, 1, True)], CurrencyIsoCode="USD")
    put_product(org, 33, [])
    put_product(org, 34, [("EUR", 3.2, 1, True), ("USD", 3.5, 1, True)], CurrencyIsoCode="EUR")
    rows, (page,) = pulled(opened(), PRODUCTS)
    told = [(row["title"], row["price_minor"], row["currency"], row["published"]) for row in rows]
    assert told == [
        ("Tea 31", 320, "EUR", True),
        ("Tea 32", 1980, "JPY", True),
        ("Tea 33", None, None, True),
        ("Tea 34", 320, "EUR", True),
    ]
    assert page.cursor is None


def test_products_come_whole_each_time_as_a_new_price_does_not_change_them(org, opened):
    one = put_product(org, 31, [("USD", 3.5, 1, True)], CurrencyIsoCode="USD")
    gone = put_product(org, 32, [])
    org.delete("Product2", gone, THEN)
    _, (page,) = pulled(opened(), PRODUCTS)
    assert (page.ids, page.gone, page.first) == ([one], [], True)
    org.objects["PricebookEntry"][identity("PricebookEntry", 3100)]["UnitPrice"] = 4.0
    (row,), _ = pulled(opened(), PRODUCTS, page.cursor)
    assert row["price_minor"] == 400
