"""The outbox on each database: claims that never overlap, turns, leases, and what a crash leaves behind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert

from campaigns.store import outbox, runs
from campaigns.store.database import open_store
from campaigns.store.outbox import Ended
from campaigns.store.suppression import SUPPRESSED, suppress
from campaigns.store.tables import customers
from tests.campaigns.store.outbox_rows import (
    AFTER,
    LEASE,
    NOW,
    RUN,
    change,
    claim,
    hand_back,
    key,
    message,
    numbers,
    plan,
    states,
    turn,
)  # fmt: skip

MINUTE = timedelta(minutes=1)


def test_claims_of_two_workers_never_overlap(store):
    plan(store)
    first, second = claim(store, "a", 6), claim(store, "b", 6)
    assert (len(first), len(second)) == (6, 4)
    assert not set(numbers(first)) & set(numbers(second))
    assert claim(store, "c", 6) == []


def test_workers_that_claim_at_the_same_moment_never_overlap(database, store):
    plan(store, 60)

    def claims(worker):
        with open_store(database) as mine:
            return [each for _ in range(5) for each in numbers(claim(mine, worker, 5))]

    with ThreadPoolExecutor(3) as pool:
        claimed = [each for worker in pool.map(claims, "abc") for each in worker]
    assert sorted(claimed + numbers(claim(store, "d", 60))) == list(range(60))


def test_what_is_due_first_is_claimed_first_and_what_is_not_due_not_at_all(store):
    plan(store, 5, due=lambda number: NOW - number * MINUTE if number < 4 else NOW + MINUTE)
    assert numbers(claim(store, "a", 2)) == [3, 2]
    assert numbers(claim(store, "b")) == [1, 0]


def test_among_those_due_at_one_moment_the_ids_decide(store):
    plan(store, 4)
    plan(store, 4, run="weekly@0", at=NOW - timedelta(days=1), due=lambda _: NOW)
    assert [row.key for row in claim(store)] == sorted(key(n, run) for n in range(4) for run in ("weekly@0", RUN))


def test_no_message_to_an_address_that_was_suppressed_since_the_plan_is_claimed(store):
    plan(store, 2)
    plan(store, 2, run="weekly@2", at=NOW + MINUTE, due=lambda _: NOW)
    suppress(store, "somebody@example.com", "complained", NOW)
    for number in (0, 1):
        change(store, number, address="Somebody@Example.com")
    assert sorted(row.run_id for row in claim(store)) == ["weekly@2", "weekly@2"]
    assert [(message(store, n).state, message(store, n).reason) for n in (0, 1)] == [("suppressed", SUPPRESSED)] * 2


def test_a_claim_whose_answer_was_lost_is_found_again_and_looks_once_more_who_must_not_be_written_to(store):
    plan(store, 5)
    taken = numbers(claim(store, limit=3))
    change(store, taken[0], address="somebody@example.com")
    suppress(store, "somebody@example.com", "complained", NOW)
    assert numbers(claim(store, limit=3, again=True)) == taken[1:]
    assert message(store, taken[0]).state == "suppressed"
    assert len(claim(store, now=NOW + MINUTE, again=True)) == 2  # that of another moment took nothing yet


@pytest.mark.parametrize("since", [{"consent_email": "unsubscribed"}, {"objected": True}, {"erased_at": NOW}])
def test_whoever_said_no_since_the_plan_is_not_written_to(store, since):
    plan(store, 3)
    person = {"system": "shop", "consent_email": "subscribed", "objected": False, "erased_at": None}
    with store.writing() as write:
        write.execute(insert(customers), [{**person, "id": "c0"}, {**person, **since, "id": "c1"}])
    assert numbers(claim(store)) == [0, 2]
    assert (message(store, 1).state, message(store, 1).reason) == ("suppressed", "unsubscribed since it was planned")


def test_a_turn_writes_down_the_last_message_and_begins_the_next(store):
    plan(store, 2)
    first, second = claim(store)
    assert turn(store, begun=[first]) == {first.key}
    assert turn(store, ended=[Ended(first, "sent", "delivered", "250 ok")], begun=[second]) == {second.key}
    done, going = message(store, 0), message(store, 1)
    assert (done.state, done.reason, done.answer, done.lease_until, done.attempts) == (
        "sent", "delivered", "250 ok", None, 1,
    )  # fmt: skip
    assert (going.state, going.attempts, going.lease_until) == ("sending", 1, NOW + LEASE)


def test_a_turn_whose_answer_was_lost_may_be_taken_again(store):
    plan(store, 2)
    first, second = claim(store)
    turn(store, begun=[first])
    again = {"ended": [Ended(first, "waiting", "to be tried again", "451", NOW + MINUTE)], "begun": [second]}
    assert turn(store, **again) == turn(store, **again) == {second.key}
    assert states(store) == {"waiting": 1, "sending": 1}
    assert (message(store, 0).due_at, message(store, 1).attempts) == (NOW + MINUTE, 1)


def test_what_ended_stays_as_it_ended(store):
    plan(store, 1)
    [row] = claim(store)
    turn(store, begun=[row])
    turn(store, ended=[Ended(row, "sent", "delivered", "250 ok")])
    turn(store, ended=[Ended(row, "failed", "no such mailbox", "550")])
    assert (message(store, 0).state, turn(store, begun=[row])) == ("sent", set())


def test_a_worker_that_claimed_a_message_twice_while_it_could_not_say_that_it_lives_sends_it_once(store):
    plan(store, 1)
    first = claim(store)
    outbox.recover(store, AFTER, {"a"})
    second = claim(store, now=AFTER)
    assert turn(store, begun=first, now=AFTER) == {key(0)}
    later = AFTER + timedelta(seconds=1)
    assert turn(store, begun=second, now=later) == set()
    assert (message(store, 0).state, message(store, 0).attempts) == ("sending", 1)
    turn(store, ended=[Ended(first[0], "sent", "delivered", "250 ok")], begun=second, now=later)
    assert states(store) == {"sent": 1}


def test_a_worker_whose_message_was_taken_over_must_not_send_it(store):
    plan(store, 1)
    slow = claim(store, "slow")
    outbox.recover(store, AFTER)
    quick = claim(store, "quick", now=AFTER)
    assert turn(store, "slow", begun=slow, now=AFTER) == set()
    assert message(store, 0).claimed_by == "quick"
    assert turn(store, "quick", begun=quick, now=AFTER) == {key(0)}
    turn(store, "slow", ended=[Ended(slow[0], "failed", "no such mailbox", "550")], now=AFTER)
    assert message(store, 0).state == "sending"


@pytest.mark.parametrize("halted", ["paused", "stopped"])
def test_what_was_claimed_of_a_halted_run_is_not_begun_and_goes_on_when_the_run_does(store, halted):
    plan(store, 3)
    rows = claim(store, limit=2)
    runs.halt(store, RUN, halted, None, NOW)
    assert states(store) == {"claimed": 2, "paused": 1}
    assert turn(store, begun=rows[:1]) == set()
    hand_back(store)
    assert states(store) == {"paused": 3}
    assert claim(store) == []
    assert runs.resume(store, RUN, NOW)
    assert len(claim(store)) == 3


@pytest.mark.parametrize(("change_run", "left"), [("pause", "paused"), ("cancel", "skipped")])
def test_what_comes_back_from_a_server_to_a_run_that_delivers_no_more_is_not_tried_again(store, change_run, left):
    plan(store, 1)
    rows = claim(store)
    turn(store, begun=rows)
    if change_run == "pause":
        runs.halt(store, RUN, "paused", None, NOW)
    else:
        runs.cancel(store, RUN, NOW)
    assert states(store) == {"sending": 1}
    turn(store, ended=[Ended(rows[0], "waiting", "to be tried again", "451", NOW)])
    assert states(store) == {left: 1}


def test_a_sign_of_life_keeps_what_a_worker_holds(store):
    plan(store, 3)
    turn(store, begun=claim(store, limit=2)[:1])
    claim(store, "silent")
    with store.writing() as write:
        outbox.heartbeat(write, "a", AFTER + LEASE)
    outbox.recover(store, AFTER)
    assert states(store) == {"sending": 1, "claimed": 1, "waiting": 1}


def test_what_is_handed_back_waits_and_what_is_being_sent_is_kept(store):
    plan(store, 4)
    rows = claim(store)
    turn(store, begun=rows[:1])
    hand_back(store, keys=[rows[1].key])
    assert states(store) == {"sending": 1, "waiting": 1, "claimed": 2}
    hand_back(store, "another")
    assert states(store)["claimed"] == 2
    hand_back(store)
    assert states(store) == {"sending": 1, "waiting": 3}
    assert message(store, 1).claimed_by is None


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("skip", {"in_doubt": 1, "waiting": 2}),
        ("ask", {"in_doubt": 1, "waiting": 2}),
        ("resend", {"waiting": 3}),
    ],
)
def test_after_a_crash_only_what_was_being_sent_is_in_doubt(store, policy, left):
    plan(store, 3, in_doubt=policy)
    turn(store, "dead", begun=claim(store, "dead", 2)[:1])
    assert outbox.recover(store, NOW + MINUTE) == 0  # its lease still runs: it may be alive
    assert states(store) == {"sending": 1, "claimed": 1, "waiting": 1}
    assert outbox.left_behind(store, NOW + MINUTE) is False
    assert outbox.left_behind(store, AFTER) is True
    assert outbox.recover(store, AFTER) == 1
    assert states(store) == left
    assert outbox.left_behind(store, AFTER) is False
    assert outbox.recover(store, AFTER) == 0


def test_a_cancelled_run_sends_nothing_again(store):
    plan(store, 1, in_doubt="resend")
    turn(store, begun=claim(store))
    runs.cancel(store, RUN, NOW)
    outbox.recover(store, AFTER)
    assert states(store) == {"in_doubt": 1}


def test_right_after_the_database_was_away_nobody_is_called_dead_in_the_middle_of_sending(store):
    plan(store, 2)
    turn(store, begun=claim(store)[:1])
    assert outbox.recover(store, AFTER, doubtful=False) == 0
    assert states(store) == {"sending": 1, "waiting": 1}


@pytest.mark.parametrize("policy", ["skip", "resend"])
def test_what_a_silent_process_is_sending_is_its_own_while_it_is_known_to_live(store, policy):
    plan(store, 3, in_doubt=policy)
    turn(store, "silent", begun=claim(store, "silent", 2)[:1])
    assert outbox.recover(store, AFTER, {"silent"}) == 0
    assert states(store) == {"sending": 1, "waiting": 2}  # what it had not begun is for others
    assert outbox.recover(store, AFTER, {"another"}) == 1


def test_an_answer_that_comes_after_all_ends_the_doubt(store):
    plan(store, 1)
    [row] = claim(store, "slow")
    turn(store, "slow", begun=[row])
    outbox.recover(store, AFTER)
    turn(store, "slow", ended=[Ended(row, "sent", "delivered", "250 ok")], now=AFTER)
    assert states(store) == {"sent": 1}


def test_what_is_in_doubt_is_named_and_can_be_sent_again(store):
    plan(store, 3)
    turn(store, "dead", begun=claim(store, "dead", 2))
    outbox.recover(store, AFTER)
    doubt = outbox.in_doubt(store, RUN)
    assert [(row["customer_id"], row["address"], row["reason"]) for row in doubt] == [
        (f"c{n}", f"c{n}@example.com", "the process died while sending") for n in (0, 1)
    ]
    with store.writing() as write:
        assert outbox.resend(write, [key(0), key(2)], "an operator said so", AFTER) == 1
    assert states(store) == {"waiting": 2, "in_doubt": 1}
    assert (message(store, 0).reason, message(store, 2).reason) == ("an operator said so", "planned")
    assert numbers(claim(store, now=AFTER)) == [2, 0]


def test_what_is_too_late_expires_and_says_whether_it_was_tried(store):
    plan(store, 4)
    change(store, 1, attempts=2)
    change(store, 2, state="paused")
    change(store, 3, state="sent")
    outbox.expire(store, NOW + timedelta(hours=48))
    assert states(store) == {"waiting": 2, "paused": 1, "sent": 1}
    outbox.expire(store, NOW + timedelta(hours=48, seconds=1))
    assert runs.counts(store, RUN) == {
        ("expired", "too late to be worth sending"): 2,
        ("expired", "too late, after temporary failures"): 1,
        ("sent", "planned"): 1,
    }


def test_there_is_something_to_wait_for_while_anything_is_in_hand_or_due_soon(store):
    plan(store, 1, due=lambda _: NOW + MINUTE)
    assert outbox.due_soon(store, NOW) is False
    assert outbox.due_soon(store, NOW + MINUTE) is True
    row = claim(store, now=NOW + MINUTE)
    assert outbox.due_soon(store, NOW) is True
    turn(store, begun=row)
    assert (outbox.due_soon(store, NOW), outbox.open_count(store)) == (True, 1)
    turn(store, ended=[Ended(row[0], "sent", "delivered", "250 ok")])
    assert (outbox.due_soon(store, NOW + MINUTE), outbox.open_count(store)) == (False, 0)
