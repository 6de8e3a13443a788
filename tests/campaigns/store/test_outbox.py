"""The outbox on each database: unique runs, claims that never overlap, and what a crash leaves behind."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.store import outbox

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LEASE = timedelta(minutes=5)


def plan(store, n=10, in_doubt="skip"):
    run = {
        "id": "weekly@1",
        "campaign": "weekly",
        "scheduled_at": NOW,
        "as_of": NOW,
        "settings": {"in_doubt": in_doubt, "expires_hours": 48},
    }
    rows = [
        {"customer_id": f"c{k}", "state": "waiting", "reason": "planned", "due_at": NOW, "address": f"c{k}@example.com",
         "rfc_message_id": f"<{k}@example.com>", "content": {"picks": []}}
        for k in range(n)
    ]  # fmt: skip
    return outbox.create_run(store, run, rows, NOW)


def states(store):
    return {state: n for (state, _), n in outbox.counts(store, "weekly@1").items()}


def test_a_run_is_planned_once(store):
    assert plan(store) is True
    assert plan(store) is False
    assert states(store) == {"waiting": 10}


def test_claims_of_two_workers_never_overlap(store):
    plan(store)
    first, second = outbox.claim(store, "a", NOW, LEASE, 6), outbox.claim(store, "b", NOW, LEASE, 6)
    assert (len(first), len(second)) == (6, 4)
    assert not {row.customer_id for row in first} & {row.customer_id for row in second}


def test_a_worker_whose_message_was_taken_over_must_not_send_it(store):
    plan(store, 1)
    outbox.claim(store, "slow", NOW, LEASE, 1)
    later = NOW + LEASE + timedelta(seconds=1)
    outbox.recover(store, later)
    outbox.claim(store, "quick", later, LEASE, 1)
    assert outbox.mark_sending(store, "weekly@1", "c0", "slow", later, LEASE) is False
    assert outbox.mark_sending(store, "weekly@1", "c0", "quick", later, LEASE) is True
    assert outbox.mark_sending(store, "weekly@1", "c0", "quick", later, LEASE) is False


@pytest.mark.parametrize(("policy", "left"), [("skip", {"in_doubt": 1, "waiting": 2}), ("resend", {"waiting": 3})])
def test_after_a_crash_only_what_was_being_sent_is_in_doubt(store, policy, left):
    plan(store, 3, policy)
    outbox.claim(store, "dead", NOW, LEASE, 2)
    outbox.mark_sending(store, "weekly@1", "c0", "dead", NOW, LEASE)
    outbox.recover(store, NOW + timedelta(minutes=1))
    assert states(store)["sending"] == 1  # its lease still runs: it may be alive
    outbox.recover(store, NOW + LEASE + timedelta(seconds=1))
    found = {}
    for (state, _), n in outbox.counts(store, "weekly@1").items():
        found[state] = found.get(state, 0) + n
    assert found == left


def test_what_is_too_late_expires_and_the_run_ends(store):
    plan(store, 2)
    outbox.expire(store, NOW + timedelta(hours=49))
    outbox.finish_runs(store, NOW)
    assert states(store) == {"expired": 2}
    assert outbox.open_count(store) == 0
