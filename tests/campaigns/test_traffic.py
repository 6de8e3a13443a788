"""Judging traffic: what people did becomes events, and goes again when better rules say otherwise."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from campaigns import traffic
from campaigns.init import init
from campaigns.project import Project
from campaigns.store.hits import Hit, read_parts, record
from campaigns.store.tables import events, hits, message_contents, messages, runs

NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)
DAY = (NOW - timedelta(days=1), NOW + timedelta(days=1))
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def shop(tmp_path, store, monkeypatch):
    """A project on each database with a message to c1 of two products, sent an hour ago."""
    monkeypatch.setenv("HANDPICKED_DATABASE", store.url)
    init(tmp_path)
    sent = NOW - timedelta(hours=1)
    message = {"run_id": "r", "customer_id": "c1", "state": "sent", "rfc_message_id": "<1@x>", "changed_at": sent}
    with Project.open(tmp_path) as project:
        with project.store.writing() as write:
            run = {"id": "r", "campaign": "w", "state": "finished", "scheduled_at": sent, "as_of": sent}
            write.execute(insert(runs).values(**run))
            write.execute(insert(messages).values(**message))
            shown = {"run_id": "r", "customer_id": "c1", "content": {"picks": [{}, {}]}}
            write.execute(insert(message_contents).values(**shown))
        yield project


def hit(shop, kind="click", customer="c1", at=NOW, product="p1", method="GET", agent=FIREFOX, address="a"):
    record(shop.store, Hit(kind, at, "r", customer, product, method, agent, address))


def read(shop, *columns):
    with shop.store.engine.connect() as connection:
        return connection.execute(select(*columns).order_by(*columns)).all()


def test_what_people_did_becomes_events_and_what_programs_did_does_not(shop):
    hit(shop)
    hit(shop, method="HEAD", product="p2")
    hit(shop, "open", product=None, address="b")
    hit(shop, "open", product=None, agent="Mozilla/5.0", address="c")
    hit(shop, "view", product=None, address="d")
    assert traffic.judge(shop, *DAY) == {"human": 3, "scanner": 1, "privacy_proxy": 1}
    named = events.c
    found = read(shop, named.kind, named.customer_id, named.product_id, named.message_id, named.at)
    assert found == [("clicked", "c1", "p1", "<1@x>", NOW), ("opened", "c1", None, "<1@x>", NOW)]


def test_judging_again_changes_nothing(shop):
    hit(shop)
    hit(shop, method="HEAD")
    first = traffic.judge(shop, *DAY), read(shop, *events.c[:5]), read(shop, *hits.c)
    assert (traffic.judge(shop, *DAY), read(shop, *events.c[:5]), read(shop, *hits.c)) == first


def test_an_event_goes_when_what_came_later_tells_that_it_was_a_scanners(shop):
    hit(shop)
    traffic.judge(shop, *DAY)
    assert len(read(shop, events.c.id)) == 1
    hit(shop, "more", product=None, at=NOW + timedelta(hours=2))
    assert traffic.judge(shop, *DAY) == {"scanner": 2}
    assert read(shop, events.c.id) == []


def test_other_rules_judge_what_is_judged_anew(shop):
    hit(shop)
    traffic.judge(shop, *DAY)
    with shop.store.writing() as write:
        write.execute(update(hits).values(verdict="scanner", rules="of old"))
    assert traffic.judge(shop, *DAY) == {"human": 1}
    assert read(shop, hits.c.verdict, hits.c.rules) == [("human", traffic.RULES)]
    assert len(read(shop, events.c.id)) == 1


def test_what_stands_just_before_the_period_is_known_and_not_judged(shop):
    hit(shop, "more", product=None, at=NOW - timedelta(minutes=1))
    hit(shop)
    assert traffic.judge(shop, NOW, DAY[1]) == {"scanner": 1}
    assert read(shop, hits.c.kind, hits.c.verdict) == [("click", "scanner"), ("more", None)]


def test_hits_are_read_in_parts_that_cut_through_no_customer(shop):
    for customer, count in (("a", 3), ("b", 1), ("c", 4)):
        for second in range(count):
            hit(shop, customer=customer, at=NOW + timedelta(seconds=second))
    parts = [sorted(part["customer_id"]) for part in read_parts(shop.store, *DAY, part=2)]
    assert parts == [["a"] * 3, ["b", *"cccc"]]
    assert [len(part) for part in read_parts(shop.store, *DAY)] == [8]


def test_without_hits_there_is_nothing_to_judge(shop):
    assert traffic.judge(shop, *DAY) == {}
