"""Addresses that are never written to again, on each database."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.store.suppression import (
    MANY,
    address_hash,
    all_suppressions,
    normalised,
    suppress,
    suppress_all,
    suppressed_addresses,
    suppression_counts,
)

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
    suppress(store, "ada@example.com", "complained", NOW)
    with store.writing() as write:
        both = {address_hash("ada@example.com"): "imported", address_hash("bob@example.com"): "imported"}
        assert suppress_all(write, both, LATER) == 1
    assert suppression_counts(store) == [("complained", 1, NOW), ("imported", 1, LATER)]


def test_many_addresses_are_looked_up_and_listed_in_parts(store):
    some = [f"c{n}@example.com" for n in range(MANY + 5)]
    with store.writing() as write:
        assert suppress_all(write, {address_hash(each): "imported" for each in some[1:]}, NOW) == MANY + 4
    assert suppressed_addresses(store, some) == set(some[1:])
    listed = list(all_suppressions(store))
    assert {each.address_hash for each in listed} == {address_hash(each) for each in some[1:]}
    assert len(listed) == MANY + 4


def test_nothing_to_suppress_is_no_error(store):
    with store.writing() as write:
        assert suppress_all(write, {}, NOW) == 0
    assert list(all_suppressions(store)) == []
    assert suppression_counts(store) == []
