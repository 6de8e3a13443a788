"""Shopify as a connection of a project: 25 metafields a call, and what it acknowledged is not sent again."""

from datetime import UTC, datetime

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.write_back import push

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def project(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as opened:
        yield opened


def test_500_customers_of_5_fields_take_100_calls_and_none_when_nothing_changed(project, world, fake, monkeypatch):
    monkeypatch.setattr("campaigns.write_back.connect", lambda project, name: world.open())
    names = ("segment", "value_band", "sku_1", "sku_2", "sku_3")
    picks = {f"{each}": {name: f"{name} {each}" for name in names} for each in range(500)}
    for each in picks:
        world.customer(each, THEN)
    assert push(project, "shopify", picks).written == 500
    assert len(fake.asked("metafieldsSet(")) == 100
    assert len(fake.requests) == 101  # and one asks how the fields are defined
    assert push(project, "shopify", picks).unchanged == 500
    assert len(fake.requests) == 101
    world.clock.time += 60
    del picks["7"]
    assert push(project, "shopify", picks).written == 1
    assert "7" not in world.pushed()
    assert world.pushed()["8"] == picks["8"]
    assert len(fake.asked("metafieldsDelete(")) == 1
