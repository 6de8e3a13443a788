"""RUN: the long-lived process that fires campaigns at their times and delivers what is due."""

import signal
import threading
from datetime import datetime

from campaigns.deliver import deliver
from campaigns.errors import CampaignError
from campaigns.project import Project, real_now
from campaigns.schedule import Missed, Scheduler, wall_clock
from campaigns.send import send, skip

PAUSE_SECONDS = 2.0


def run(project: Project, stop: threading.Event | None = None) -> None:
    """Fire every campaign at its time and deliver, until told to stop (SIGTERM, Ctrl-C, or `stop`).

    What was due while no process ran is fired now if it is within the campaign's grace period; else it is skipped,
    told, and written down as a skipped run.
    """
    stop = stop or _on_signals()

    def skipped(name: str, due: datetime) -> None:
        if skip(project, name, due):
            campaign = project.campaign(name)
            project.progress.say(f"{name}: skipped the run of {wall_clock(campaign.schedule, due)}: too late")

    def failed(name: str, error: BaseException) -> None:
        project.progress.say(f"{name} was not sent: {error}")

    scheduler = Scheduler(project.store.engine, project.folder, project.campaigns(), skipped, failed)
    missed = scheduler.start(real_now())
    try:
        for found in missed:
            for due in found.skipped:
                skipped(found.campaign, due)
            _catch_up(project, found)
        while not stop.wait(PAUSE_SECONDS):
            _deliver(project, stop)
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


def _deliver(project: Project, stop: threading.Event) -> None:
    try:
        deliver(project, stop=stop)
    except CampaignError as error:
        project.progress.say(f"delivery waits: {error}")


def _on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
