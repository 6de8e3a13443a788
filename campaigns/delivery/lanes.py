"""The lanes of one transport: each takes a message, composes it, asks the ledger, hands it over, and takes the next."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from campaigns.delivery.ledger import Ledger
from campaigns.delivery.outcome import ended
from campaigns.errors import BadMessage, TransportError, TransportUnreachable
from campaigns.mail.transports.base import Envelope, Lane, Outcome, Transport
from campaigns.store.outbox import Ended, MessageRow

PATIENCE_SECONDS = 300.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
REFUSALS_IN_A_ROW = 100
"""So many refusals without one message taken in between, and the run is stopped before it burns the whole audience."""

Compose = Callable[[MessageRow], Envelope]


class Post:
    """Sends what it is given over the lanes of one transport.

    Args:
        transport: open.
        ledger: writes down what happens.
        compose: makes the finished message of a row; raises BadMessage.
        resends: says whether the run of a row sends again what is in doubt.
        retry_after: how long to wait after the first, second, ... temporary failure; the last counts for all further.
        on_done: told how each message ended.
    """

    def __init__(
        self,
        transport: Transport,
        ledger: Ledger,
        compose: Compose,
        resends: Callable[[MessageRow], bool],
        retry_after: Sequence[timedelta],
        on_done: Callable[[str], None],
    ) -> None:
        self._transport = transport
        self._ledger = ledger
        self._compose = compose
        self._resends = resends
        self._retry_after = retry_after
        self._on_done = on_done
        self._rows: deque[MessageRow] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._draining = False
        self._opened = False
        self._unserved = 0
        self._loop = asyncio.get_running_loop()  # kept: to ask for it costs a system call
        self._reached_at = self._now()
        self._refusals = 0
        self.error: Exception | None = None

    @property
    def waiting(self) -> int:
        """Rows that no lane has taken yet."""
        return len(self._rows)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and no lane has anything in hand; one that can't be opened has not."""
        return not self._rows and len(self._waiting) + len(self._opening) == len(self._lanes)

    def put(self, rows: Sequence[MessageRow]) -> None:
        """Give it rows; as many lanes are opened as have something to do."""
        self._rows.extend(rows)
        for _ in rows:
            if self._waiting:
                self._call_one()
        wanted = min(self._transport.lanes, -(-len(self._rows) // self._transport.batch))
        while len(self._lanes) < wanted and not self._draining:
            task = asyncio.create_task(self._lane())
            self._lanes.add(task)
            self._opening.add(task)
            task.add_done_callback(self._lanes.discard)
            task.add_done_callback(self._opening.discard)

    async def drain(self) -> None:
        """Finish what lanes have in hand, and no more: a server that serves fewer lanes leaves the others opening."""
        self._draining = True
        self._rows.clear()
        for task in self._opening:
            task.cancel()
        while self._waiting:
            self._call_one()
        await asyncio.gather(*self._lanes, return_exceptions=True)

    def _call_one(self) -> None:
        waiter = self._waiting.popleft()
        if not waiter.done():
            waiter.set_result(None)

    async def _take(self) -> list[MessageRow]:
        """Wait for rows; none when it is to end."""
        while not self._rows and not self._draining:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(waiter)
            await waiter
        if self._draining:
            return []
        return [self._rows.popleft() for _ in range(min(len(self._rows), self._transport.batch))]

    async def _lane(self) -> None:
        try:
            lane = await self._open()
            self._opening.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if lane is not None:
                try:
                    await self._work(lane)
                finally:
                    await lane.close()
        except Exception as error:  # raised again by whoever drains
            self.error = self.error or error
            self._draining = True
            while self._waiting:
                self._call_one()

    async def _open(self) -> Lane | None:
        """Open a lane; a transport that was there before, or is there for other lanes, may be away for a while."""
        pause, unserved = FIRST_PAUSE, False
        while not self._draining:
            try:
                lane = await self._transport.lane()
            except TransportUnreachable:
                self._unserved += not unserved
                unserved = True
                no_lane = not self._opened and self._unserved == len(self._opening)
                if no_lane or self._now() - self._reached_at > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._opened, self._reached_at = True, self._now()
                return lane
        return None

    async def _work(self, lane: Lane) -> None:
        done: list[Ended] = []
        try:
            await self._go_on(lane, done)
        finally:  # whatever happens, what is known is written down
            await self._ledger.turn(done, [])

    async def _go_on(self, lane: Lane, done: list[Ended]) -> None:
        pause = FIRST_PAUSE
        while True:
            if not self._rows:
                await self._ledger.turn(done, [])
                done.clear()
            rows = await self._take()
            if not rows:
                return
            try:
                await self._next(lane, done, rows)
                pause = FIRST_PAUSE
            except TransportUnreachable:
                if self._now() - self._reached_at > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _next(self, lane: Lane, done: list[Ended], rows: Sequence[MessageRow]) -> None:
        """Write down what became of the last messages, then send these; `done` then says how they ended."""
        ready, bad = self._composed(rows)
        mine = await self._ledger.turn([*done, *bad], [row for row, _ in ready])
        done.clear()
        going = [row for row, _ in ready if row.key in mine]
        envelopes = [envelope for row, envelope in ready if row.key in mine]
        ready.clear()  # the lane lets go of each when it has left
        if not going:
            return
        try:
            outcomes = await lane.send(envelopes)
        except TransportError as error:
            await self._nothing_taken(going, error)
            raise
        self._reached_at = self._now()
        done.extend(self._judged(row, outcome) for row, outcome in zip(going, outcomes, strict=True))
        if self._refusals >= REFUSALS_IN_A_ROW:
            await self._give_up(done)

    def _composed(self, rows: Sequence[MessageRow]) -> tuple[list[tuple[MessageRow, Envelope]], list[Ended]]:
        """Compose messages; what can't be composed ends as failed, and the others go on."""
        ready, bad = [], []
        for row in rows:
            try:
                ready.append((row, self._compose(row)))
            except BadMessage as error:
                bad.append(Ended(row, "failed", "bad message", str(error)))
                self._on_done("failed")
        return ready, bad

    def _judged(self, row: MessageRow, outcome: Outcome) -> Ended:
        found = ended(row, outcome, resends=self._resends(row), retry_after=self._retry_after, now=datetime.now(UTC))
        self._on_done(found.state)
        if found.state == "failed":
            self._refusals += 1
        elif self._refusals < REFUSALS_IN_A_ROW:  # so many in one batch are not forgotten for one that was taken after
            self._refusals = 0
        return found

    async def _give_up(self, judged: Sequence[Ended]) -> None:
        """Stop the runs of messages of which one after the other was refused, and say why."""
        note = f"{self._refusals} messages in a row were refused: {judged[-1].answer}"
        for run_id in {each.row.run_id for each in judged}:
            await self._ledger.halt(run_id, note)
        raise TransportError(note, remedy="mend what the server says, then `handpicked resume`")

    async def _nothing_taken(self, rows: Sequence[MessageRow], error: TransportError) -> None:
        """Put back what was not handed over; unless the transport is only away, stop its runs and say why."""
        now = datetime.now(UTC)
        await self._ledger.turn(
            [Ended(row, "waiting", "the transport was not to be used", str(error), now) for row in rows], []
        )
        if not isinstance(error, TransportUnreachable):
            for run_id in {row.run_id for row in rows}:
                await self._ledger.halt(run_id, error.problem)

    def _now(self) -> float:
        return self._loop.time()
