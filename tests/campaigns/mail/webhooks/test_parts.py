"""Whatever a stranger posts, each part is of the wanted kind or missing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import BadFeedback
from campaigns.mail.webhooks.parts import (
    address,
    inner,
    json_object,
    message_id,
    moment,
    number,
    refuse_stale,
    rows,
    text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda kept: st.lists(kept, max_size=3) | st.dictionaries(st.text(max_size=3), kept, max_size=3),
    max_leaves=8,
)
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"5", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(BadFeedback, match="webhook of postmark: its body is no JSON"):
        json_object(body, "postmark")


@given(JSON)
def test_every_part_is_of_its_kind(value):
    fields = {"x": value}
    assert isinstance(inner(fields, "x"), dict)
    assert all(isinstance(row, dict) for row in rows(fields, "x"))
    assert "\n" not in text(fields, "x").encode().decode()
    assert {type(address(value)), type(message_id(value))} <= {str, type(None)}


@given(st.text())
def test_an_address_and_an_id_hold_no_line_break_and_no_half_character(value):
    for kept in (address(value + "@example.com"), message_id(value + "@example.com")):
        assert kept is None or (kept.encode() and "\n" not in kept and "\0" not in kept)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-01-05T08:00:00.000Z", NOW),
        ("2026-01-05T03:00:00.0000000-05:00", NOW),
        (NOW.timestamp(), NOW),
        (int(NOW.timestamp()), NOW),
    ],
)
def test_a_time_is_read_as_it_is_written(value, at):
    assert moment({"at": value}, "at", "ses") == at


@pytest.mark.parametrize(
    "value",
    [None, "", "2026-01-05T08:00:00", "yesterday", float("nan"), 1e300, 10**30, True, [], "0001-01-01T00:00+14:00"],
)
def test_what_is_no_time_is_refused(value):
    with pytest.raises(BadFeedback, match="webhook of ses: at is no time"):
        moment({"at": value}, "at", "ses")


@pytest.mark.parametrize("off", [timedelta(hours=-2), timedelta(hours=1)])
def test_what_was_signed_too_far_from_now_is_refused(off):
    with pytest.raises(BadFeedback, match="too far from now"):
        refuse_stale(NOW + off, NOW, timedelta(hours=1), "ses")


def test_a_clock_a_little_ahead_is_no_forgery():
    refuse_stale(NOW + timedelta(minutes=4), NOW, timedelta(hours=1), "ses")


def test_an_event_without_its_id_is_refused():
    with pytest.raises(BadFeedback, match="webhook of ses: id is missing"):
        number({}, "id", "ses")
    assert number({"id": 42}, "id", "ses") == "42"
