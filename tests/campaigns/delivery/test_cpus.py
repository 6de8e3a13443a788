import os
import subprocess
import sys

import pytest

from campaigns.delivery.cpus import cpus_of, keep_to


@pytest.mark.parametrize(
    ("usable", "processes", "cpus"),
    [({4, 7}, 2, [4, 7]), ({4, 7}, 3, [4, 7, 4]), ({4, 7}, 1, []), ({0}, 2, []), (set(range(8)), 4, [])],
)
def test_each_process_has_a_cpu_where_there_are_no_more_of_them(monkeypatch, usable, processes, cpus):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: usable, raising=False)
    assert cpus_of(processes) == cpus


def test_where_the_system_can_not_be_asked_nothing_is_kept(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cpus_of(2) == []
    assert keep_to([]) == set()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no such call")
def test_one_that_has_ended_and_a_cpu_that_is_not_ours_change_nothing():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    usual = os.sched_getaffinity(0)
    assert keep_to(usual, ended.pid) == set()
    assert keep_to([1023]) == set()
    assert os.sched_getaffinity(0) == usual
