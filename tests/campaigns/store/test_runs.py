"""Runs on each database: planned once, halted, resumed, cancelled, finished, opened again."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from campaigns.store import claims, outbox, runs
from campaigns.store.outbox import Ended
from tests.campaigns.store.outbox_rows import NOW, RUN, change, claim, message, plan, states, turn


def end_all(store):
    rows = claim(store)
    turn(store, begun=rows)
    turn(store, ended=[Ended(row, "sent", "delivered", "250 ok") for row in rows])


def test_a_run_is_planned_once(store):
    assert runs.exists(store, RUN) is False
    assert plan(store) is True
    assert plan(store, 3) is False
    assert runs.exists(store, RUN) is True
    assert states(store) == {"waiting": 10}


def test_messages_stand_in_the_database_in_the_order_in_which_they_are_claimed(store):
    header = {"id": RUN, "campaign": "weekly", "scheduled_at": NOW, "as_of": NOW, "settings": {}}
    rows = [
        {"customer_id": customer, "state": "waiting", "due_at": NOW, "rfc_message_id": name}
        for customer, name in [("a", "<3@x>"), ("b", "<1@x>"), ("c", "<2@x>")]
    ]
    held_out = {"customer_id": "d", "state": "held_out", "due_at": None, "rfc_message_id": None}
    runs.create(store, header, [*rows, held_out], NOW)
    place = {"sqlite": "rowid", "postgresql": "ctid"}[store.engine.dialect.name]
    with store.engine.connect() as read:
        stored = read.execute(text(f"SELECT customer_id FROM messages ORDER BY {place}")).scalars().all()
    assert stored == ["d", "b", "c", "a"]


def test_a_run_that_can_not_be_planned_whole_leaves_nothing_behind(store):
    plan(store, 1)
    twice = {"customer_id": "c9", "state": "waiting", "rfc_message_id": message(store, 0).rfc_message_id}
    header = {"id": "weekly@2", "campaign": "weekly", "scheduled_at": NOW + timedelta(days=7), "as_of": NOW}
    with pytest.raises(IntegrityError):
        runs.create(store, header, [twice], NOW)
    assert runs.exists(store, "weekly@2") is False


def test_a_skipped_run_is_written_down_once_with_its_reason(store):
    run = {"id": RUN, "campaign": "weekly", "scheduled_at": NOW, "as_of": NOW}
    assert runs.skip(store, run, "nobody was there", NOW) is True
    assert runs.skip(store, run, "nobody was there", NOW) is False
    assert plan(store) is False
    assert (runs.state_of(store, RUN), runs.counts(store, RUN)) == ("skipped", {})


def test_the_newest_run_is_the_one_that_was_planned_last(store):
    assert runs.newest(store, "weekly") is None
    plan(store, 1)
    plan(store, 1, run="weekly@2", at=NOW + timedelta(days=7))
    skipped = {"id": "weekly@3", "campaign": "weekly", "scheduled_at": NOW + timedelta(days=14), "as_of": NOW}
    runs.skip(store, skipped, "nobody was there", NOW)
    assert runs.newest(store, "weekly") == "weekly@2"


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_a_halted_run_keeps_its_messages_until_it_is_resumed(store, state):
    plan(store, 3)
    assert runs.halt(store, RUN, state, "550 go away", NOW) is True
    assert runs.halt(store, RUN, "paused", None, NOW) is False
    assert (runs.state_of(store, RUN), states(store)) == (state, {"paused": 3})
    runs.finish(store, NOW)
    assert runs.state_of(store, RUN) == state
    assert runs.resume(store, RUN, NOW) is True
    assert runs.resume(store, RUN, NOW) is False
    assert (runs.state_of(store, RUN), states(store)) == ("delivering", {"waiting": 3})


def test_another_run_goes_on_while_one_is_halted(store):
    plan(store, 2)
    plan(store, 2, run="weekly@2", at=NOW + timedelta(days=1), due=lambda _: NOW)
    runs.halt(store, RUN, "paused", None, NOW)
    assert {row.run_id for row in claim(store)} == {"weekly@2"}


@pytest.mark.parametrize("halted", [False, True])
def test_a_cancelled_run_skips_what_has_not_left(store, halted):
    plan(store, 4)
    first, _ = claim(store, limit=2)
    turn(store, begun=[first])
    if halted:
        runs.halt(store, RUN, "paused", None, NOW)
    assert runs.cancel(store, RUN, NOW) == 3
    assert runs.cancel(store, RUN, NOW) is None
    assert runs.resume(store, RUN, NOW) is False
    assert runs.halt(store, RUN, "paused", None, NOW) is False
    assert runs.counts(store, RUN) == {("skipped", "the run was cancelled"): 3, ("sending", "planned"): 1}
    turn(store, ended=[Ended(first, "sent", "delivered", "250 ok")])
    assert states(store) == {"skipped": 3, "sent": 1}
    assert message(store, 3).claimed_by is None


def test_a_run_is_finished_when_nothing_of_it_is_open_and_opens_again_for_what_is_sent_again(store):
    plan(store, 2)
    runs.finish(store, NOW)
    assert runs.state_of(store, RUN) == "delivering"
    end_all(store)
    change(store, 1, state="in_doubt")
    runs.finish(store, NOW)
    assert runs.state_of(store, RUN) == "finished"
    assert runs.cancel(store, RUN, NOW) is None
    with store.writing() as write:
        assert outbox.resend(write, [message(store, 1).rfc_message_id], "again", NOW) == 1
        runs.reopen(write, RUN)
    assert runs.state_of(store, RUN) == "delivering"
    end_all(store)
    runs.finish(store, NOW)
    assert (runs.state_of(store, RUN), states(store)) == ("finished", {"sent": 2})


def test_the_counts_add_up_to_the_audience_whatever_happened(store):
    plan(store, 12)
    for number, state in enumerate(("sent", "failed", "in_doubt", "expired", "skipped", "suppressed", "held_out")):
        change(store, number, state=state, reason=None)
    turn(store, begun=claim(store, limit=2)[:1])
    found = runs.counts(store, RUN)
    assert sum(found.values()) == 12
    assert found["sent", ""] == 1
    assert states(store)["waiting"] == 3
    assert runs.sent_customers(store, RUN, 5) == ["c0"]


def test_a_run_remembers_its_campaign(store):
    plan(store, 1, in_doubt="ask")
    assert runs.settings(store, RUN) == {"in_doubt": "ask"}


def test_half_a_character_in_what_a_message_says_is_read_as_it_was_written(store):
    row = {"customer_id": "a", "state": "waiting", "due_at": NOW, "address": "a@x", "rfc_message_id": "<1@x>"}
    header = {"id": RUN, "campaign": "weekly", "scheduled_at": NOW, "as_of": NOW, "settings": {}}
    runs.create(store, header, [{**row, "content": {"first_name": "Ada \ud83d"}}], NOW)
    with store.engine.connect() as read:
        assert [each.content() for each in claims.read(read, ["<1@x>"])] == [{"first_name": "Ada \ud83d"}]
