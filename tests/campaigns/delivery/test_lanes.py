"""The lanes of a transport that takes many messages at a time."""

import asyncio
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.delivery.lanes import REFUSALS_IN_A_ROW, Post
from campaigns.delivery.ledger import Ledger
from campaigns.errors import TransportError, TransportUnreachable
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import trial
from campaigns.store import runs
from campaigns.store.buckets import Limits
from tests.campaigns.store.outbox_rows import RUN, plan, states

BATCH = REFUSALS_IN_A_ROW + 20


class Provider:
    """A transport that says to its first batch what it was told to; more batches are taken."""

    lanes, batch = 1, BATCH

    def __init__(self, outcomes):
        self.outcomes, self.batches = outcomes, []

    async def lane(self):
        return self

    async def send(self, envelopes):
        self.batches.append(len(envelopes))
        if isinstance(self.outcomes, Exception):
            raise self.outcomes
        found, self.outcomes = self.outcomes, []
        return found[: len(envelopes)] or [Outcome("sent", "250 ok")] * len(envelopes)

    async def close(self):
        pass


@asynccontextmanager
async def posting(store, provider):
    told = []
    async with Ledger(store, timedelta(minutes=1), Limits(), 5, print, Path(os.devnull)) as ledger:
        post = Post(provider, ledger, lambda _: trial(), lambda _: False, [timedelta(minutes=1)], told.append)
        post.put(await ledger.claim(1000))
        yield post, told
        await post.drain()
        await ledger.hand_back()


def deliver(store, provider):
    """Deliver what is due; give the error of the lanes, and what they told of each message."""

    async def work():
        async with posting(store, provider) as (post, told):
            while not post.idle and post.error is None:
                await asyncio.sleep(0.01)
        return post.error, told

    return asyncio.run(work())


def due_now(store, count):
    plan(store, count, at=datetime.now(UTC) - timedelta(seconds=1))


class Crowded(Provider):
    """It serves so many lanes, after a moment; whoever asks for another waits without end, or is sent away at once."""

    lanes, batch = 3, 1

    def __init__(self, *, sends_away, room=1):
        super().__init__([])
        self.sends_away, self.room = sends_away, room

    async def lane(self):
        if self.room:
            self.room -= 1
            await asyncio.sleep(0.05)
            return self
        if self.sends_away:
            raise TransportUnreachable("421 4.7.0 too many connections", remedy="it is tried again")
        return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("sends_away", [True, False])
def test_lanes_that_a_server_does_not_serve_keep_nothing_from_its_end(store, sends_away):
    due_now(store, 30)
    error, told = deliver(store, Crowded(sends_away=sends_away))
    assert error is None
    assert (states(store), told) == ({"sent": 30}, ["sent"] * 30)


def test_where_every_lane_is_sent_away_delivery_ends_and_every_message_waits(store):
    due_now(store, 30)
    error, told = deliver(store, Crowded(sends_away=True, room=0))
    assert isinstance(error, TransportUnreachable)
    assert (states(store), told) == ({"waiting": 30}, [])


def test_a_batch_is_written_down_whole(store):
    due_now(store, BATCH + 5)
    outcomes = [Outcome("sent", "250 ok"), Outcome("failed", "550 5.1.1 nobody"), Outcome("retry", "451 later")]
    provider = Provider(outcomes * (BATCH // 3))
    error, told = deliver(store, provider)
    assert (error, provider.batches) == (None, [BATCH, 5])
    third = BATCH // 3
    assert states(store) == {"sent": third + 5, "failed": third, "waiting": third}
    assert len(told) == BATCH + 5


@pytest.mark.parametrize("after", ["250 ok", "none"])
def test_a_batch_of_refusals_stops_the_run_and_what_was_taken_of_it_is_not_forgotten(store, after):
    due_now(store, BATCH + 5)
    refused = [Outcome("failed", "550 5.7.1 spam")] * REFUSALS_IN_A_ROW
    taken = [Outcome("sent", "250 ok")] * 10
    batch = [*taken, *refused, *taken] if after == "250 ok" else [*taken, *taken, *refused]
    error, _ = deliver(store, Provider(batch))
    assert isinstance(error, TransportError)
    assert states(store) == {"sent": 20, "failed": REFUSALS_IN_A_ROW, "paused": 5}
    assert runs.state_of(store, RUN) == "stopped"


def test_a_transport_that_takes_no_batch_stops_the_run_and_every_message_waits(store):
    due_now(store, 30)
    error, told = deliver(store, Provider(TransportError("401 who are you", remedy="mend the key")))
    assert "401 who are you" in str(error)
    assert (states(store), runs.state_of(store, RUN), told) == ({"paused": 30}, "stopped", [])
