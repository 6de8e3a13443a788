"""Never more calls in a window than it allows, whoever makes them."""

import threading
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapters.http.budget import Budget
from crm_adapters.http.clock import RealClock

WINDOW = st.tuples(st.integers(1, 6), st.sampled_from([0.25, 1.0, 10.0, 60.0]))
ROUNDING = 1e-6  # what a float can not tell apart, 60 years after 1970


def spent(budget, clock, gaps):
    """Times at which calls went out, of one who also pauses by himself."""
    times = []
    for gap in gaps:
        if gap:
            clock.wait(gap)
        budget.spend()
        times.append(clock.now())
    return times


def is_kept(times, windows):
    times = sorted(times)
    return all(
        late - early >= seconds - ROUNDING
        for calls, seconds in windows
        for early, late in zip(times, times[calls:], strict=False)
    )


def together(doings):
    """Let each be done by a thread of its own, and wait for all."""
    threads = [threading.Thread(target=doing) for doing in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_without_windows_nobody_waits(clock):
    assert spent(Budget((), clock), clock, [0] * 1_000) == [clock.now()] * 1_000


def test_one_call_too_many_waits_for_the_window_to_end(clock):
    start = clock.now()
    times = spent(Budget([(2, 10.0)], clock), clock, [0, 4, 0, 0])
    assert [time - start for time in times] == [0, 4, 10, 14]


def test_the_tightest_of_several_windows_rules(clock):
    start = clock.now()
    times = spent(Budget([(2, 1.0), (3, 60.0)], clock), clock, [0] * 5)
    assert [time - start for time in times] == [0, 0, 1, 60, 60]


@given(windows=st.lists(WINDOW, min_size=1, max_size=3), gaps=st.lists(st.sampled_from([0, 0, 0, 0.1, 3, 70])))
def test_no_window_ever_holds_more_than_it_may_and_nobody_waits_in_vain(new_clock, windows, gaps):
    clock = new_clock()
    budget = Budget(windows, clock)
    times = []
    for gap in gaps:
        clock.time += gap
        asked = clock.now()
        budget.spend()
        times.append(clock.now())
        earlier = [*times[:-1], times[-1] - 0.01]
        assert times[-1] == asked or not is_kept(earlier, windows)
    assert is_kept(times, windows)


@settings(max_examples=25, deadline=None)
@given(windows=st.lists(WINDOW, min_size=1, max_size=2), each=st.integers(1, 8), threads=st.integers(2, 6))
def test_threads_together_keep_to_the_windows(new_clock, windows, each, threads):
    clock = new_clock()
    budget = Budget(windows, clock)

    times = []

    def spend():
        for _ in range(each):
            budget.spend()
            times.append(clock.seen)

    together([spend] * threads)
    assert len(times) == each * threads
    assert is_kept(times, windows)


def test_a_closed_budget_lets_nobody_through(clock):
    budget, start = Budget((), clock), clock.now()
    budget.close(30)
    assert [time - start for time in spent(budget, clock, [0, 0])] == [30, 30]


def test_the_longest_closing_counts(clock):
    budget, start = Budget((), clock), clock.now()
    for seconds in (5, 30, 10, 0):
        budget.close(seconds)
    assert spent(budget, clock, [0]) == [start + 30]


def test_who_already_waits_hears_of_a_closing(clock):
    """One thread waits for its window, in which time another is told to stay away for a minute."""
    budget, start = Budget([(1, 10.0)], clock), clock.now()
    budget.spend()
    wait, closing = clock.wait, [60]

    def interrupted(seconds):
        if closing:
            together([partial(budget.close, closing.pop())])
        wait(seconds)

    clock.wait = interrupted
    assert spent(budget, clock, [0]) == [start + 60]


def test_a_shorter_closing_at_the_same_moment_does_not_undo_a_longer_one(clock):
    budget, start = Budget((), clock), clock.now()
    now, closing = clock.now, [60]

    def interrupted():
        if closing:
            together([partial(budget.close, closing.pop())])
        return now()

    clock.now = interrupted
    budget.close(1)
    assert spent(budget, clock, [0]) == [start + 60]


def test_the_real_clock_waits():
    clock = RealClock()
    before = clock.now()
    clock.wait(0.01)
    assert clock.now() > before > 1_700_000_000
