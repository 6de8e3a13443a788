"""Complaints as mailbox providers pass them on."""

import pytest

from campaigns.errors import BadFeedback

KEY = "0af1c2d3e4f5061728394a5b6c7d8e9f"
ID = f"<{KEY}@shop.example.com>"


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "other", "ABUSE"])
def test_a_complaint_is_about_the_message_that_comes_back(read, complaint, kind):
    [told] = read(complaint(kind))
    assert (told.kind, told.rfc_message_id, told.address) == ("complained", ID, "ada@example.org")
    assert told.severity is None
    assert told.words == f"{kind.lower()} report by SomeGenerator/1.0"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_who_says_that_it_is_no_spam_does_not_complain(read, complaint, kind):
    assert read(complaint(kind)) == []


def test_a_wish_to_opt_out_is_an_unsubscription(read, complaint):
    assert [told.kind for told in read(complaint("opt-out"))] == ["unsubscribed"]


def test_a_type_that_nobody_knows_is_for_a_person(read, complaint):
    with pytest.raises(BadFeedback, match=r"type 'praise'; read it yourself; known are abuse"):
        read(complaint("praise"))


@pytest.mark.parametrize("address", ["[REDACTED]@example.org", "xxxxx@example.org", "redacted@redacted", "nobody"])
def test_a_blackened_address_is_none_and_the_message_tells(read, complaint, address):
    [told] = read(complaint(fields=f"Original-Rcpt-To: {address}"))
    assert (told.rfc_message_id, told.address) == (ID, None)


def test_the_return_path_that_it_repeats_tells_where_the_message_has_no_id(read, complaint):
    fields = f"Original-Mail-From: <bounces+{KEY}@example.com>\nOriginal-Rcpt-To: redacted@example.org"
    [told] = read(complaint(fields=fields, back="Subject: no id"))
    assert told.rfc_message_id == f"<{KEY}>"


def test_where_no_message_is_told_each_address_is_one_complaint(read, complaint):
    fields = "Original-Rcpt-To: ada@example.org\nOriginal-Rcpt-To: <bob@example.org>"
    told = read(complaint(fields=fields, back="Subject: no id"))
    assert [each.address for each in told] == ["ada@example.org", "bob@example.org"]
    assert len({each.source_id for each in told}) == 2
    assert len(read(complaint(fields=fields))) == 1


def test_the_arrival_of_the_message_is_the_time(read, complaint):
    [told] = read(complaint(fields="Arrival-Date: Sun, 1 Mar 2026 20:00:00 +0000"))
    assert told.at.isoformat() == "2026-03-01T20:00:00+00:00"
