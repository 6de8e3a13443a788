"""DELIVER: claim due messages, compose them, hand them to the transport, write down what became of each.

A message is committed as `sending` before the transport sees it: after a crash only those few are in doubt (law 2).
"""

import asyncio
import contextlib
import gc
import math
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from campaigns.campaign import Campaign
from campaigns.compose import envelope
from campaigns.delivery.helpers import Helpers
from campaigns.delivery.lanes import Post
from campaigns.delivery.ledger import Ledger
from campaigns.mail.render import CompiledTemplate
from campaigns.mail.transports.base import Envelope
from campaigns.mail.transports.registry import Pace, open_transport
from campaigns.progress import Handle, SilentProgress
from campaigns.project import Project, real_now
from campaigns.store import outbox
from campaigns.store.buckets import Limits
from campaigns.store.outbox import MessageRow

CLAIMED_FOR_A_LANE = 4
CLAIMED_AT_ONCE = 200
"""More at a time let all lanes, and other processes, wait longer for the database; fewer cost more each."""
WORTH_A_PROCESS = 2_000
"""So many messages wait for each process that is started beside the first."""
SOON = timedelta(minutes=10)
AT_ONCE = timedelta(seconds=2)
"""What a rate limit puts off for no longer is delivered in the same call, over connections that are open."""
TIDY_SECONDS = 1.0
LOOK_SECONDS = 0.05


@dataclass
class Delivered:
    """How many messages ended in each state while this process delivered."""

    states: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Run:
    campaign: Campaign
    template: CompiledTemplate


def deliver(
    project: Project,
    *,
    until_empty: bool = False,
    limit: int | None = None,
    jobs: int | None = None,
    stop: threading.Event | None = None,
) -> Delivered:
    """Deliver what is due, and what is within two seconds; with `until_empty`, within ten minutes: retries, too.

    Args:
        project: the open project.
        until_empty: go on until nothing waits.
        limit: stop after about so many messages.
        jobs: processes that deliver side by side, each with its own connections; none: as the settings say.
        stop: set from outside, it ends the work in good order, as SIGTERM and Ctrl-C do: what is being sent is
            finished, what is claimed is handed back.

    Raises:
        TransportError: the transport can't be used at all; nothing is lost, the messages wait.
        BadTemplate: a template of a run no longer renders; its messages wait.
        StoreError: the database was away when the process was to end.
    """
    waiting = outbox.open_count(project.store)
    jobs = 1 if limit else jobs or project.settings.delivery.processes or _enough(waiting)
    progress = project.progress if waiting else SilentProgress()  # whoever looks again and again shows no empty bar
    with progress.track("deliver", waiting) as bar, _told_to_stop(stop) as told:
        with _collecting_seldom(), Helpers(jobs - 1, project.folder, until_empty, told, bar.advance) as helpers:
            done = asyncio.run(_Delivery(project, told, bar, limit, until_empty=until_empty).run())
        done.states.update(helpers.states)
        return done


@contextlib.contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Look for garbage in circles every 100,000 objects: a message makes hundreds, hardly one in a circle."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _enough(waiting: int) -> int:
    return min(os.cpu_count() or 1, 1 + waiting // WORTH_A_PROCESS)


@contextlib.contextmanager
def _told_to_stop(stop: threading.Event | None) -> Iterator[threading.Event]:
    """Give an event that SIGTERM and Ctrl-C set, unless the caller has its own or signals are not for this thread."""
    told = stop or threading.Event()
    if stop is not None or threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Delivery:
    """One call of `deliver`: claims, spreads over the transports, tidies up, ends."""

    def __init__(
        self, project: Project, stop: threading.Event, bar: Handle, limit: int | None, *, until_empty: bool
    ) -> None:
        self._project = project
        self._settings = project.settings.delivery
        self._stop = stop
        self._bar = bar
        self._limit = limit
        self._until_empty = until_empty
        self._done = Delivered()
        self._claimed = 0
        self._untold = 0
        self._runs: dict[str, _Run] = {}
        self._posts: dict[str, Post] = {}

    async def run(self) -> Delivered:
        """Deliver until there is no more, or it is told to stop; then end in good order."""
        async with self._ledger() as ledger:
            hurrying = asyncio.create_task(self._hurry_when_stopped(ledger))
            async with AsyncExitStack() as transports:
                try:
                    await self._go_on(ledger, transports)
                finally:
                    hurrying.cancel()
                    ledger.hurry()
                    for post in self._posts.values():
                        await post.drain()
                    await ledger.hand_back()
                    self._tell()
            await ledger.tidy()
        for post in self._posts.values():
            if post.error is not None:
                raise post.error
        return self._done

    async def _hurry_when_stopped(self, ledger: Ledger) -> None:
        """Whoever waits for a database that is away, such as a claim, hears that the process is to end."""
        while not self._stop.is_set():
            await asyncio.sleep(LOOK_SECONDS)
        ledger.hurry()

    def _ledger(self) -> Ledger:
        spec, settings = self._settings, self._project.settings
        limits = Limits(settings.sender_domain, spec.per_second, spec.per_domain_per_second, spec.warm_up_per_day)
        lease, say = timedelta(seconds=spec.lease_seconds), self._project.progress.say
        return Ledger(self._project.store, lease, limits, settings.mail.soft_bounces, say, self._project.folder)

    async def _go_on(self, ledger: Ledger, transports: AsyncExitStack) -> None:
        clock = asyncio.get_running_loop().time
        tidied, judging = -math.inf, False
        while not self._stop.is_set() and not any(post.error for post in self._posts.values()):
            self._tell()
            if clock() - tidied >= TIDY_SECONDS:
                judging, tidied = await ledger.tidy(), clock()
            if await self._claim(ledger, transports):
                continue
            idle = all(post.idle for post in self._posts.values())
            if idle and not judging and not await self._more_to_come(ledger):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _more_to_come(self, ledger: Ledger) -> bool:
        if self._limit is not None and self._claimed >= self._limit:
            return False
        return await ledger.due_soon(SOON if self._until_empty else AT_ONCE)

    async def _claim(self, ledger: Ledger, transports: AsyncExitStack) -> bool:
        """Claim what lanes will soon need; False when they have enough, or there is no more."""
        ahead = max(self._settings.connections * CLAIMED_FOR_A_LANE, CLAIMED_AT_ONCE)
        left = ahead if self._limit is None else self._limit - self._claimed
        if left <= 0 or sum(post.waiting for post in self._posts.values()) > ahead // 2:
            return False
        rows = await ledger.claim(min(CLAIMED_AT_ONCE, left))
        self._claimed += len(rows)
        by_transport: dict[str, list[MessageRow]] = {}
        for row in rows:
            campaign = (await self._run(ledger, row.run_id)).campaign
            by_transport.setdefault(campaign.transport or self._project.settings.transport, []).append(row)
        for url, mine in by_transport.items():
            (await self._post(ledger, transports, url)).put(mine)
        return bool(rows)

    async def _run(self, ledger: Ledger, run_id: str) -> _Run:
        if run_id not in self._runs:
            campaign = Campaign.model_validate(await ledger.settings(run_id))
            self._runs[run_id] = _Run(campaign, self._project.template(campaign.template))
        return self._runs[run_id]

    async def _post(self, ledger: Ledger, transports: AsyncExitStack, url: str) -> Post:
        if url not in self._posts:
            spec = self._settings
            pace = Pace(spec.connections, spec.messages_per_connection, spec.timeout_seconds)
            opened = await transports.enter_async_context(open_transport(url, self._project.folder, pace))
            retry_after = [timedelta(minutes=minutes) for minutes in spec.retry_after_minutes]
            self._posts[url] = Post(opened, ledger, self._compose, self._resends, retry_after, self._count)
        return self._posts[url]

    def _compose(self, row: MessageRow) -> Envelope:
        run = self._runs[row.run_id]
        return envelope(self._project, run.campaign, run.template, row, real_now())

    def _resends(self, row: MessageRow) -> bool:
        return self._runs[row.run_id].campaign.in_doubt == "resend"

    def _count(self, state: str) -> None:
        self._done.states[state] += 1
        self._untold += 1

    def _tell(self) -> None:
        if self._untold:
            self._bar.advance(self._untold)
            self._untold = 0
