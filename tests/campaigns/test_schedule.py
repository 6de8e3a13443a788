"""Schedules: due times over changes to summer time, and which run a moment belongs to."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.campaign import Campaign, Schedule
from campaigns.schedule import due_at, missed_since, next_times, scheduled_time, wall_clock

BERLIN = Schedule(cron="0 8 * * mon", zone="Europe/Berlin", grace_hours=6)


def test_eight_oclock_stays_eight_oclock_over_both_changes_of_the_clock():
    spring = next_times(BERLIN, datetime(2026, 3, 22, tzinfo=UTC), 2)
    autumn = next_times(BERLIN, datetime(2026, 10, 18, tzinfo=UTC), 2)
    assert [time.hour for time in spring] == [7, 6]
    assert [time.hour for time in autumn] == [6, 7]


def test_a_time_that_the_clock_skips_fires_once():
    nightly = Schedule(cron="30 2 * * *", zone="Europe/Berlin")
    times = next_times(nightly, datetime(2026, 3, 28, tzinfo=UTC), 3)
    assert len({time.date() for time in times}) == 3


def test_a_time_that_comes_twice_is_named_once_a_day():
    nightly = Schedule(cron="30 2 * * *", zone="Europe/Berlin")
    times = next_times(nightly, datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert times[1] - times[0] >= timedelta(hours=23)


@pytest.mark.parametrize(("hours", "fires"), [(0, True), (5.9, True), (6.1, False)])
def test_a_missed_time_is_fired_within_the_grace_period_only(hours, fires):
    due = datetime(2026, 3, 30, 6, tzinfo=UTC)
    found = scheduled_time(BERLIN, due + timedelta(hours=hours))
    assert found == (due if fires else None)


def test_two_processes_name_the_same_run():
    due = datetime(2026, 3, 30, 6, tzinfo=UTC)
    assert scheduled_time(BERLIN, due + timedelta(seconds=1)) == scheduled_time(BERLIN, due + timedelta(minutes=9))


def test_each_recipient_gets_it_at_eight_in_their_own_zone():
    own = Schedule(cron="0 8 * * mon", zone="recipient")
    run = next_times(own, datetime(2026, 3, 1, tzinfo=UTC), 1)[0]
    assert due_at(own, run, "America/New_York") == datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert due_at(own, run, "Asia/Tokyo") == datetime(2026, 3, 1, 23, tzinfo=UTC)


def test_after_weeks_down_only_the_newest_time_within_its_grace_is_made_up_for():
    campaign = Campaign(name="weekly", subject="Hello", schedule=BERLIN)
    mondays = next_times(BERLIN, datetime(2026, 3, 1, tzinfo=UTC), 4)
    soon = missed_since(campaign, mondays[0], mondays[3] + timedelta(hours=5))
    assert (soon.late, soon.skipped) == (mondays[3], mondays[:3])
    later = missed_since(campaign, mondays[0], mondays[3] + timedelta(hours=7))
    assert (later.late, later.skipped) == (None, mondays)
    assert missed_since(campaign, mondays[1], mondays[0]).skipped == []


def test_a_due_time_is_told_by_the_clock_of_the_schedules_zone():
    assert wall_clock(BERLIN, datetime(2026, 3, 30, 6, tzinfo=UTC)) == "Mon 2026-03-30 08:00 Europe/Berlin"
    own = Schedule(cron="0 8 * * mon", zone="recipient")
    assert wall_clock(own, next_times(own, datetime(2026, 3, 28, tzinfo=UTC), 1)[0]) == (
        "Mon 2026-03-30 08:00 in each recipient's zone"
    )
