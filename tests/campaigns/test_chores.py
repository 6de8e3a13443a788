"""Connections are pulled from and written back to at their times, once however many processes run."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from campaigns import chores as subject
from campaigns.chores import chores, fire
from campaigns.errors import BadSettings, NotFound
from campaigns.init import init
from campaigns.project import Project
from campaigns.schedule import Scheduler, next_times
from campaigns.store.tables import cursors

NOW = datetime(2026, 3, 2, 13, 0, 5, tzinfo=UTC)
TIMES = 'pull_at = "0 * * * *"\npush_at = "30 6 * * *"\n'


@pytest.fixture
def shop(tmp_path, write_shop, monkeypatch):
    """A shop that pulls every hour, at five seconds past one."""
    init(tmp_path, pretend_now=NOW.isoformat().replace("+00:00", "Z"))
    write_shop(tmp_path / "data")
    settings = tmp_path / "handpicked.toml"
    settings.write_text(settings.read_text().replace('path = "data"\n', f'path = "data"\n{TIMES}'))
    monkeypatch.setattr(subject, "real_now", lambda: NOW)
    with Project.open(tmp_path) as project:
        yield project


def pulled(project):
    with project.store.engine.connect() as read:
        return {row.stream: row.pages for row in read.execute(select(cursors.c.stream, cursors.c.pages))}


def test_each_time_of_a_connection_is_a_chore_by_the_shops_clock(shop):
    found = {chore.name: chore.schedule for chore in chores(shop)}
    assert {name: schedule.cron for name, schedule in found.items()} == {
        "sync pull shop": "0 * * * *", "sync push shop": "30 6 * * *",
    }  # fmt: skip
    assert all(schedule.zone == shop.settings.shop.time_zone for schedule in found.values())


def test_a_pull_is_done_at_its_time_and_by_one_process_only(shop):
    fire(str(shop.folder), "sync pull shop")
    once = pulled(shop)
    assert set(once) >= {"customers", "products", "orders"}
    (shop.folder / "data" / "customers.csv").touch()  # another pull would bring the file again
    fire(str(shop.folder), "sync pull shop")
    assert pulled(shop) == once


def test_at_the_next_time_it_is_done_again(shop, monkeypatch):
    fire(str(shop.folder), "sync pull shop")
    once = pulled(shop)
    data = shop.folder / "data" / "customers.csv"
    data.write_text(data.read_text() + "\n")
    monkeypatch.setattr(subject, "real_now", lambda: NOW + timedelta(hours=1))
    fire(str(shop.folder), "sync pull shop")
    assert pulled(shop)["customers"] > once["customers"]


def test_a_push_is_done_at_its_time(shop, monkeypatch):
    fire(str(shop.folder), "sync pull shop")
    (due,) = next_times({chore.name: chore for chore in chores(shop)}["sync push shop"].schedule, NOW, 1)
    monkeypatch.setattr(subject, "real_now", lambda: due)
    fire(str(shop.folder), "sync push shop")
    assert (shop.folder / "data" / "recommended.csv").read_text().count("\n") == 49


def test_a_chore_that_is_no_longer_wanted_is_told(shop):
    with pytest.raises(NotFound, match=r"not in handpicked\.toml any more"):
        fire(str(shop.folder), "sync pull elsewhere")


def test_a_time_that_is_no_cron_line_is_refused_with_its_line(shop):
    settings = shop.folder / "handpicked.toml"
    settings.write_text(settings.read_text().replace('"0 * * * *"', '"hourly"'))
    with pytest.raises(BadSettings, match="no cron line"):
        Project.open(shop.folder)


def test_the_scheduler_keeps_chores_beside_campaigns(shop):
    for _ in range(2):  # a restart keeps them, too
        scheduler = Scheduler(shop.store.engine, shop.folder, shop.campaigns(), list(chores(shop)), print, print)
        scheduler.start(NOW)
        jobs = {job.id: job.func_ref for job in scheduler._scheduler.get_jobs()}
        scheduler.stop()
        assert jobs == {
            "weekly_digest": "campaigns.send:fire",
            "sync pull shop": "campaigns.chores:fire",
            "sync push shop": "campaigns.chores:fire",
        }
