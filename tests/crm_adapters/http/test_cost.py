"""Never more points than the bucket holds, whatever was assumed of it at first."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapters.http.cost import CostBudget

TENTH = 0.002  # waits are whole thousandths of a second


class Bucket:
    """The system's own count, in which a call that is one too many is a fault."""

    def __init__(self, clock, maximum, restored):
        self.clock, self.maximum, self.restored = clock, maximum, restored
        self.left, self.at = maximum, clock.now()

    def take(self, cost):
        now = self.clock.now()
        self.left = min(self.maximum, self.left + (now - self.at) * self.restored)
        self.at = now
        assert cost <= self.left + 1e-3, f"{cost} of {self.left} points"
        self.left -= cost
        return self.left


def test_nobody_waits_while_there_are_points(clock):
    budget, start = CostBudget(clock, 1_000, 50), clock.now()
    for _ in range(10):
        budget.spend(100)
    assert clock.now() == start


def test_who_lacks_points_waits_until_they_have_come_back(clock):
    budget, start = CostBudget(clock, 1_000, 50), clock.now()
    budget.spend(1_000)
    budget.spend(100)
    assert clock.now() - start == pytest.approx(2, abs=TENTH)
    budget.spend(25)
    assert clock.now() - start == pytest.approx(2.5, abs=TENTH)


def test_a_bucket_never_holds_more_than_when_it_is_full(clock):
    budget = CostBudget(clock, 100, 50)
    clock.time += 3_600
    budget.spend(100)
    start = clock.now()
    budget.spend(50)
    assert clock.now() - start == pytest.approx(1, abs=TENTH)


def test_what_the_system_says_is_believed_whether_it_is_less_or_more(clock):
    budget = CostBudget(clock, 1_000, 50)
    budget.spend(10)
    budget.settle(10, left=0, maximum=2_000, restored=100)
    start = clock.now()
    budget.spend(500)
    assert clock.now() - start == pytest.approx(5, abs=TENTH)
    budget.settle(500, left=2_000)
    start = clock.now()
    budget.spend(2_000)
    assert clock.now() == start
    assert budget.maximum == 2_000


def test_an_answer_that_says_nothing_of_points_changes_nothing(clock):
    budget = CostBudget(clock, 100, 50)
    budget.spend(100)
    budget.settle(100, left=None, maximum=None, restored=0)
    start = clock.now()
    budget.spend(50)
    assert clock.now() - start == pytest.approx(1, abs=TENTH)


def test_what_costs_more_than_a_full_bucket_goes_when_it_is_full(clock):
    budget = CostBudget(clock, 100, 50)
    budget.spend(50)
    start = clock.now()
    budget.spend(10_000)
    assert clock.now() - start == pytest.approx(1, abs=TENTH)


def test_calls_under_way_are_not_in_what_the_system_says_is_left(clock):
    """Of two calls, one is answered before the system has met the other."""
    budget = CostBudget(clock, 100, 50)
    budget.spend(40)
    budget.spend(40)
    budget.settle(40, left=60)
    start = clock.now()
    budget.spend(40)
    assert clock.now() - start == pytest.approx(20 / 50, abs=TENTH)


@given(
    costs=st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0, 0, 0.1, 3, 70])), max_size=30),
    maximum=st.sampled_from([300, 1_000, 10_000]),
    restored=st.sampled_from([10, 50, 1_000]),
)
def test_the_system_never_meets_a_call_too_many_once_it_has_told_of_its_bucket(new_clock, costs, maximum, restored):
    clock = new_clock()
    bucket, budget = Bucket(clock, maximum, restored), CostBudget(clock)
    budget.settle(0, left=maximum, maximum=maximum, restored=restored)
    for cost, gap in costs:
        clock.time += gap
        budget.spend(cost)
        budget.settle(cost, bucket.take(cost))


@settings(max_examples=20, deadline=None)
@given(threads=st.integers(2, 6), each=st.integers(1, 6))
def test_threads_together_take_no_more_than_there_is(new_clock, threads, each):
    clock = new_clock()
    start, budget = clock.now(), CostBudget(clock, 100, 50)

    def spend():
        for _ in range(each):
            budget.spend(40)

    running = [threading.Thread(target=spend) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join(60)
        assert not one.is_alive()
    lacking = threads * each * 40 - 100
    assert clock.now() - start == pytest.approx(max(0, lacking / 50), abs=TENTH * threads * each)
