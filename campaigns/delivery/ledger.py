"""The ledger of a delivering process: writes down what happens to messages, many of them in one transaction.

Lanes ask for a turn: what became of the message they had, and may they begin the next. What they ask while a
transaction is under way goes into the next one, all together: the more lanes, the fewer transactions for each message.
A lane goes on when its turn is on the disk: a process that dies has at most one unknown message for each lane (law 2).

All of it happens in one thread, which is the only one of the process that speaks to the database while it delivers.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from campaigns.delivery.living import lives, living
from campaigns.errors import StoreError
from campaigns.feedback import feedback_of_failure
from campaigns.store import claims, outbox, runs
from campaigns.store.buckets import Limits
from campaigns.store.database import Store, one_statement, reading
from campaigns.store.events import record

Found = TypeVar("Found")
AGAIN_SECONDS = 0.5
PLAIN = ("sent", "in_doubt")
"""How a message ends without anything else to be written."""
KEPT_SECONDS, LET_OTHERS_IN_SECONDS = 0.25, 0.001
"""A connection that is kept spares opening it, a millisecond; on SQLite, other threads of this process wait for it."""
GATHER_SECONDS = 0.002
"""So long a transaction waits for more lanes to ask: fewer transactions for each message, while others compose."""


class _Turn(NamedTuple):
    ended: Sequence[outbox.Ended]
    begun: Sequence[outbox.MessageRow]
    answer: asyncio.Future[set[str]]


class Ledger:
    """One process's share of the outbox.

    Args:
        store: the store.
        lease: how long a message is this process's without a sign of life; a heartbeat comes three times as often.
        limits: the rate limits in force.
        soft_bounces: so many in a row, and an address is suppressed.
        say: told when the database is away, and when it is back.
        folder: the project's, where processes of this machine show that they live.
    """

    def __init__(
        self,
        store: Store,
        lease: timedelta,
        limits: Limits,
        soft_bounces: int,
        say: Callable[[str], None],
        folder: Path,
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = store
        self._lease = lease
        self._limits = limits
        self._soft_bounces = soft_bounces
        self._say = say
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._held = ExitStack()
        self._life = ExitStack()
        self._connection: Connection | None = None
        self._asked: list[_Turn] = []
        self._wake = asyncio.Event()
        self._away_since: float | None = None
        self._there_since = time.monotonic()
        self._patience: float | None = None

    async def __aenter__(self) -> "Ledger":
        self._life.enter_context(lives(self._folder, self.worker))
        self._loop = asyncio.get_running_loop()  # kept: to ask for it costs a system call
        self._tasks = [asyncio.create_task(work) for work in (self._write_turns(), self._beat(), self._let_others_in())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._loop.run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()
        self._life.close()

    def hurry(self) -> None:
        """The process is to end: a database that is away is waited for no longer than a lease."""
        self._patience = time.monotonic() + self._lease.total_seconds()

    async def claim(self, limit: int) -> list[outbox.MessageRow]:
        """Take up to `limit` due messages; if an answer of the database was lost, what it claimed is found again."""
        now, tries = _now(), count()

        def claim() -> list[outbox.MessageRow]:
            with self._kept() as connection:
                again = next(tries) > 0
                keys = claims.claim(connection, self.worker, now, self._lease, limit, self._limits, again=again)
                if not keys:
                    return []
                with reading(connection):
                    return claims.read(connection, keys)

        return await self._read(claim)

    async def turn(self, ended: Sequence[outbox.Ended], begun: Sequence[outbox.MessageRow]) -> set[str]:
        """Write down how messages ended, and that others begin; give the keys of those that may be sent now."""
        if not ended and not begun:
            return set()
        answer: asyncio.Future[set[str]] = self._loop.create_future()
        self._asked.append(_Turn(ended, begun, answer))
        self._wake.set()
        return await answer

    async def hand_back(self) -> None:
        """Give back all that was claimed and not begun."""
        await self._write(lambda connection: outbox.hand_back(connection, self.worker, _now()))

    async def halt(self, run_id: str, note: str) -> None:
        """Stop a run, and say why."""
        await self._write(lambda connection: runs.halt_in(connection, run_id, "stopped", note, _now()))

    async def settings(self, run_id: str) -> dict[str, object]:
        """Read the campaign as it was when its run was planned."""
        return await self._read(lambda: runs.settings(self._store, run_id))

    async def tidy(self) -> bool:
        """Find what dead processes left, end what is too late, close runs that are done.

        Returns:
            whether something that a dead process was sending is still to be judged.
        """
        return await self._read(self._tidy)

    def _tidy(self) -> bool:
        now = _now()
        # While the database was away the living could not say that they are: give them time to, before judging.
        watched = self._away_since is None and time.monotonic() - self._there_since > 2 * self._beat_seconds
        outbox.recover(self._store, now, living(self._folder), doubtful=watched)
        outbox.expire(self._store, now)
        runs.finish(self._store, now)
        return not watched and outbox.left_behind(self._store, now)

    async def due_soon(self, within: timedelta) -> bool:
        """Say whether anything is in hand anywhere, or is due before long."""
        return await self._read(lambda: outbox.due_soon(self._store, _now() + within))

    @property
    def _beat_seconds(self) -> float:
        return self._lease.total_seconds() / 3

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            await self._write(lambda connection: outbox.heartbeat(connection, self.worker, _now() + self._lease))

    async def _let_others_in(self) -> None:
        while True:
            await asyncio.sleep(KEPT_SECONDS)
            await self._loop.run_in_executor(self._thread, self._pause)

    def _pause(self) -> None:
        if self._connection is not None:
            self._let_go()
            time.sleep(LET_OTHERS_IN_SECONDS)

    async def _write_turns(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            turns, self._asked = self._asked, []
            if turns:
                await self._answer(turns)

    async def _answer(self, turns: Sequence[_Turn]) -> None:
        ended = [each for turn in turns for each in turn.ended]
        begun = [row for turn in turns for row in turn.begun]
        at = _now()
        try:
            mine = await self._read(lambda: self._turn(ended, begun, at))
        except Exception as error:  # whoever asked must know, or would wait for ever
            for turn in turns:
                turn.answer.set_exception(error)
            return
        for turn in turns:
            if not turn.answer.cancelled():
                going = {row.key for row in turn.begun} & mine
                mine -= going  # one that was claimed twice goes to one lane
                turn.answer.set_result(going)

    def _turn(self, ended: Sequence[outbox.Ended], begun: Sequence[outbox.MessageRow], at: datetime) -> set[str]:
        now, plain = _now(), all(each.state in PLAIN for each in ended)
        with self._kept() as connection:
            with one_statement(connection) if plain else connection.begin():
                mine = outbox.turn(connection, self.worker, ended, begun, at, now + self._lease)
                if not plain:
                    self._follow(connection, ended, now)
            if lost := {row.key for row in begun} - mine:
                with connection.begin():
                    outbox.hand_back(connection, self.worker, now, lost)
        return mine

    def _follow(self, connection: Connection, ended: Sequence[outbox.Ended], now: datetime) -> None:
        """What waits again does as its run does; a refusal for good is a bounce, and may suppress the address."""
        if again := [each.row.key for each in ended if each.state == "waiting"]:
            outbox.as_their_runs(connection, again, now)
        told = [
            feedback_of_failure(each.row.key, each.row.address, each.row.attempts + 1, each.answer, now)
            for each in ended
            if each.state == "failed"
        ]
        if bounces := [each for each in told if each is not None]:
            record(connection, bounces, now, self._soft_bounces)

    async def _write(self, work: Callable[[Connection], Found]) -> Found:
        return await self._read(lambda: self._transaction(work))

    async def _read(self, work: Callable[[], Found]) -> Found:
        """Do something in the ledger's thread; while the database is away, again until it is back.

        All moves of the outbox ask for the state that they start from, so one whose answer was lost may be made twice.

        Raises:
            StoreError: it is still away, and the process is to end.
        """
        while True:
            asked = time.monotonic()
            try:
                found = await self._loop.run_in_executor(self._thread, work)
            except (IntegrityError, ProgrammingError):
                raise
            except (DBAPIError, StoreError) as error:
                self._away(error)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self._back(waited=time.monotonic() - asked)
                return found

    def _away(self, error: Exception) -> None:
        words = str(getattr(error, "orig", error)).strip().splitlines()[0]
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._say(f"the database does not answer, delivery waits for it: {words}")
        if self._patience is not None and time.monotonic() > self._patience:
            raise StoreError(
                f"the database does not answer: {words}",
                remedy="what was being sent is in doubt; see `handpicked report`",
            )

    def _back(self, waited: float) -> None:
        if self._away_since is not None:
            self._say(f"the database is back after {time.monotonic() - self._away_since:.0f} s")
        if self._away_since is not None or waited > self._beat_seconds:  # a lock that was held so long is no better
            self._there_since = time.monotonic()
        self._away_since = None

    def _transaction(self, work: Callable[[Connection], Found]) -> Found:
        with self._kept() as connection, connection.begin():
            return work(connection)

    @contextmanager
    def _kept(self) -> Iterator[Connection]:
        """Give the connection that is kept; after an error it is not."""
        if self._connection is None:
            self._connection = self._held.enter_context(self._store.keeping(durable=True))
        try:
            yield self._connection
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        self._connection = None
        self._held.close()


def _now() -> datetime:
    return datetime.now(UTC)
