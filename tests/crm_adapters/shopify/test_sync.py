"""Shopify pulled into a project's store: killed, gone on, and what was deleted there found by a full pull."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from campaigns import sync
from campaigns.init import init
from campaigns.project import Project
from campaigns.store.tables import customers, orders, products
from crm_adapters.errors import Unreachable
from tests.crm_adapters.shopify.listing import gid
from tests.crm_adapters.shopify.world import NEVER, line, variant

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
LIVING = {customers: customers.c.erased_at.is_(None), products: products.c.published, orders: True}


@pytest.fixture
def project(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def pull(project, world, monkeypatch):
    def go(bulk_from=NEVER, **how):
        monkeypatch.setattr(sync, "connect", lambda project, name: world.open(bulk_from=bulk_from))
        return {told.stream: told for told in sync.pull(project, "shopify", **how)}

    return go


@pytest.fixture
def filled(world):
    for number in range(45):
        world.customer(f"{number:02}", THEN - timedelta(days=1))
    world.product("3", THEN, hasOnlyDefaultVariant=False, variants=[variant("31", 0, "1.00"), variant("32", 1, "1.00")])
    for number in range(45):
        world.order(f"{number:02}", THEN, lineItems=[line(1, "3"), line(2, "3")])
    return world


def there(project, table):
    with project.store.engine.connect() as read:
        return set(read.scalars(select(table.c.id).where(LIVING[table])))


@pytest.mark.parametrize("bulk_from", [NEVER, 0], ids=["pages", "bulk"])
def test_everything_is_there_after_pulls_that_were_killed(project, filled, fake, pull, bulk_from):
    def dies(*_):
        raise httpx.ConnectError("the cable was pulled")

    for after in (2, 5, 3, 7, 4, 6):
        fake.troubles = [*[None] * after, *[dies] * 8]
        with pytest.raises(Unreachable):
            pull(bulk_from)
    fake.troubles = []
    pull(bulk_from)
    assert there(project, customers) == {f"{number:02}" for number in range(45)}
    assert there(project, orders) == {f"{number:02}" for number in range(45)}
    assert there(project, products) == {"3", "3/31", "3/32"}
    assert all(told.records == 0 for told in pull(bulk_from).values())


@pytest.mark.parametrize("bulk_from", [NEVER, 0], ids=["pages", "bulk"])
def test_who_was_deleted_or_merged_is_gone_after_a_full_pull(project, filled, fake, pull, bulk_from):
    pull(bulk_from)
    del fake.records["customers"][gid("Customer", "07")]
    fake.records["products"][gid("Product", "3")]["variants"].pop()
    assert pull(bulk_from)["customers"].gone == 0
    told = pull(bulk_from, full=True)
    assert (told["customers"].gone, told["products"].gone) == (1, 1)
    assert "07" not in there(project, customers)
    assert there(project, products) == {"3", "3/31"}


def test_orders_that_the_token_does_not_show_are_not_taken_for_deleted(project, filled, fake, pull):
    pull()
    fake.scopes.discard("read_all_orders")
    for number in range(40):
        del fake.records["orders"][gid("Order", f"{number:02}")]
    assert pull(full=True)["orders"].gone == 0
    assert len(there(project, orders)) == 45


def test_who_changes_an_address_stays_the_same_customer(project, world, pull):
    email = {"emailAddress": "old@example.com", "marketingState": "SUBSCRIBED", "marketingUpdatedAt": None}
    world.customer("7", THEN, defaultEmailAddress=email)
    pull()
    changed = {**email, "emailAddress": "new@example.com", "marketingState": "UNSUBSCRIBED"}
    world.customer("7", THEN + timedelta(hours=1), defaultEmailAddress=changed)
    pull()
    with project.store.engine.connect() as read:
        found = read.execute(select(customers.c.id, customers.c.email, customers.c.consent_email)).all()
    assert [tuple(each) for each in found] == [("7", "new@example.com", "unsubscribed")]
