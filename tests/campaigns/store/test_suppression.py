"""Addresses that are never written to again, on each database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from campaigns.store.suppression import (
    MANY,
    Suppression,
    address_hash,
    all_suppressions,
    normalised,
    suppress,
    suppress_all,
    suppressed_addresses,
    suppression_counts,
    withdraw,
)
from campaigns.store.tables import customers, messages, runs

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("ada@MÜLLER.example", "ada@xn--mller-kva.example"),
        ("ada@XN--MLLER-KVA.example", "ada@müller.example"),
    ],
)
def test_one_address_in_two_spellings_has_one_hash(one, other):
    assert address_hash(one) == address_hash(other)


@pytest.mark.parametrize("odd", ["", "@", "ada", "ada@ü..ü", "ada@" + "ü" * 300, "\ud800@\udfff", "a@b@ü.example"])
def test_what_is_no_address_has_a_hash_too(odd):
    assert len(address_hash(odd)) == 64
    assert normalised(normalised(odd)) == normalised(odd)


def test_other_addresses_are_not_suppressed(store):
    suppress(store, "ada@example.com", "complained", NOW)
    asked = ["ADA@example.com", "ada@example.com ", "bob@example.com"]
    assert suppressed_addresses(store, asked) == {"ADA@example.com", "ada@example.com "}
    assert suppressed_addresses(store, []) == set()


def test_the_first_reason_stands_and_is_counted_once(store):
    assert suppress(store, "ada@example.com", "complained", NOW)
    assert not suppress(store, " Ada@example.com", "unsubscribed", LATER)
    with store.writing() as write:
        both = [Suppression(address_hash(f"{who}@example.com"), "imported", LATER) for who in ("ada", "bob", "bob")]
        assert suppress_all(write, both) == 1
    assert suppression_counts(store) == [("complained", 1, NOW), ("imported", 1, LATER)]


def test_many_addresses_are_looked_up_and_listed_in_parts(store):
    some = [f"c{n}@example.com" for n in range(MANY + 5)]
    with store.writing() as write:
        assert suppress_all(write, (Suppression(address_hash(each), "imported", NOW) for each in some[1:])) == MANY + 4
    assert suppressed_addresses(store, some) == set(some[1:])
    listed = list(all_suppressions(store))
    assert {each.address_hash for each in listed} == {address_hash(each) for each in some[1:]}
    assert len(listed) == MANY + 4


@pytest.fixture
def waiting(store):
    """Three customers, each with a message that was sent and one that waits."""
    people = [{"id": f"c{n}", "email_normalised": f"c{n}@example.com"} for n in range(3)]
    common = {"system": "shop", "consent_email": "subscribed", "objected": False}
    with store.writing() as write:
        write.execute(insert(customers), [{**each, **common} for each in people])
        for state in ("sent", "waiting"):
            at = {"scheduled_at": NOW if state == "sent" else LATER, "as_of": NOW}
            write.execute(insert(runs).values(id=state, campaign="weekly", state="delivering", **at))
            rows = [{"customer_id": f"c{n}", "address": f" C{n}@example.com", "changed_at": NOW} for n in range(3)]
            write.execute(insert(messages), [{**each, "run_id": state, "state": state} for each in rows])
    return store


def states(store):
    named = messages.c
    with store.engine.connect() as read:
        rows = read.execute(select(named.run_id, named.customer_id, named.state).order_by(named.customer_id))
        return [(customer, state) for run, customer, state in rows if run == "waiting"]


@pytest.mark.parametrize("among", [None, ["c0", "c1"]])
def test_what_waits_for_a_suppressed_address_is_not_sent(waiting, among):
    hashes = {address_hash("c1@example.com"), address_hash("unknown@example.com")}
    with waiting.writing() as write:
        assert withdraw(write, hashes, NOW, among) == 1
        assert withdraw(write, hashes, NOW, ["c0"]) == 0
    assert states(waiting) == [("c0", "waiting"), ("c1", "suppressed"), ("c2", "waiting")]


def test_suppressing_an_address_withdraws_what_waits_for_it(waiting):
    suppress(waiting, "C2@example.com", "unsubscribed", NOW)
    assert states(waiting) == [("c0", "waiting"), ("c1", "waiting"), ("c2", "suppressed")]


def test_nothing_to_suppress_is_no_error(store):
    with store.writing() as write:
        assert suppress_all(write, []) == 0
    assert list(all_suppressions(store)) == []
    assert suppression_counts(store) == []
