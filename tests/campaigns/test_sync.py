"""Pulling into the store: what a system has deleted, without telling, is found by a whole reading and by no other."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from sqlalchemy import select

from campaigns import sync
from campaigns.collect import read_one, take
from campaigns.init import init
from campaigns.project import Project
from campaigns.store.tables import customers, events, orders, products
from crm_adapters.base import Page, Reject
from crm_adapters.errors import Unreachable
from crm_adapters.events.event import Heard
from crm_adapters.mapping import Mapping
from crm_adapters.records import SCHEMAS, Stream

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEAST = {
    Stream.CUSTOMERS: {"consent_email": "subscribed", "objected": False},
    Stream.PRODUCTS: {"title": "Tea", "available": True, "published": True, "recommendable": True},
    Stream.ORDERS: {"line_id": "1", "placed_at": NOW, "status": "paid", "test": False}
    | {"quantity": 1.0, "refunded_quantity": 0.0},
}


class Silent:
    """A system that deletes without telling: two records a page, and a cursor that counts them."""

    mapping = Mapping({})
    name, max_batch, max_bytes, api_version, sweeps = "silent", 1, 1, "1", True

    def __init__(self, records, breaks_after=None, rejected=()):
        self.records, self.breaks_after, self.rejected = records, breaks_after, rejected

    def streams(self):
        return list(self.records)

    def pull(self, stream, since):
        ids = self.records[stream]
        for start in range(json.loads(since or "0"), len(ids), 2):
            if self.breaks_after is not None and start >= self.breaks_after:
                raise Unreachable("it does not answer", remedy="try again")
            some = ids[start : start + 2]
            key = "order_id" if stream is Stream.ORDERS else "id"
            good = [{key: one, **LEAST[stream]} for one in some if one not in self.rejected]
            rejects = [Reject(one, "bad", "bad", "{}") for one in some if one in self.rejected]
            rows = pa.Table.from_pylist(good, schema=SCHEMAS[stream])
            yield Page(stream, rows, rejects, json.dumps(start + len(some)), ids=some)

    def push(self, updates):
        return iter(())

    def fields(self):
        return []

    def ensure_fields(self, wanted, *, dry_run):
        return []

    def erase(self, ids):
        return iter(())

    def check(self):
        raise NotImplementedError


@pytest.fixture
def project(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def pull(project, monkeypatch):
    """Pulls from a system as it is now."""

    def go(system, name="shop", **how):
        monkeypatch.setattr(sync, "connect", lambda project, name: system)
        return sync.pull(project, name, **how)

    return go


def there(project, table=customers):
    living = {customers: customers.c.erased_at.is_(None), products: products.c.published, orders: True}[table]
    with project.store.engine.connect() as read:
        return set(read.scalars(select(table.c.id).where(living)))


@pytest.mark.parametrize(
    ("stream", "table"), [(Stream.CUSTOMERS, customers), (Stream.PRODUCTS, products), (Stream.ORDERS, orders)]
)
def test_what_a_full_pull_does_not_bring_is_gone(project, pull, stream, table):
    pull(Silent({stream: list("abcde")}))
    (told,) = pull(Silent({stream: list("ace")}), full=True)
    assert (told.records, told.gone) == (3, 2)
    assert there(project, table) == set("ace")
    assert pull(Silent({stream: list("ace")}), full=True)[0].gone == 0


def test_a_pull_of_what_is_new_takes_nothing_away(project, pull):
    pull(Silent({Stream.CUSTOMERS: list("abc")}))
    assert pull(Silent({Stream.CUSTOMERS: list("abcd")}))[0].gone == 0
    assert there(project) == set("abcd")


def test_a_pull_that_is_broken_off_takes_nothing_away_nor_does_the_one_that_ends_it(project, pull):
    pull(Silent({Stream.CUSTOMERS: list("abcde")}))
    with pytest.raises(Unreachable):
        pull(Silent({Stream.CUSTOMERS: list("acde")}, breaks_after=2), full=True)
    assert there(project) == set("abcde")
    pull(Silent({Stream.CUSTOMERS: list("acde")}))
    assert there(project) == set("abcde")
    pull(Silent({Stream.CUSTOMERS: list("acde")}), full=True)
    assert there(project) == set("acde")


class Feed(Silent):
    """A system that has a cursor, and tells everything anew where something has changed."""

    def pull(self, stream, since):
        for page in super().pull(stream, None):
            yield replace(page, first=page.cursor == "2")


def test_a_system_that_begins_anew_by_itself_is_swept_as_after_a_full_pull(project, pull):
    pull(Feed({Stream.PRODUCTS: list("abcde")}))
    (told,) = pull(Feed({Stream.PRODUCTS: list("ace")}))
    assert (told.records, told.gone) == (3, 2)
    assert there(project, products) == set("ace")


def test_a_record_that_is_rejected_now_is_still_there(project, pull):
    pull(Silent({Stream.CUSTOMERS: list("abc")}))
    pull(Silent({Stream.CUSTOMERS: list("abc")}, rejected="b"), full=True)
    assert there(project) == set("abc")


def test_records_of_other_connections_stay(project, pull):
    pull(Silent({Stream.CUSTOMERS: list("abc")}))
    pull(Silent({Stream.CUSTOMERS: list("xyz")}), name="other")
    pull(Silent({Stream.CUSTOMERS: list("x")}), name="other", full=True)
    assert there(project) == set("abcx")


def test_a_system_that_shows_nothing_at_all_has_not_deleted_everything(project, pull):
    pull(Silent({Stream.CUSTOMERS: list("abc")}))
    pull(Silent({Stream.CUSTOMERS: []}), full=True)
    assert there(project) == set("abc")


def test_a_system_that_tells_its_deletions_is_not_swept(project, pull, monkeypatch):
    pull(Silent({Stream.CUSTOMERS: list("abc")}))
    monkeypatch.setattr(Silent, "sweeps", False)
    pull(Silent({Stream.CUSTOMERS: list("ab")}), full=True)
    assert there(project) == set("abc")


def test_what_customers_did_waits_for_the_pull_that_brings_them_and_goes_with_them(project, pull):
    told = {"type": "track", "event": "Product Viewed", "userId": "b", "properties": {"product_id": "p1"}}
    project.settings.events.need_consent = False
    take(project, [read_one(told, Heard(NOW, "USD"))], NOW)
    pull(Silent({Stream.CUSTOMERS: list("ac")}))
    assert whose(project) == [None]
    pull(Silent({Stream.CUSTOMERS: list("abc")}), full=True)
    assert whose(project) == ["b"]
    pull(Silent({Stream.CUSTOMERS: list("ac")}), full=True)
    assert whose(project) == []


def whose(project):
    with project.store.engine.connect() as read:
        return read.execute(select(events.c.customer_id)).scalars().all()
