"""A client that we did not write, simple-salesforce, reads the fake's answers, and asks what the adapter asks.

It knows questions, pages, describe, jobs and refusals; of collections it reads only the JSON.
"""

import csv
import io
from datetime import UTC, datetime

import httpx
import pytest
import requests

from crm_adapters.base import FieldUpdate
from crm_adapters.records import Stream
from tests.crm_adapters.salesforce.fake import INSTANCE
from tests.crm_adapters.salesforce.parts import identity

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


class Carrier(requests.adapters.BaseAdapter):
    """Carries what requests sends to where httpx would."""

    def __init__(self, transport):
        super().__init__()
        self._transport = transport

    def send(self, request, **_):
        asked = httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body or b"")
        told = self._transport.handle_request(asked)
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = told.status_code, request.url, request
        answer.headers.update(told.headers)
        answer.raw, answer.encoding = io.BytesIO(told.read()), "utf-8"
        return answer

    def close(self):
        pass


@pytest.fixture
def client(org, opened, missing):
    """The client, let loose on an org of some contacts and an order of many lines."""
    try:
        import simple_salesforce
    except ImportError:
        missing("simple-salesforce")
    for number in range(1, 8):
        org.put("Contact", number, {"Email": f"{number}@example.com", "LastName": 'O"Brien, Zoë'}, THEN)
    org.delete("Contact", identity("Contact", 7), THEN)
    order = org.put("Order", 41, {"EffectiveDate": "2026-01-05"}, THEN)
    for line in range(1, 6):
        org.put("OrderItem", line, {"OrderId": order, "Quantity": 1.0, "UnitPrice": 2.5}, THEN)
    opened().check()
    session = requests.Session()
    session.mount("https://", Carrier(org.transport()))
    (token,) = org.sessions
    return simple_salesforce.Salesforce(session_id=token, instance_url=INSTANCE, version="64.0", session=session)


def test_it_asks_what_the_adapter_asks_and_reads_as_much(client, org, opened):
    org.batch = 2
    for stream in (Stream.CUSTOMERS, Stream.ORDERS):
        org.requests.clear()
        pages = list(opened().pull(stream, None))
        soql = org.questions()[-1]
        found = client.query_all(soql, include_deleted=True)
        there = [each["Id"] for each in found["records"] if not each["IsDeleted"]]
        assert there == [one for page in pages for one in page.ids]
        assert found["done"]


def test_it_reads_counts_and_what_is_nested(client):
    assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == 6
    found = client.query("SELECT Id, (SELECT Quantity FROM OrderItems) FROM Order")
    assert [each["Quantity"] for each in found["records"][0]["OrderItems"]["records"]] == [1.0] * 5


def test_it_reads_fields(client, opened):
    told = {each["name"]: each["updateable"] for each in client.Contact.describe()["fields"]}
    assert told == {field.name: field.writable for field in opened().fields()}


def test_it_reads_jobs_to_their_last_piece(client, org, opened, monkeypatch):
    monkeypatch.setattr("simple_salesforce.bulk2.sleep", lambda _: None)
    adapter = opened(bulk_from=1)
    adapter.bulk_piece = 3
    rows = [row for page in adapter.pull(Stream.CUSTOMERS, None) for row in page.rows.to_pylist()]
    soql = org.bodies("/jobs/query")[0]["query"]
    pieces = list(client.bulk2.Contact.query_all(soql, max_records=3))
    told = [row for piece in pieces for row in csv.DictReader(io.StringIO(piece))]
    assert len(pieces) == 3
    assert {(each["Id"], each["LastName"]) for each in told if each["IsDeleted"] == "false"} == {
        (row["id"], row["last_name"]) for row in rows
    }


def test_it_reads_what_became_of_a_collection(client, org, opened):
    list(opened().push([FieldUpdate(identity("Contact", 1), {"Pick__c": "Tea"}), FieldUpdate("003xx", {})]))
    (body,) = org.bodies("/composite/sobjects")
    told = client.restful("composite/sobjects", method="PATCH", json=body)
    assert [each["success"] for each in told] == [True, False]


def test_it_reads_refusals_and_the_calls_that_are_left(client, org):
    from simple_salesforce import exceptions

    client.query("SELECT Id FROM Contact")
    assert (client.api_usage["api-usage"].used, client.api_usage["api-usage"].total) == (org.used - 1, org.most)
    for soql, code in (("SELECT Id FRM Contact", "MALFORMED_QUERY"), ("SELECT No FROM Contact", "INVALID_FIELD")):
        with pytest.raises(exceptions.SalesforceMalformedRequest) as refused:
            client.query(soql)
        assert refused.value.content[0]["errorCode"] == code
    with pytest.raises(exceptions.SalesforceResourceNotFound):
        client.restful("nothing")
    org.used = org.most
    with pytest.raises(exceptions.SalesforceRefusedRequest):
        client.query("SELECT Id FROM Contact")
    org.sessions.clear()
    with pytest.raises(exceptions.SalesforceExpiredSession):
        client.query("SELECT Id FROM Contact")
