"""Aliases: records of one person, and only of one."""

import numpy as np
import pandas as pd
import pytest

from engine.aliases import find_aliases


def merged(*people, **columns):
    """alias -> customer of records given as (id, email, phone, first name, last name)."""
    frame = pd.DataFrame(people, columns=["customer_id", "email", "phone", "first_name", "last_name"]).assign(**columns)
    found = find_aliases(frame)
    return dict(zip(found["alias_id"], found["customer_id"], strict=True))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@example.com", " ANN@Example.com "),
        ("ann@example.com", "ann+shop@example.com"),
        ("ann.bell@gmail.com", "annbell@googlemail.com"),
    ],
)
def test_one_inbox_is_one_customer(one, other):
    assert merged(("1", one, None, "Ann", "Bell"), ("2", other, None, "Ann", "Bell")) == {"2": "1"}


def test_a_household_that_shares_an_address_is_one_customer_whatever_the_names():
    assert merged(("1", "bells@example.com", None, "Ann", "Bell"), ("2", "bells@example.com", None, "Bob", "Carr")) == {
        "2": "1"
    }


@pytest.mark.parametrize(
    "email", [None, "", " ", "none", "n/a", "-", "@", "@example.com", "ann@", "a@b@c", "+x@b.example"]
)
def test_what_is_no_address_is_nobodys(email):
    assert merged(("1", email, None, "Ann", "Bell"), ("2", email, None, "Ann", "Bell")) == {}


def test_dots_count_where_the_provider_counts_them():
    assert merged(("1", "a.b@example.com", None, None, None), ("2", "ab@example.com", None, None, None)) == {}


def test_one_phone_and_one_name_is_one_customer_however_it_is_written():
    assert merged(("1", None, "+1 614 555 0100", "Ann", "Bell"), ("2", None, "(614) 555-0100", "ANN ", "bell")) == {
        "2": "1"
    }


def test_a_phone_shared_by_people_of_different_first_or_last_names_merges_nobody():
    phone = "614-555-0100"
    assert (
        merged(("1", None, phone, "Ann", "Bell"), ("2", None, phone, "Bob", "Bell"), ("3", None, phone, "Ann", "Carr"))
        == {}
    )


def test_a_missing_first_name_may_be_the_only_one_known_there():
    phone = "614-555-0100"
    assert merged(("1", None, phone, "Ann", "Bell"), ("2", None, phone, None, "Bell")) == {"2": "1"}
    assert merged(("1", None, phone, None, "Bell"), ("2", None, phone, "", "Bell")) == {"2": "1"}


def test_a_missing_first_name_does_not_join_two_people():
    phone = "614-555-0100"
    people = (("1", None, phone, "Ann", "Bell"), ("2", None, phone, None, "Bell"), ("3", None, phone, "Bob", "Bell"))
    assert merged(*people, ("4", None, phone, "Bob", "Bell")) == {"4": "3"}


@pytest.mark.parametrize(
    ("phone", "last_name"), [(None, "Bell"), ("614-555-0100", None), ("12345", "Bell"), ("0000000000", "Bell")]
)
def test_too_little_of_phone_or_name_merges_nobody(phone, last_name):
    assert merged(("1", None, phone, "Ann", last_name), ("2", None, phone, "Ann", last_name)) == {}


def test_a_chain_ends_at_its_oldest_record_and_nobody_stands_for_an_alias():
    people = (
        ("1", "a@example.com", "614-555-0100", "Ann", "Bell"),
        ("2", "b@example.com", "614-555-0100", "Ann", "Bell"),
        ("3", "b@example.com", "614-555-0199", "Ann", "Bell"),
        ("4", "c@example.com", "614-555-0199", "Ann", "Bell"),
    )
    assert merged(*people) == {"2": "1", "3": "1", "4": "1"}


def test_two_records_linked_only_through_a_younger_third_are_one():
    people = (
        ("1", "a@example.com", "614-555-0100", "Ann", "Bell"),
        ("2", "b@example.com", None, "Ann", "Bell"),
        ("3", "b@example.com", "614-555-0100", "Ann", "Bell"),
    )
    assert merged(*people) == {"2": "1", "3": "1"}


def test_a_ring_of_links_has_one_end():
    people = (
        ("1", "a@example.com", "614-555-0100", "Ann", "Bell"),
        ("2", "a@example.com", "614-555-0199", "Ann", "Bell"),
        ("3", "b@example.com", "614-555-0199", "Ann", "Bell"),
        ("4", "b@example.com", "614-555-0100", "Ann", "Bell"),
    )
    assert merged(*people) == {"2": "1", "3": "1", "4": "1"}


def test_the_oldest_record_stands_and_one_without_a_date_is_the_youngest():
    email = "ann@example.com"
    people = (("1", email, None, None, None), ("2", email, None, None, None), ("3", email, None, None, None))
    created = pd.to_datetime(["2026-02-01", None, "2026-01-01"], utc=True)
    assert merged(*people, created_at=created) == {"1": "3", "2": "3"}


def test_the_reason_names_the_link():
    people = pd.DataFrame(
        {
            "customer_id": ["1", "2", "3"],
            "email": ["a@example.com", "a@example.com", None],
            "phone": ["614-555-0100", None, "614-555-0100"],
            "last_name": "Bell",
        }
    )
    assert find_aliases(people).values.tolist() == [
        ["2", "1", "same address"],
        ["3", "1", "same phone and name"],
    ]


def test_a_record_listed_twice_is_no_alias_of_itself():
    assert merged(("1", "a@example.com", None, None, None), ("1", "a@example.com", None, None, None)) == {}


def test_columns_that_are_missing_or_hold_nothing_merge_nobody():
    assert find_aliases(None).empty
    assert find_aliases(pd.DataFrame({"customer_id": []})).empty
    assert find_aliases(pd.DataFrame({"customer_id": ["1", "2"]})).empty
    nothing = pd.DataFrame({"customer_id": ["1", "2", None], "email": np.nan, "phone": np.nan, "last_name": np.nan})
    assert find_aliases(nothing).empty


def test_a_phone_read_as_a_number_is_a_phone():
    people = pd.DataFrame({"customer_id": ["1", "2"], "phone": [6145550100, "614 555 0100"], "last_name": "Bell"})
    assert find_aliases(people)["alias_id"].tolist() == ["2"]
