"""HubSpot's own SDK is the witness: it knows every body that we send, and reads every answer that the fake gives."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import hubspot
import pytest
from hubspot.crm import contacts, line_items, objects, products, properties
from hubspot.crm.associations import v4

from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.records import Stream
from tests.crm_adapters.hubspot.fake import TOKEN, error, on_loopback

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
MODELS = {
    "/contacts/search": (contacts, "PublicObjectSearchRequest"),
    "/products/search": (products, "PublicObjectSearchRequest"),
    "/orders/search": (objects, "PublicObjectSearchRequest"),
    "/line_items/batch/read": (line_items, "BatchReadInputSimplePublicObjectId"),
    "/contacts/batch/update": (contacts, "BatchInputSimplePublicObjectBatchInput"),
    "/contacts/gdpr-delete": (contacts, "PublicGdprDeleteInput"),
    "/orders/line_items/batch/read": (v4, "BatchInputPublicFetchAssociationsBatchRequest"),
    "/orders/contacts/batch/read": (v4, "BatchInputPublicFetchAssociationsBatchRequest"),
    "/properties/contacts": (properties, "PropertyCreate"),
    "/properties/contacts/groups": (properties, "PropertyGroupCreate"),
}


def through_the_sdk(package, model, body):
    """A body, read into the SDK's model and written out again."""
    client = package.ApiClient()
    read = client.deserialize(SimpleNamespace(data=json.dumps(body)), model)
    return client.sanitize_for_serialization(read)


def filled(account):
    """Two customers, one of them merged from others; an order of two lines, one without; a product; one archived."""
    for number in (11, 12, 13):
        account.put("contacts", number, {"email": f"{number}@example.com", "hs_merged_object_ids": "3;4"}, THEN)
    account.archive("contacts", 13, THEN)
    account.put("products", 31, {"name": "Tea", "price": "3.50"}, THEN)
    for number in (41, 42):
        account.put("orders", number, {"hs_createdate": "2026-01-05T10:00:00Z", "hs_currency_code": "USD"}, THEN)
    for number in (51, 52):
        account.put("line_items", number, {"quantity": "2", "amount": "7.00", "hs_product_id": "31"}, THEN)
        account.link("orders", "line_items", 41, number)
    account.link("orders", "contacts", 41, 11)
    return account


def everything(adapter):
    """All that an adapter can ask for."""
    for stream in Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS:
        cursor = [page.cursor for page in adapter.pull(stream, None)][-1]
        list(adapter.pull(stream, cursor))
    list(adapter.push([FieldUpdate("11", {"pick": "Tea", "picks": 3, "segment": None, "vip": True})]))
    list(adapter.push([FieldUpdate("11", {"pick": "Tea"}), FieldUpdate("99", {"pick": "Tea"})]))
    kinds = {"one": "text", "two": "number", "three": "time", "four": "bool"}
    adapter.ensure_fields([RemoteField(name, kind) for name, kind in kinds.items()], dry_run=False)
    list(adapter.erase(["12"]))
    adapter.check()


def test_every_body_that_is_sent_survives_the_sdk_unchanged(account, opened):
    filled(account)
    account.linked_at_once = 1
    everything(opened(page_records=2))
    sent = [(path, body) for _, path, body in account.requests if body is not None]
    met = set()
    for path, body in sent:
        ending = max((ending for ending in MODELS if path.endswith(ending)), key=len)
        met.add(ending)
        # The SDK types `sorts` as texts, against HubSpot's guide and answers: HubSpot/hubspot-api-python#236.
        own = {name: value for name, value in body.items() if name != "sorts"}
        assert through_the_sdk(*MODELS[ending], own) == own
        assert all(set(sort) == {"propertyName", "direction"} for sort in body.get("sorts", ()))
    assert met == set(MODELS)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/contacts/batch/update", {"inputs": [{"id": "1", "id_property": "email", "properties": {}}]}),
        ("/contacts/batch/update", {"inputs": [{"id": "1", "properties": {"picks": 3}}]}),
        ("/contacts/search", {"filter_groups": []}),
    ],
)
def test_the_sdk_does_not_let_another_body_through(path, body):
    assert through_the_sdk(*MODELS[path], body) != body


@pytest.fixture
def crm(account):
    """The SDK, let loose on the fake."""
    client = hubspot.HubSpot(access_token=TOKEN)
    with on_loopback(filled(account)) as url:

        def at(api):
            api.api_client.configuration.host = url
            return api

        yield SimpleNamespace(crm=client.crm, at=at)


def test_the_sdk_reads_lists_and_searches(crm):
    request = contacts.PublicObjectSearchRequest(
        filter_groups=[
            {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}]},
        ],
        sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        properties=["email"],
        limit=1,
    )
    found = crm.at(crm.crm.contacts.search_api).do_search(request)
    assert (found.total, found.results[0].id, found.paging.next.after) == (2, "12", "1")
    assert found.results[0].updated_at == THEN
    archived = crm.at(crm.crm.contacts.basic_api).get_page(limit=100, archived=True)
    assert [(one.id, one.archived, one.archived_at) for one in archived.results] == [("13", True, THEN)]


def test_the_sdk_reads_what_became_of_a_batch(crm):
    def update(*ids, **values):
        inputs = [contacts.SimplePublicObjectBatchInput(id=one, properties=values) for one in ids]
        told = contacts.BatchInputSimplePublicObjectBatchInput(inputs=inputs)
        return crm.at(crm.crm.contacts.batch_api).update(told)

    assert [one.id for one in update("11", "12", pick="Tea").results] == ["11", "12"]
    partly = update("11", "99", pick="Tea")
    assert isinstance(partly, contacts.BatchResponseSimplePublicObjectWithErrors)
    assert (partly.num_errors, partly.errors[0].context) == (1, {"ids": ["99"]})
    with pytest.raises(contacts.ApiException, match="was not a valid number") as refused:
        update("11", picks="many")
    assert refused.value.status == 400
    read = contacts.ApiClient().deserialize(SimpleNamespace(data=refused.value.body), "Error")
    assert read.category == "VALIDATION_ERROR"


def test_the_sdk_reads_lines(crm):
    inputs = [{"id": "41"}, {"id": "42"}]
    api = crm.at(crm.crm.associations.v4.batch_api)
    told = api.get_page("orders", "line_items", {"inputs": inputs})
    assert isinstance(told, v4.BatchResponsePublicAssociationMultiWithLabelWithErrors)
    assert [one.to_object_id for one in told.results[0].to] == ["51", "52"]
    asked = {"inputs": [{"id": "51"}], "properties": ["amount"], "propertiesWithHistory": []}
    read = crm.at(crm.crm.line_items.batch_api).read(asked)
    assert read.results[0].properties["amount"] == "7.00"


def test_the_sdk_reads_properties_and_makes_some(crm, account):
    crm.at(crm.crm.properties.groups_api).create("contacts", {"name": "ours", "label": "Ours", "displayOrder": -1})
    core = crm.at(crm.crm.properties.core_api)
    told = properties.PropertyCreate(name="made", label="Made", group_name="ours", type="string", field_type="text")
    assert core.create("contacts", told).name == "made"
    known = {one.name: one for one in core.get_all("contacts").results}
    assert known["createdate"].modification_metadata.read_only_value
    assert known["made"].group_name == "ours"


def test_the_sdk_reads_refusals(crm, account):
    crm.at(crm.crm.contacts.basic_api).purge(contacts.PublicGdprDeleteInput(object_id="12"))
    with pytest.raises(contacts.ApiException) as missing:
        crm.at(crm.crm.contacts.basic_api).purge(contacts.PublicGdprDeleteInput(object_id="12"))
    account.lacking = {"crm.objects.contacts.read"}
    with pytest.raises(contacts.ApiException) as forbidden:
        crm.at(crm.crm.contacts.basic_api).get_page()
    account.lacking = set()
    account.troubles = [lambda _: (429, {}, json.dumps(error(429, "RATE_LIMITS", "too many").data).encode())]
    with pytest.raises(contacts.ApiException) as too_many:
        crm.at(crm.crm.contacts.basic_api).get_page()
    assert [one.value.status for one in (missing, forbidden, too_many)] == [404, 403, 429]
    for one in missing, forbidden, too_many:
        told = contacts.ApiClient().deserialize(SimpleNamespace(data=one.value.body), "Error")
        assert told.message
