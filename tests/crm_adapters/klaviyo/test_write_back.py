"""Klaviyo as a connection of a project: what it acknowledged is not sent again."""

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import connect
from campaigns.write_back import push
from crm_adapters.klaviyo.adapter import Klaviyo
from crm_adapters.records import Stream

CONNECTION = '\n[connections.klaviyo]\nadapter = "klaviyo"\n'


@pytest.fixture
def project(tmp_path, monkeypatch):
    init(tmp_path)
    settings = tmp_path / "handpicked.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + CONNECTION, encoding="utf-8")
    monkeypatch.setenv("HANDPICKED_CONNECTIONS__KLAVIYO__TOKEN", "pk_hush")
    with Project.open(tmp_path) as opened:
        yield opened


def test_a_connection_needs_its_token_only_which_does_not_show(project):
    adapter = connect(project, "klaviyo")
    assert isinstance(adapter, Klaviyo)
    assert "pk_hush" not in repr(project.settings)


def test_what_was_acknowledged_is_not_sent_again(project, world, monkeypatch):
    monkeypatch.setattr("campaigns.write_back.connect", lambda project, name: world.open())
    picks = {f"c{each}": {"reco_1_sku": f"sku {each}"} for each in range(500)}
    told = {"updated_at": "2026-01-05T10:00:00+00:00"}
    world.put(Stream.CUSTOMERS, [{"id": each, "email": f"{each}@example.com", **told} for each in picks])
    assert push(project, "klaviyo", picks).written == 500
    assert len(world.fake.requests) == 2  # one job, and a look at it
    assert push(project, "klaviyo", picks).unchanged == 500
    assert len(world.fake.requests) == 2
    del picks["c7"]
    assert push(project, "klaviyo", picks).written == 1
    assert world.pushed()["c7"] == {}
    assert len(world.fake.requests) == 3
