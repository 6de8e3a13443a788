"""RUN: the long-lived process that fires campaigns at their times and delivers what is due."""

import signal
import threading

from campaigns.deliver import deliver
from campaigns.errors import CampaignError
from campaigns.project import Project
from campaigns.schedule import Scheduler

PAUSE_SECONDS = 2.0


def run(project: Project, stop: threading.Event | None = None) -> None:
    """Fire every campaign at its time and deliver, until told to stop (SIGTERM, Ctrl-C, or `stop`)."""
    stop = stop or _on_signals()
    scheduler = Scheduler(project.store.engine, project.folder, project.campaigns())
    scheduler.start()
    try:
        while not stop.wait(PAUSE_SECONDS):
            try:
                deliver(project)
            except CampaignError as error:
                project.progress.say(f"delivery waits: {error}")
    finally:
        scheduler.stop()


def _on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
