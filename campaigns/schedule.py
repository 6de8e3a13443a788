"""Schedule: when campaigns are due, over changes to summer time, and the process clock that fires them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import Engine

from campaigns.campaign import Campaign, Schedule

RECIPIENT = "recipient"


def trigger(schedule: Schedule) -> CronTrigger:
    """Make the cron trigger in the schedule's zone; for the recipients' own zones the run is planned in the earliest."""
    # UTC+14 is where a day begins first: the run is planned there, and each message waits for its own zone.
    zone = "Etc/GMT-14" if schedule.zone == RECIPIENT else schedule.zone
    return CronTrigger.from_crontab(schedule.cron, timezone=ZoneInfo(zone))


def _fires(cron: CronTrigger, after: datetime) -> Iterator[datetime]:
    """Yield the times from a moment on, in UTC; a wall-clock time that comes twice in autumn counts once."""
    found = cron.get_next_fire_time(None, after)
    while found is not None:
        if not found.fold:
            yield found.astimezone(UTC)
        found = cron.get_next_fire_time(None, found.astimezone(UTC) + timedelta(microseconds=1))


def next_times(schedule: Schedule, after: datetime, n: int) -> list[datetime]:
    """List the next `n` times after a moment, in UTC."""
    return list(islice(_fires(trigger(schedule), after + timedelta(microseconds=1)), n))


def scheduled_time(schedule: Schedule, now: datetime) -> datetime | None:
    """Find the nominal time of the run to fire now: the latest due within the grace period; none if it is too late.

    Two processes that ask within the same period get the same answer, so they name the same run.
    """
    start = now - timedelta(hours=schedule.grace_hours)
    due = list(takewhile(lambda time: time <= now, _fires(trigger(schedule), start)))
    return due[-1] if due else None


def due_at(schedule: Schedule, scheduled_at: datetime, zone: str | None) -> datetime:
    """Say when one recipient's message is due: at the run's time, or at that wall-clock time in their own zone."""
    if schedule.zone != RECIPIENT or not zone:
        return scheduled_at
    wall = scheduled_at.astimezone(trigger(schedule).timezone).replace(tzinfo=None)
    own = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return max(own, scheduled_at)


class Scheduler:
    """APScheduler with its SQLAlchemy job store: one job a campaign file; two processes on one store are safe."""

    def __init__(self, engine: Engine, project: Path, campaigns: list[Campaign]) -> None:
        self._scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(engine=engine)}, timezone="UTC")
        self._project = str(project.resolve())
        self._campaigns = campaigns

    def start(self) -> None:
        """Begin to fire; a time missed by less than the grace period is fired at once."""
        self._scheduler.start(paused=True)
        for campaign in self._campaigns:
            self._scheduler.add_job(
                "campaigns.send:fire",
                trigger(campaign.schedule),
                args=[self._project, campaign.name],
                id=campaign.name,
                replace_existing=True,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=int(campaign.schedule.grace_hours * 3600),
            )
        self._scheduler.resume()

    def stop(self) -> None:
        """Stop firing; a run under way is finished first."""
        self._scheduler.shutdown(wait=True)
