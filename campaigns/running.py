"""RUN: the long-lived process that fires campaigns at their times and delivers what is due."""

import math
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from campaigns.chores import chores
from campaigns.deliver import deliver
from campaigns.errors import CampaignError
from campaigns.feedback import read_mailbox
from campaigns.project import Project, real_now
from campaigns.schedule import Missed, Scheduler, wall_clock
from campaigns.send import send, skip
from campaigns.traffic import judge

PAUSE_SECONDS = 2.0
HEAR_SECONDS = 300.0
JUDGED = timedelta(days=2)


def run(project: Project, stop: threading.Event | None = None) -> None:
    """Fire every campaign at its time and deliver, until told to stop (SIGTERM, Ctrl-C, or `stop`).

    What was due while no process ran is fired now if it is within the campaign's grace period; else it is skipped,
    told, and written down as a skipped run.
    """
    stop = stop or _on_signals()

    def skipped(name: str, due: datetime) -> None:
        if name in errands:  # it is done at its next time, and brings all
            return
        if skip(project, name, due):
            campaign = project.campaign(name)
            project.progress.say(f"{name}: skipped the run of {wall_clock(campaign.schedule, due)}: too late")

    def failed(name: str, error: BaseException) -> None:
        project.progress.say(f"{name} was not {'done' if name in errands else 'sent'}: {error}")

    errands = {chore.name: chore for chore in chores(project)}
    scheduler = Scheduler(
        project.store.engine, project.folder, project.campaigns(), list(errands.values()), skipped, failed
    )
    missed = scheduler.start(real_now())
    try:
        for found in missed:
            for due in found.skipped:
                skipped(found.campaign, due)
            _catch_up(project, found)
        told = read = ""
        heard = -math.inf
        while not stop.wait(PAUSE_SECONDS):
            told = _deliver(project, stop, told)
            if time.monotonic() - heard > HEAR_SECONDS:
                read, heard = _hear(project, read), time.monotonic()
    finally:
        scheduler.stop()


def _catch_up(project: Project, missed: Missed) -> None:
    if missed.late is None:
        return
    try:
        if send(project, missed.campaign, at=missed.late).new:
            project.progress.say(f"{missed.campaign}: the run of {missed.late:%a %Y-%m-%d %H:%M} UTC is made up for")
    except CampaignError as error:
        project.progress.say(f"{missed.campaign} was not sent: {error}")


def _deliver(project: Project, stop: threading.Event, told: str) -> str:
    return _try(project, "delivery waits", lambda: deliver(project, stop=stop), told)


def _hear(project: Project, told: str) -> str:
    """Read the mailbox for bounces, if there is one, and judge the clicks and opens that came lately."""

    def hear() -> None:
        if project.settings.mail.mailbox is not None:
            read_mailbox(project)
        now = real_now()
        judge(project, now - JUDGED, now)

    return _try(project, "what came back was not read", hear, told)


def _try(project: Project, what: str, work: Callable[[], object], told: str) -> str:
    """Do something that is done again and again; a refusal is told once, not every time."""
    try:
        work()
    except CampaignError as error:
        if str(error) != told:
            project.progress.say(f"{what}: {error}")
        return str(error)
    return ""


def _on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
