"""What the mapping names is asked for; what Salesforce does not have, or does not show, is told by its name."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_adapters.errors import BadCursor, BadMapping, BadSource, SourceMissing, Unsupported
from crm_adapters.records import Stream
from tests.crm_adapters.salesforce.parts import identity

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS


def put_contacts(org, numbers, updated=THEN, **more):
    return [org.put("Contact", number, {"Email": f"{number}@example.com", **more}, updated) for number in numbers]


def pulled(adapter, stream=CUSTOMERS, since=None):
    pages = list(adapter.pull(stream, since))
    return [row for page in pages for row in page.rows.to_pylist()], pages


def test_a_field_that_does_not_exist_is_named(org, opened, mapped):
    put_contacts(org, [1])
    path = mapped(('"MailingCity"', '"MailingTown"'))
    with pytest.raises(SourceMissing, match=r"its Contact has no field 'MailingTown', or not for us; correct it"):
        pulled(opened(path))


def test_a_field_that_the_user_may_not_see_is_named(org, opened):
    org.hide("Contact", "HasOptedOutOfEmail")
    with pytest.raises(SourceMissing, match=r"no field 'HasOptedOutOfEmail'.* let the connection's user see it"):
        pulled(opened())


def test_a_relationship_that_does_not_exist_is_named(opened, mapped):
    with pytest.raises(SourceMissing, match="there is no relationship 'Firm'"):
        pulled(opened(mapped(('"Birthdate"', '"Firm.Name"'))))


def test_an_org_of_one_currency_is_told_what_to_write(org, opened, mapped):
    for table in ("Order", "PricebookEntry", "Product2"):
        org.hide(table, "CurrencyIsoCode")
    org.put("Product2", 31, {"Name": "Tea"}, THEN)
    for stream in (ORDERS, PRODUCTS):
        with pytest.raises(SourceMissing, match=r'write currency = \{default = "EUR"\}'):
            pulled(opened(), stream)
    path = mapped(
        ('"price.CurrencyIsoCode"', '{default = "EUR"}'),
        ('currency = "CurrencyIsoCode"', 'currency = {default = "EUR"}'),
    )
    org.put("Order", 41, {"EffectiveDate": "2026-01-05"}, THEN)
    line = {"OrderId": identity("Order", 41), "Quantity": 1.0, "UnitPrice": 3.5, "Product2Id": identity("Product2", 31)}
    org.put("OrderItem", 1, line, THEN)
    assert [row["currency"] for row in pulled(opened(path), ORDERS)[0]] == ["EUR"]
    assert [row["currency"] for row in pulled(opened(path), PRODUCTS)[0]] == ["EUR"]


def test_an_object_that_the_user_may_not_read_is_named(org, opened):
    del org.schema["Order"]
    with pytest.raises(SourceMissing, match=r"no object 'Order'.* take its section out of the mapping"):
        pulled(opened(), ORDERS)


@pytest.mark.parametrize("column", ["Id FROM User", "First Name", "Name'", "1st__c", "Account.", "(SELECT Id FROM X)"])
def test_a_column_that_can_be_no_field_is_refused_before_any_call(org, opened, mapped, column):
    with pytest.raises(BadMapping, match=r"\[customers\] names .* which can be no field of Salesforce"):
        pulled(opened(mapped(('"FirstName"', f'"{column}"'))))
    assert org.requests == []


def test_more_fields_than_fit_a_url_are_refused(opened, mapped):
    many = "\n".join(f'"attributes.f{number}" = "Field_number_{number:04d}__c"' for number in range(800))
    with pytest.raises(BadSource, match="more fields than fit a question"):
        pulled(opened(mapped(('birth_date = "Birthdate"', many))))


def test_a_stream_that_the_mapping_does_not_have_is_refused(opened, tmp_path):
    path = tmp_path / "few.toml"
    path.write_text('[customers]\nid = "Id"\nemail = "Email"\n')
    adapter = opened(path)
    assert adapter.streams() == [CUSTOMERS]
    with pytest.raises(Unsupported, match="has no orders"):
        list(adapter.pull(ORDERS, None))


def test_a_cursor_of_another_mapping_is_refused(org, opened, mapped):
    put_contacts(org, [1])
    _, (page,) = pulled(opened())
    with pytest.raises(BadCursor):
        pulled(opened(mapped(('"Birthdate"', '"Segment__c"'))), since=page.cursor)


def test_a_formula_changes_without_its_record_and_a_full_pull_reads_it(org, opened, mapped):
    (one,) = put_contacts(org, [1], Score__c=1.0)
    path = mapped(('birth_date = "Birthdate"', '"attributes.score" = "Score__c"'))
    put_contacts(org, [2], THEN + timedelta(hours=1))
    _, pages = pulled(opened(path))
    org.objects["Contact"][one]["Score__c"] = 2.0
    assert pulled(opened(path), since=pages[-1].cursor)[1] == []
    row, _ = pulled(opened(path))[0]
    assert row["attributes"] == '{"score": "2.0"}'
