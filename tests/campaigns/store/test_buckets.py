"""Rate limits on each database: how many may leave, when the others are due, and that all who claim share them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from campaigns.store.buckets import Limits, allowed
from campaigns.store.database import open_store
from campaigns.store.suppression import suppress
from campaigns.store.tables import buckets
from tests.campaigns.store.outbox_rows import NOW, claim, message, numbers, plan, states

DAY = timedelta(days=1)


def seconds(number):
    return NOW + timedelta(seconds=number)


def ask(store, count, limits, now=NOW, domain="example.com", start=0):
    """Ask for `count` messages; give how many may leave, and when the others are due."""
    wanted = {f"<{n}@x>": f"c{n}@{domain}" for n in range(start, start + count)}
    with store.writing() as write:
        later = allowed(write, wanted, limits, now)
    assert set(later) == set(list(wanted)[count - len(later) :])  # the most urgent leave first
    return count - len(later), list(later.values())


def test_without_limits_all_may_leave_and_nothing_is_written(store):
    assert ask(store, 1000, Limits("shop.example")) == (1000, [])
    with store.engine.connect() as read:
        assert read.execute(select(buckets)).all() == []


def test_so_many_a_second_may_leave_and_the_others_are_due_one_after_the_other(store):
    limits = Limits("shop.example", per_second=5)
    assert ask(store, 8, limits) == (5, [seconds(0.2), seconds(0.4), seconds(0.6)])
    assert ask(store, 5, limits, seconds(0.4))[0] == 2
    assert ask(store, 99, limits, seconds(60))[0] == 5  # an idle minute is not saved up


def test_less_than_one_a_second_is_one_after_a_while(store):
    limits = Limits("shop.example", per_second=0.1)
    assert ask(store, 3, limits) == (1, [seconds(10), seconds(20)])
    assert ask(store, 1, limits, seconds(9))[0] == 0
    assert ask(store, 1, limits, seconds(10))[0] == 1


def test_over_an_hour_of_claims_the_rate_is_kept(store):
    limits = Limits("shop.example", per_second=0.5)
    passed = sum(ask(store, 3, limits, seconds(36 * step))[0] for step in range(100))
    assert passed == 100  # of a bucket that holds one, whatever was not asked for in between
    limits = Limits("other.example", per_second=2)
    passed = sum(ask(store, 3, limits, seconds(0.25 * step))[0] for step in range(41))
    assert passed == 2 + 2 * 10


def test_a_recipient_domain_has_its_own_rate_and_the_star_stands_for_every_other(store):
    limits = Limits("shop.example", per_domain={"gmail.com": 3, "*": 1})
    assert ask(store, 5, limits, domain="GMail.com")[0] == 3
    assert ask(store, 5, limits, domain="a.example")[0] == 1
    assert ask(store, 5, limits, domain="b.example")[0] == 1
    assert ask(store, 5, Limits("shop.example", per_domain={"gmail.com": 3}), domain="c.example")[0] == 5
    assert ask(store, 5, Limits("another.example", per_domain={"gmail.com": 3}), domain="gmail.com")[0] == 3


def test_all_limits_hold_together(store):
    limits = Limits("shop.example", per_second=4, per_domain={"gmail.com": 3}, warm_up=(5,))
    assert ask(store, 9, limits, domain="gmail.com")[0] == 3
    assert ask(store, 9, limits, domain="a.example")[0] == 1
    assert ask(store, 9, limits, seconds(1))[0] == 1


def test_several_processes_and_one_that_starts_anew_share_a_bucket(store, database):
    limits = Limits("shop.example", per_second=10)
    assert ask(store, 6, limits)[0] == 6
    with open_store(database) as restarted:
        assert ask(restarted, 6, limits)[0] == 4
    with open_store(database) as restarted:
        assert ask(restarted, 6, limits, seconds(0.3))[0] == 3


def test_each_day_of_the_warm_up_has_its_allowance_and_after_it_there_is_none(store, database):
    limits = Limits("shop.example", warm_up=(3, 5))
    assert ask(store, 5, limits) == (3, [NOW + DAY] * 2)
    with open_store(database) as restarted:
        assert ask(restarted, 2, limits, NOW + DAY - timedelta(seconds=1)) == (0, [NOW + DAY] * 2)
    assert ask(store, 4, limits, NOW + DAY) == (4, [])
    assert ask(store, 4, limits, NOW + 1.5 * DAY) == (1, [NOW + 2 * DAY] * 3)
    assert ask(store, 1000, limits, NOW + 2 * DAY) == (1000, [])


def test_the_warm_up_begins_with_the_first_message_that_leaves_and_not_with_one_that_must_not(store):
    limits = Limits("shop.example", warm_up=(3, 5))
    plan(store, 1)
    suppress(store, message(store, 0).address, "complained", NOW)
    assert claim(store, limits=limits) == []
    assert ask(store, 5, limits, NOW + DAY)[0] == 3


def test_a_day_without_a_message_does_not_add_to_the_next(store):
    limits = Limits("shop.example", warm_up=(3, 5, 8))
    ask(store, 1, limits)
    assert ask(store, 20, limits, NOW + 2 * DAY)[0] == 8


@pytest.mark.parametrize("back", [timedelta(milliseconds=400), timedelta(seconds=30), timedelta(hours=3)])
def test_a_clock_that_goes_back_gives_nothing_twice_beyond_one_bucket(store, back):
    limits = Limits("shop.example", per_second=5)
    assert ask(store, 5, limits)[0] == 5
    assert ask(store, 5, limits, NOW - back)[0] == 0
    passed = sum(ask(store, 5, limits, now)[0] for _ in range(10) for now in (NOW, NOW - back))
    assert passed <= (0 if back < timedelta(minutes=1) else 50)


def test_two_machines_whose_clocks_differ_keep_the_rate_together(store):
    limits = Limits("shop.example", per_second=10)
    moments = [seconds(0.1 * step - (0.5 if step % 2 else 0)) for step in range(51)]
    assert sum(ask(store, 20, limits, now)[0] for now in moments) <= 10 + 10 * 5


def test_a_clock_that_was_an_hour_ahead_does_not_stop_delivery_for_an_hour(store):
    limits = Limits("shop.example", per_second=5)
    ask(store, 5, limits, seconds(3600))
    ask(store, 5, limits)
    assert ask(store, 5, limits, seconds(1))[0] == 5


def test_a_clock_that_goes_back_over_a_day_does_not_give_that_days_allowance_again(store):
    limits = Limits("shop.example", warm_up=(3, 5, 8))
    ask(store, 3, limits)
    assert ask(store, 5, limits, NOW + DAY)[0] == 5
    assert ask(store, 5, limits, NOW)[0] == 0
    assert ask(store, 5, limits, NOW - DAY)[0] == 0
    assert ask(store, 5, limits, NOW + DAY)[0] == 0


def test_what_is_put_off_waits_and_is_claimed_when_it_is_due_in_its_order(store):
    plan(store, 6)
    limits = Limits("shop.example", per_domain={"*": 2})
    assert numbers(claim(store, limits=limits)) == [0, 1]
    due = [message(store, number).due_at for number in range(2, 6)]
    assert due == [seconds(0.5), seconds(1), seconds(1.5), seconds(2)]
    assert claim(store, limits=limits) == []
    assert numbers(claim(store, limits=limits, now=seconds(0.5))) == [2]
    assert numbers(claim(store, limits=limits, now=seconds(1.5))) == [3, 4]
    assert states(store) == {"claimed": 5, "waiting": 1}


def test_a_domain_that_is_slow_does_not_hold_up_the_others(store):
    plan(store, 5, domain="slow.example")
    plan(store, 5, run="weekly@2", domain="quick.example", at=NOW + DAY, due=lambda _: NOW)
    limits = Limits("shop.example", per_domain={"slow.example": 1})
    claimed = [row.address.partition("@")[2] for _ in range(3) for row in claim(store, limit=5, limits=limits)]
    assert sorted(claimed) == ["quick.example"] * 5 + ["slow.example"]
