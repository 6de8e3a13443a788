"""What is said about messages, on each database: one event each, and hard words suppress in the same transaction."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from campaigns.mail.feedback import Feedback
from campaigns.store import events as said
from campaigns.store.suppression import SUPPRESSED, suppressed_addresses
from campaigns.store.tables import customers, events, messages, runs

NOW = datetime(2026, 3, 20, 8, tzinfo=UTC)


@pytest.fixture
def sent(store):
    """Three customers who got a message each of six weekly runs; the seventh waits."""
    people = [
        {"id": f"c{n}", "system": "shop", "email_normalised": f"c{n}@example.com", "consent_email": "subscribed"}
        for n in range(3)
    ]
    with store.writing() as write:
        write.execute(insert(customers), [{**each, "objected": False} for each in people])
        for week in range(7):
            at, run = NOW - timedelta(weeks=6 - week), f"weekly@{week}"
            common = {"id": run, "campaign": "weekly", "scheduled_at": at, "as_of": at, "state": "finished"}
            write.execute(insert(runs).values(**common))
            write.execute(insert(messages), [_message(run, n, week, at) for n in range(3)])
    return store


def _message(run, n, week, at):
    state = "waiting" if week == 6 else "sent"
    named = {"run_id": run, "customer_id": f"c{n}", "rfc_message_id": f"<m{n}w{week}@shop.example.com>"}
    return {**named, "address": f"C{n}@example.com", "state": state, "reason": "x", "changed_at": at}


def told(kind="bounced", message="<m0w5@shop.example.com>", severity=None, number=1, **more):
    given = {"at": NOW, "source": "mailbox", "source_id": f"{number}", "rfc_message_id": message, "severity": severity}
    return Feedback(kind, **{**given, **more})


def record(store, *feedback, **more):
    with store.writing() as write:
        return said.record(write, feedback, NOW, **more)


def rows(store, *columns):
    with store.engine.connect() as read:
        return read.execute(select(*columns)).all()


def blocked(store):
    return suppressed_addresses(store, ["c0@example.com", "c1@example.com", "c2@example.com", "ada@example.org"])


@pytest.mark.parametrize(
    ("kind", "severity", "label", "suppressed"),
    [
        ("bounced", "hard", "hard bounce", 1),
        ("complained", None, "complained", 1),
        ("unsubscribed", None, "unsubscribed", 1),
        ("bounced", "soft", "soft bounce", 0),
        ("bounced", "policy", "policy bounce", 0),
        ("bounced", "configuration", "configuration bounce", 0),
        ("delivered", None, "delivered", 0),
    ],
)
def test_hard_words_suppress_at_once_and_others_do_not(sent, kind, severity, label, suppressed):
    found = record(sent, told(kind, severity=severity, words="550 no"))
    assert (found.new, found.repeated, found.unknown, found.suppressed) == ({label: 1}, 0, 0, suppressed)
    assert blocked(sent) == ({"c0@example.com"} if suppressed else set())
    named = events.c
    assert rows(sent, named.kind, named.system, named.customer_id, named.message_id, named.at, named.properties) == [
        (kind, "mailbox", "c0", "<m0w5@shop.example.com>", NOW, {"severity": severity, "words": "550 no"})
    ]


def test_what_is_told_twice_is_one_event(sent):
    once = told("complained")
    assert record(sent, once, once).repeated == 1
    again = record(sent, once, told("complained", message="<m1w5@shop.example.com>", number=2))
    assert (again.new, again.repeated, again.suppressed) == ({"complained": 1}, 1, 1)
    assert len(rows(sent, events.c.id)) == 2


def test_another_source_with_the_same_id_is_another_event(sent):
    assert record(sent, told("complained"), told("complained", source="ses")).new == {"complained": 2}


def test_a_message_that_waits_is_not_sent_to_a_suppressed_address(sent):
    record(sent, told("complained"))
    waiting = {customer: (state, why) for run, customer, state, why in _outbox(sent) if run == "weekly@6"}
    assert waiting["c0"] == ("suppressed", SUPPRESSED)
    assert waiting["c1"] == ("waiting", "x")
    assert {state for run, _, state, _ in _outbox(sent) if run != "weekly@6"} == {"sent"}


def test_a_message_that_waits_for_a_new_address_of_the_customer_is_left(sent):
    with sent.writing() as write:
        write.execute(update(messages).where(messages.c.state == "waiting").values(address="new@example.com"))
    record(sent, told("bounced", severity="hard"))
    assert {state for run, _, state, _ in _outbox(sent) if run == "weekly@6"} == {"waiting"}


def _outbox(store):
    named = messages.c
    return rows(store, named.run_id, named.customer_id, named.state, named.reason)


def test_a_message_that_has_no_address_can_not_have_bounced(sent):
    with sent.writing() as write:
        write.execute(update(messages).where(messages.c.customer_id == "c0").values(address=None))
    found = record(sent, told("bounced", severity="hard"))
    assert (found.unknown, found.suppressed) == (1, 0)


def test_the_key_of_a_return_path_names_the_message(sent):
    record(sent, told("complained", message="<m2w3>"))
    assert rows(sent, events.c.customer_id, events.c.message_id) == [("c2", "<m2w3@shop.example.com>")]
    assert record(sent, told("complained", message="<m2w>", number=2)).unknown == 1


@pytest.mark.parametrize("message", [None, "<unknown@example.com>", "<unknown>"])
def test_an_address_names_the_newest_message_that_went_to_it(sent, message):
    found = record(sent, told(severity="hard", message=message, address=" C1@Example.com"))
    assert (found.unknown, found.suppressed) == (0, 1)
    assert rows(sent, events.c.message_id) == [("<m1w5@shop.example.com>",)]


def test_an_address_with_an_international_domain_is_found_in_either_spelling(sent):
    with sent.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c1").values(email_normalised="ada@müller.example"))
    record(sent, told(message=None, address="ada@xn--mller-kva.example", severity="soft"))
    assert rows(sent, events.c.customer_id) == [("c1",)]


def test_the_message_is_believed_before_the_address(sent):
    record(sent, told(severity="hard", address="c1@example.com"))
    assert blocked(sent) == {"c0@example.com"}


@pytest.mark.parametrize(("kind", "suppressed"), [("bounced", 0), ("complained", 1), ("unsubscribed", 1)])
def test_about_no_message_of_ours_only_a_persons_own_wish_counts(sent, kind, suppressed):
    severity = "hard" if kind == "bounced" else None
    found = record(sent, told(kind, message=None, address="ada@example.org", severity=severity))
    assert (found.unknown, found.suppressed) == (1, suppressed)
    assert blocked(sent) == ({"ada@example.org"} if suppressed else set())
    assert rows(sent, events.c.customer_id) == [(None,)]


def test_who_is_told_neither_is_counted_and_kept(sent):
    found = record(sent, told("complained", message=None))
    assert (found.unknown, found.suppressed, len(rows(sent, events.c.id))) == (1, 0, 1)


def bounce(week, severity="soft", **more):
    return told(message=f"<m0w{week}@shop.example.com>", severity=severity, number=f"w{week}{severity}", **more)


def test_soft_bounces_in_a_row_suppress_and_one_less_does_not(sent):
    assert record(sent, *(bounce(week) for week in (3, 4)), soft_bounces=3).suppressed == 0
    assert record(sent, bounce(5), soft_bounces=3).suppressed == 1
    assert blocked(sent) == {"c0@example.com"}
    assert {state for run, who, state, _ in _outbox(sent) if (run, who) == ("weekly@6", "c0")} == {"suppressed"}


@pytest.mark.parametrize("salt", range(4))
def test_they_may_be_told_together_and_in_any_order(sent, salt):
    weeks = [bounce(week, source=f"relay {salt}") for week in (5, 3, 4)]
    assert record(sent, *weeks, soft_bounces=3).suppressed == 1


def test_a_message_in_between_that_did_not_bounce_breaks_the_row(sent):
    assert record(sent, *(bounce(week) for week in (2, 3, 5)), soft_bounces=3).suppressed == 0


def test_a_delivery_that_is_told_later_breaks_the_row(sent):
    arrived = told("delivered", message="<m0w4@shop.example.com>", number=9)
    early = [bounce(week, at=NOW - timedelta(hours=1)) for week in (3, 4)]
    assert record(sent, *early, arrived, soft_bounces=3).suppressed == 0
    assert record(sent, bounce(5), soft_bounces=3).suppressed == 0


def test_a_bounce_of_another_kind_breaks_the_row(sent):
    assert record(sent, bounce(3), bounce(4, "policy"), bounce(5), soft_bounces=3).suppressed == 0


def test_two_bounces_of_one_message_count_once(sent):
    record(sent, bounce(4), bounce(5), told(message="<m0w5@shop.example.com>", severity="soft", number="again"))
    assert record(sent, bounce(5, source="smtp"), soft_bounces=3).suppressed == 0


def test_only_the_customer_whose_mail_bounced_is_suppressed(sent):
    other = [told(message=f"<m1w{week}@shop.example.com>", severity="soft", number=f"o{week}") for week in (4, 5)]
    record(sent, *other, *(bounce(week) for week in (3, 4, 5)), soft_bounces=3)
    assert blocked(sent) == {"c0@example.com"}


def test_what_breaks_off_writes_neither_event_nor_suppression(sent):
    with sent.engine.connect() as write, write.begin() as transaction:
        said.record(write, [told("complained")], NOW)
        transaction.rollback()
    assert rows(sent, events.c.id) == []
    assert blocked(sent) == set()


@pytest.mark.parametrize(
    "at", [NOW + timedelta(days=1), datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
)
def test_a_time_that_can_not_be_is_now(sent, at):
    record(sent, told(at=at))
    assert rows(sent, events.c.at) == [(NOW,)]


TEXT = st.text(max_size=20) | st.sampled_from(
    ["\0", "\ud800", "<m0w5@shop.example.com>", "<m0w5>", "c0@example.com", "@"]
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=8))
def test_whatever_strangers_say_can_be_written_down(sent, strange):
    feedback = [
        Feedback("complained", NOW, "mailbox", key, message, address, None, words)
        for key, message, address, words in strange
    ]
    found = record(sent, *feedback)
    assert found.new.total() + found.repeated == len(strange)
    assert record(sent, *feedback).new.total() == 0
