"""A shop's feed into a project's store, by the settings alone; nothing can be written back to it."""

import pytest

from campaigns.contact_fields import give_back
from campaigns.init import init
from campaigns.project import Project
from campaigns.store import frames
from campaigns.sync import pull
from crm_adapters.errors import Unsupported
from tests.crm_adapters.product_pages.shop import feed

CONNECTION = '\n[connections.catalogue]\nadapter = "product_pages"\nurl = "{}/feed.xml"\nallow_private = true\n'
TEA = {"id": "1", "title": "Tea", "price": "3.50 USD"}
MUG = {"id": "2", "title": "Mug", "price": "9.00 USD"}


@pytest.fixture
def project(tmp_path, shop):
    init(tmp_path)
    settings = tmp_path / "handpicked.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + CONNECTION.format(shop.url), encoding="utf-8")
    with Project.open(tmp_path) as opened:
        yield opened


def test_a_feed_is_pulled_when_it_has_changed_and_what_vanished_from_it_is_gone(project, shop):
    shop.put("/feed.xml", feed(TEA, MUG))
    (first,) = pull(project, "catalogue")
    assert (first.stream, first.records, first.gone) == ("products", 2, 0)
    (same,) = pull(project, "catalogue")
    assert (same.records, same.gone) == (0, 0)
    shop.put("/feed.xml", feed(TEA | {"price": "4.00 USD"}))
    (changed,) = pull(project, "catalogue")
    assert (changed.records, changed.gone) == (1, 1)
    kept = frames.products(project.store)
    assert kept.loc[kept["recommendable"], ["product_id", "price_minor"]].to_numpy().tolist() == [["1", 400]]


@pytest.mark.parametrize("dry_run", [True, False])
def test_nothing_can_be_written_back(project, dry_run):
    with pytest.raises(Unsupported, match="catalogue has no customers to write to"):
        give_back(project, "catalogue", dry_run=dry_run)
