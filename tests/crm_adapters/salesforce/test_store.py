"""Salesforce into a project's store: by a job and by change, what is gone there is gone here."""

from datetime import UTC, datetime

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.store import frames
from campaigns.sync import pull
from tests.crm_adapters.salesforce.parts import identity

THEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def project(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def pulled(project, opened, monkeypatch):
    """Pulls, and tells by stream what came: records, rejected, gone."""

    def open_one(project, name):
        adapter = opened(bulk_from=20)
        adapter.bulk_piece = 10
        return adapter

    monkeypatch.setattr("campaigns.sync.connect", open_one)
    return lambda **more: {
        each.stream: (each.records, each.rejected, each.gone) for each in pull(project, "acme", **more)
    }


@pytest.fixture
def filled(org):
    for number in range(1, 31):
        org.put("Contact", number, {"Email": f"{number}@example.com"}, THEN)
    org.put("Contact", 31, {"Email": "no address"}, THEN)
    told = {"BillToContactId": identity("Contact", 1), "EffectiveDate": "2026-01-05", "CurrencyIsoCode": "USD"}
    order = org.put("Order", 41, {**told, "StatusCode": "Activated"}, THEN)
    product = org.put("Product2", 51, {"Name": "Tea", "IsActive": True}, THEN)
    line = {"OrderId": order, "Product2Id": product, "Quantity": 2.0, "UnitPrice": 3.5}
    org.put("OrderItem", 61, line, THEN)
    return org


def test_all_comes_once_and_what_goes_is_gone(project, pulled, filled):
    assert pulled() == {"customers": (30, 1, 0), "products": (1, 0, 0), "orders": (1, 0, 0)}
    assert len(filled.jobs) == 1
    assert pulled() == {"customers": (0, 0, 0), "products": (1, 0, 0), "orders": (0, 0, 0)}
    filled.delete("Contact", identity("Contact", 2), datetime.now(UTC))
    filled.delete("Contact", identity("Contact", 3), datetime.now(UTC), master=identity("Contact", 1))
    assert pulled()["customers"] == (0, 0, 2)
    assert len(frames.customers(project.store)) == 28


def test_what_the_recycle_bin_does_not_tell_a_full_pull_finds(project, pulled, filled):
    filled.put("Product2", 52, {"Name": "Coffee", "IsActive": True}, THEN)
    pulled()
    del filled.objects["Contact"][identity("Contact", 5)]
    del filled.objects["Product2"][identity("Product2", 52)]
    assert pulled() == {"customers": (0, 0, 0), "products": (1, 0, 1), "orders": (0, 0, 0)}
    assert pulled(full=True)["customers"] == (29, 1, 1)
    assert len(frames.customers(project.store)) == 29
