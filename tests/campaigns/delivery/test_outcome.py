"""What becomes of a message after the transport spoke: every outcome under every policy."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.delivery.outcome import REASONS, SPREAD, back_off, ended
from campaigns.mail.transports.base import Outcome
from campaigns.store.outbox import MessageRow

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ROW = MessageRow("weekly@1", "c1", "c1@example.com", "<1@example.com>", "{}", 0, NOW + timedelta(hours=48))
RETRY_AFTER = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120)]


def after(status, answer="", *, resends=False, row=ROW, now=NOW):
    return ended(row, Outcome(status, answer), resends=resends, retry_after=RETRY_AFTER, now=now)


@pytest.mark.parametrize("resends", [False, True])
@pytest.mark.parametrize(
    ("status", "answer", "state", "reason"),
    [
        ("sent", "250 2.0.0 taken", "sent", "delivered"),
        ("failed", "550 5.1.1 no such user", "failed", REASONS["hard"]),
        ("failed", "550 5.7.1 spam", "failed", "refused by the server"),
        ("failed", "552 5.2.2 mailbox full", "failed", "refused by the server"),
        ("failed", "550 5.7.26 DMARC", "failed", "refused by the server"),
        ("failed", "", "failed", "refused by the server"),
        ("retry", "451 4.7.1 greylisted", "waiting", "to be tried again"),
    ],
)
def test_what_the_server_said_decides_whatever_the_policy(status, answer, state, reason, resends):
    found = after(status, answer, resends=resends)
    assert (found.row, found.state, found.reason, found.answer) == (ROW, state, reason, answer)
    assert (found.due_at is None) == (state != "waiting")


@pytest.mark.parametrize(
    ("resends", "state", "reason"),
    [
        (False, "in_doubt", "the server's answer was lost"),
        (True, "waiting", "the server's answer was lost"),
    ],
)
def test_a_lost_answer_leaves_a_doubt_or_is_sent_again_as_the_policy_says(resends, state, reason):
    found = after("in_doubt", "connection lost", resends=resends)
    assert (found.state, found.reason, found.answer) == (state, reason, "connection lost")
    assert (found.due_at is None) == (not resends)


def test_the_first_try_again_comes_after_the_first_wait_and_a_little():
    due_at = after("retry").due_at
    assert NOW + RETRY_AFTER[0] <= due_at <= NOW + RETRY_AFTER[0] * (1 + SPREAD)


@pytest.mark.parametrize("status", ["retry", "in_doubt"])
def test_what_would_be_tried_again_too_late_expires_with_the_servers_words(status):
    late = ROW._replace(expires_at=NOW + RETRY_AFTER[0] / 2)
    found = after(status, "451 4.7.1 greylisted", resends=True, row=late)
    assert (found.state, found.reason, found.answer, found.due_at) == (
        "expired", "too late, after temporary failures", "451 4.7.1 greylisted", None,
    )  # fmt: skip


def test_what_never_expires_is_tried_again_for_ever():
    assert after("retry", row=ROW._replace(attempts=1000, expires_at=None)).state == "waiting"


def test_the_waits_grow_and_the_last_one_stays():
    waits = [back_off("<1@x>", attempts, RETRY_AFTER) for attempts in range(6)]
    assert waits[:4] == sorted(waits[:4])
    for wait, planned in zip(waits, [*RETRY_AFTER, RETRY_AFTER[-1], RETRY_AFTER[-1]], strict=True):
        assert planned <= wait <= planned * (1 + SPREAD)


def test_what_failed_together_does_not_come_back_together():
    waits = sorted(back_off(f"<{n}@x>", 0, RETRY_AFTER) / RETRY_AFTER[0] for n in range(1000))
    assert len(set(waits)) > 990
    assert waits[0] < 1 + 0.01
    assert waits[-1] > 1 + SPREAD - 0.01
    assert 1.09 < sum(waits) / 1000 < 1.11


@given(st.text(), st.integers(0, 10**6), st.lists(st.timedeltas(timedelta(), timedelta(days=2)), min_size=1))
def test_the_same_message_waits_equally_long_wherever_it_is_asked(key, attempts, retry_after):
    wait = back_off(key, attempts, retry_after)
    assert wait == back_off(key, attempts, list(retry_after))
    assert min(retry_after) <= wait <= max(retry_after) * (1 + SPREAD) + timedelta(microseconds=1)
