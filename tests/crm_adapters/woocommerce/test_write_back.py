"""WooCommerce as a connection of a project: deletions arrive, and what it acknowledged is not sent again."""

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.store import frames
from campaigns.sync import pull
from campaigns.write_back import push
from crm_adapters.records import Stream

CONNECTION = '\n[connections.woo]\nadapter = "files"\n'


@pytest.fixture
def project(tmp_path, woocommerce_world, monkeypatch):
    folder = tmp_path / "project"
    init(folder)
    settings = folder / "handpicked.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + CONNECTION, encoding="utf-8")
    for verb in ("campaigns.sync.connect", "campaigns.write_back.connect"):
        monkeypatch.setattr(verb, lambda project, name: woocommerce_world.open())
    with Project.open(folder) as opened:
        yield opened


def customers(*numbers):
    told = {"updated_at": "2026-01-05T10:00:00+00:00", "first_name": "Ann"}
    return [{"id": f"c{number}", "email": f"c{number}@example.com", **told} for number in numbers]


def test_500_changed_customers_are_5_requests_and_what_was_acknowledged_is_not_sent_again(project, woocommerce_world):
    shop = woocommerce_world.shop
    picks = {f"c{each}": {"reco_1_sku": f"sku {each}"} for each in range(500)}
    woocommerce_world.put(Stream.CUSTOMERS, customers(*range(500)))
    assert push(project, "woo", picks).written == 500
    assert shop.calls() == [("POST", "customers/batch")] * 5
    assert push(project, "woo", picks).unchanged == 500
    assert len(shop.requests) == 5
    del picks["c7"]
    assert push(project, "woo", picks).written == 1
    assert woocommerce_world.pushed()["c7"] == {}
    assert len(shop.requests) == 6


def test_a_second_sync_brings_nothing_and_one_after_a_deletion_says_who_is_gone(project, woocommerce_world):
    woocommerce_world.put(Stream.CUSTOMERS, customers(*range(30)))
    assert [each.records for each in pull(project, "woo")] == [30, 0, 0, 0]
    assert [each.records for each in pull(project, "woo")] == [0, 0, 0, 0]
    woocommerce_world.delete(Stream.CUSTOMERS, ["c4"])
    assert pull(project, "woo")[0].gone == 1
    assert "c4" not in set(frames.customers(project.store)["customer_id"])
    assert len(frames.customers(project.store)) == 29
