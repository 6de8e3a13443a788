"""The long-lived process: what came due while none ran is made up for, or skipped and told."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from campaigns import running
from campaigns.errors import CampaignError
from campaigns.init import init
from campaigns.project import Project
from campaigns.report import report
from campaigns.schedule import trigger
from campaigns.store import outbox


class Told:
    """Keeps what a run says."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.fixture
def project(tmp_path, store, monkeypatch):
    monkeypatch.setenv("HANDPICKED_DATABASE", store.url)
    init(tmp_path)
    path = tmp_path / "campaigns" / "weekly_digest.toml"
    path.write_text(path.read_text().replace('"recipient"', '"UTC"'))
    with Project.open(tmp_path) as opened:
        opened.progress = Told()
        monkeypatch.setattr(running, "_deliver", lambda *_: None)
        yield opened


def was_waiting_for(project, due):
    """Leave in the job store what a killed process left: a job that waits for `due`."""
    scheduler = BackgroundScheduler(timezone="UTC")  # never started: a started one would act on the job
    schedule = project.campaign("weekly_digest").schedule
    job = scheduler.add_job(
        "campaigns.send:fire", trigger(schedule), args=["", ""], id="weekly_digest", next_run_time=due,
        misfire_grace_time=3600, coalesce=True, max_instances=1, executor="default",
    )  # fmt: skip
    jobs = SQLAlchemyJobStore(engine=project.store.engine)
    jobs.start(scheduler, "default")
    jobs.add_job(job)


def mondays(now, n):
    """The last n Mondays at eight before `now`, oldest first."""
    last = (now - timedelta(days=now.weekday())).replace(hour=8, minute=0, second=0, microsecond=0)
    last -= timedelta(days=0 if last <= now else 7)
    return [last - timedelta(weeks=back) for back in range(n - 1, -1, -1)]


def start_and_stop(project):
    stop = threading.Event()
    stop.set()
    running.run(project, stop)


def test_what_was_missed_beyond_the_grace_period_is_written_down_and_told_once(project, monkeypatch):
    now = mondays(datetime.now(UTC), 1)[0] + timedelta(days=2)
    monkeypatch.setattr(running, "real_now", lambda: now)
    due = mondays(now, 3)
    was_waiting_for(project, due[0])
    start_and_stop(project)
    runs = report(project, "weekly_digest")
    assert [(run.state, run.scheduled_at, run.audience) for run in runs] == [("skipped", at, 0) for at in due[::-1]]
    assert all("within 6 hours" in run.note for run in runs)
    assert len(project.progress.lines) == 3
    assert "Mon" in project.progress.lines[0]
    assert "too late" in project.progress.lines[0]
    start_and_stop(project)
    assert len(report(project, "weekly_digest")) == 3


def test_what_was_missed_within_the_grace_period_is_sent_now(project, monkeypatch):
    sent = []

    def send(_, name, *, at):
        sent.append((name, at))
        raise CampaignError("nothing to learn from", remedy="sync first")

    now = mondays(datetime.now(UTC), 1)[0] + timedelta(hours=3)
    monkeypatch.setattr(running, "real_now", lambda: now)
    monkeypatch.setattr(running, "send", send)
    was_waiting_for(project, now - timedelta(hours=3))
    start_and_stop(project)
    assert sent == [("weekly_digest", now - timedelta(hours=3))]
    assert "sync first" in project.progress.lines[0]


def test_a_first_start_makes_up_for_nothing(project):
    start_and_stop(project)
    assert project.progress.lines == []
    assert outbox.open_count(project.store) == 0


def test_a_changed_schedule_makes_up_for_nothing(project, monkeypatch):
    was_waiting_for(project, datetime.now(UTC) - timedelta(weeks=2))
    path = project.folder / "campaigns" / "weekly_digest.toml"
    path.write_text(path.read_text().replace("0 8 * * mon", "0 9 * * mon"))
    start_and_stop(project)
    assert project.progress.lines == []
