"""A message that one process claimed twice, for its lease ran out while it lived: it is sent once."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import OperationalError

from campaigns.delivery import ledger as ledgers
from campaigns.delivery.ledger import Ledger
from campaigns.store import outbox
from campaigns.store.buckets import Limits
from campaigns.store.outbox import Ended
from tests.campaigns.store.outbox_rows import key, message, plan, states

HOUR = timedelta(hours=1)


def with_both_claims(store, work):
    """Do `work(ledger, first, second)` with the two claims that a ledger has on the same message."""

    async def prepared():
        async with Ledger(store, timedelta(minutes=1), Limits(), 5, print, Path(os.devnull)) as ledger:
            first = await ledger.claim(1)
            # In a thread: it waits until the ledger lets others in, and the ledger needs the loop for that.
            await asyncio.to_thread(outbox.recover, store, datetime.now(UTC) + HOUR, doubtful=False)
            second = await ledger.claim(1)
            assert [row.key for row in first + second] == [key(0), key(0)]
            return await work(ledger, first, second)

    plan(store, 1, at=datetime.now(UTC) - HOUR)
    return asyncio.run(prepared())


async def one_after_another(ledger, first, second):
    """What each of two lanes may send, of which one asks after the other."""
    return [await ledger.turn([], first), await ledger.turn([], second)]


def answer_lost(monkeypatch, on):
    """The database does what it is told, and its answer to one turn, counted from the first, is lost."""
    turn, turns = outbox.turn, []

    def lost(*given):
        found = turn(*given)
        turns.append(given)
        if len(turns) == on:
            given[0].commit()
            raise OperationalError("UPDATE", {}, ConnectionError("the connection was lost"))
        return found

    monkeypatch.setattr(outbox, "turn", lost)
    monkeypatch.setattr(ledgers, "AGAIN_SECONDS", 0.01)


def test_of_two_lanes_that_ask_in_one_transaction_one_gets_it(store):
    def together(ledger, first, second):
        return asyncio.gather(ledger.turn([], first), ledger.turn([], second))

    assert with_both_claims(store, together) == [{key(0)}, set()]
    assert message(store, 0).attempts == 1


def test_a_lane_that_asks_while_another_sends_it_does_not_get_it(store):
    assert with_both_claims(store, one_after_another) == [{key(0)}, set()]
    assert states(store) == {"sending": 1}


def test_a_lane_whose_answer_was_lost_gets_what_it_began(store, monkeypatch):
    answer_lost(monkeypatch, on=1)
    assert with_both_claims(store, one_after_another) == [{key(0)}, set()]
    assert message(store, 0).attempts == 1


def test_a_lane_whose_answer_was_lost_does_not_get_what_another_sends(store, monkeypatch):
    answer_lost(monkeypatch, on=2)

    async def while_it_is_sent(ledger, first, second):
        await ledger.turn([], first)
        begun = await ledger.turn([], second)
        await ledger.turn([Ended(first[0], "sent", "delivered", "250 ok")], [])
        return begun

    assert with_both_claims(store, while_it_is_sent) == set()
    assert states(store) == {"sent": 1}


def test_it_does_not_begin_in_the_transaction_in_which_it_ends(store, monkeypatch):
    answer_lost(monkeypatch, on=2)

    async def while_it_ends(ledger, first, second):
        await ledger.turn([], first)
        ended = [Ended(first[0], "sent", "delivered", "250 ok")]
        return await asyncio.gather(ledger.turn(ended, []), ledger.turn([], second))

    assert with_both_claims(store, while_it_ends) == [set(), set()]
    assert states(store) == {"sent": 1}
