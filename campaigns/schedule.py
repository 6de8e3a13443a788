"""Schedule: when campaigns are due, over changes to summer time, and the process clock that fires them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import Engine

from campaigns.campaign import Campaign, Schedule
from campaigns.store.database import making_tables

RECIPIENT = "recipient"


def trigger(schedule: Schedule) -> CronTrigger:
    """Make the cron trigger in the schedule's zone; for recipients' own zones, in the one where a day begins first."""
    # That is UTC+14: the run is planned there, and each message waits for its own zone.
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


def wall_clock(schedule: Schedule, due: datetime) -> str:
    """Write a due time as the marketer reads it: by the clock of the schedule's zone."""
    local = f"{due.astimezone(trigger(schedule).timezone):%a %Y-%m-%d %H:%M}"
    return f"{local} in each recipient's zone" if schedule.zone == RECIPIENT else f"{local} {schedule.zone}"


@dataclass(frozen=True)
class Missed:
    """Due times of one campaign that passed while no process ran.

    Attributes:
        campaign: its name.
        late: the newest of them, if it is still within the grace period: fire it now.
        skipped: the others: too late to be fired.
    """

    campaign: str
    late: datetime | None
    skipped: list[datetime]


def missed_since(campaign: Campaign, since: datetime, now: datetime) -> Missed:
    """Sort what was due from `since` to `now` into what is still fired and what is skipped."""
    due = list(takewhile(lambda time: time <= now, _fires(trigger(campaign.schedule), since)))
    grace = timedelta(hours=campaign.schedule.grace_hours)
    late = due[-1] if due and now - due[-1] <= grace else None
    return Missed(campaign.name, late, due[:-1] if late else due)


class Chore(Protocol):
    """Something that is done at its times, beside the campaigns."""

    @property
    def name(self) -> str:
        """Its name, which no campaign has."""

    @property
    def schedule(self) -> Schedule:
        """When."""


class Scheduler:
    """APScheduler with its SQLAlchemy job store: one job a campaign or chore; two processes on one store are safe.

    Args:
        engine: where the jobs are kept.
        project: the project's folder.
        campaigns: the campaigns to fire.
        chores: what else is to be done at its times; one that was missed is done at its next.
        on_missed: told of a campaign and a time that this process fired too late for.
        on_error: told of a campaign that could not be run, and why.
    """

    def __init__(
        self,
        engine: Engine,
        project: Path,
        campaigns: Sequence[Campaign],
        chores: Sequence[Chore],
        on_missed: Callable[[str, datetime], None],
        on_error: Callable[[str, BaseException], None],
    ) -> None:
        jobs = SQLAlchemyJobStore(engine=engine)
        with making_tables(engine) as connection:
            jobs.jobs_t.create(connection, checkfirst=True)
        self._scheduler = BackgroundScheduler(jobstores={"default": jobs}, timezone="UTC")
        self._scheduler.add_listener(
            lambda event: on_missed(event.job_id, event.scheduled_run_time.astimezone(UTC)), EVENT_JOB_MISSED
        )
        self._scheduler.add_listener(lambda event: on_error(event.job_id, event.exception), EVENT_JOB_ERROR)
        self._project = str(project.resolve())
        self._campaigns = {campaign.name: campaign for campaign in campaigns}
        self._chores = {chore.name: chore for chore in chores}

    def start(self, now: datetime) -> list[Missed]:
        """Begin to fire.

        Returns:
            what was due while no process ran: the job store remembers what each campaign waited for.
        """
        self._scheduler.start(paused=True)
        waited = {job.id: job for job in self._scheduler.get_jobs()}
        for name in set(waited) - set(self._campaigns) - set(self._chores):
            self._scheduler.remove_job(name)
        missed = [
            missed_since(campaign, waited[name].next_run_time.astimezone(UTC), now)
            for name, campaign in self._campaigns.items()
            if name in waited and repr(waited[name].trigger) == repr(trigger(campaign.schedule))
        ]
        for campaign in self._campaigns.values():
            self._add("campaigns.send:fire", campaign.name, campaign.schedule)
        for chore in self._chores.values():
            self._add("campaigns.chores:fire", chore.name, chore.schedule)
        self._scheduler.resume()
        return [found for found in missed if found.late or found.skipped]

    def _add(self, verb: str, name: str, schedule: Schedule) -> None:
        self._scheduler.add_job(
            verb,
            trigger(schedule),
            args=[self._project, name],
            id=name,
            replace_existing=True,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=int(schedule.grace_hours * 3600),
        )

    def stop(self) -> None:
        """Stop firing; a run under way is finished first."""
        self._scheduler.shutdown(wait=True)
