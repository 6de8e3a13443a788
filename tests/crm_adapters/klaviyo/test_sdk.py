"""Klaviyo's own Python SDK calls the fake over HTTP and gets along with it: the fake is no invention."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from klaviyo_api import KlaviyoAPI

from crm_adapters.base import FieldUpdate
from crm_adapters.records import Stream
from tests.crm_adapters.klaviyo.fake import HOST, KEY
from tests.crm_adapters.klaviyo.world import World

CUSTOMER = {"email": "ann@example.com", "updated_at": "2026-01-05T10:00:00+00:00", "consent_email": "subscribed"}
LINE = {"line_id": "1", "customer_id": "1", "product_id": "p1", "quantity": "2", "unit_price": "1.5", "currency": "EUR"}


class Passing(BaseHTTPRequestHandler):
    """Hands each call to the fake."""

    def passed(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = self.server.fake(
            httpx.Request(self.command, HOST + self.path, headers=dict(self.headers), content=body)
        )
        self.send_response(answer.status_code)
        for name, value in {**answer.headers, "content-length": str(len(answer.content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PATCH = passed  # noqa: N815

    def log_message(self, *words):
        pass


@pytest.fixture
def filled():
    world = World()
    world.put(Stream.CUSTOMERS, [{"id": "1", **CUSTOMER}, {"id": "2", **CUSTOMER}])
    world.put(Stream.PRODUCTS, [{"id": "p1", "title": "Mug", "price": "1.5", "currency": "EUR", **CUSTOMER}])
    world.put(Stream.ORDERS, [{"order_id": "o1", "placed_at": "2026-01-05T10:00:00+00:00", **LINE}])
    return world


@pytest.fixture
def klaviyo(filled):
    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        server.fake = filled.fake
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield KlaviyoAPI(KEY, max_retries=0, test_host=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def test_the_sdk_reads_what_the_adapter_reads(klaviyo):
    (account,) = klaviyo.Accounts.get_accounts().data
    assert account.attributes.preferred_currency == "EUR"
    profiles = klaviyo.Profiles.get_profiles(additional_fields_profile=["subscriptions"], sort="updated").data
    assert {each.id: each.attributes.subscriptions.email.marketing.consent for each in profiles} == {
        "1": "SUBSCRIBED",
        "2": "SUBSCRIBED",
    }
    metrics = {each.attributes.name: each.id for each in klaviyo.Metrics.get_metrics().data}
    only = f'equals(metric_id,"{metrics["Placed Order"]}"),greater-than(datetime,2026-01-05T09:00:00Z)'
    (event,) = klaviyo.Events.get_events(filter=only, sort="datetime", page_size=1000).data
    assert event.attributes.event_properties["Items"][0]["Quantity"] == 2
    (item,) = klaviyo.Catalogs.get_catalog_items(include=["variants"]).data
    assert (item.attributes.external_id, item.attributes.price) == ("p1", 1.5)


def test_the_sdk_writes_what_the_adapter_writes(klaviyo, filled):
    """One call each, with the same effect on the fake."""
    profiles = [
        {"type": "profile", "id": name, "attributes": {"properties": {"tier": "gold"}}} for name in ("1", "gone")
    ]
    body = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": profiles}}}}
    number = klaviyo.Profiles.bulk_import_profiles(body).data.id
    assert klaviyo.Profiles.get_bulk_import_profiles_job(number).data.attributes.failed_count == 1
    (error,) = klaviyo.Profiles.get_errors_for_bulk_import_profiles_job(number).data
    assert error.attributes.original_payload["id"] == "gone"
    by_sdk = filled.pushed()["1"]
    statuses = [
        each.status for each in filled.open().push([FieldUpdate(name, {"tier": "gold"}) for name in ("1", "gone")])
    ]
    assert (statuses, filled.pushed()["1"]) == (["sent", "not_found"], by_sdk)


def test_the_sdk_clears_and_erases(klaviyo, filled):
    filled.fake.profiles["1"]["properties"] = {"tier": "gold", "points": 3}
    meta = {"patch_properties": {"unset": ["tier"]}}
    klaviyo.Profiles.update_profile("1", {"data": {"type": "profile", "id": "1", "attributes": {}, "meta": meta}})
    assert filled.pushed()["1"] == {"points": "3"}
    profile = {"data": {"type": "profile", "id": "2", "attributes": {}}}
    klaviyo.Data_Privacy.request_profile_deletion(
        {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}}
    )
    assert sorted(filled.fake.profiles) == ["1"]
