"""Processes that deliver beside the one that was asked."""

import os
import threading
from collections import Counter
from contextlib import suppress

import pytest

from campaigns.delivery import helpers
from campaigns.delivery.helpers import Helpers
from campaigns.errors import TransportError
from tests.campaigns.delivering import SmtpServer, open_shop, states, until
from tests.faults.outbox_of import address


@pytest.fixture
def server(tmp_path):
    started = SmtpServer(tmp_path)
    started.start()
    yield started
    started.stop()


def test_a_helper_delivers_and_tells_how_far_it_is(tmp_path, server):
    done = []
    with open_shop(tmp_path / "shop", 25, server.url) as project:
        with Helpers(2, project.folder, True, threading.Event(), done.append) as helpers:
            pass
        assert (helpers.states, sum(done)) == (Counter(sent=25), 25)
        assert states(project) == {"sent": 25}
    assert server.taken == Counter(address(number) for number in range(25))


def test_a_helper_that_is_refused_tells_why(tmp_path, server):
    server.script["say"] = {"MAIL": "535 5.7.8 who are you"}
    with open_shop(tmp_path / "shop", 3, server.url) as project:
        helpers = Helpers(1, project.folder, True, threading.Event(), print).__enter__()
        with pytest.raises(TransportError, match="who are you") as refused:
            helpers.__exit__(None, None, None)
        assert refused.value.remedy
        assert states(project) == {"paused": 3}


def test_a_helper_that_no_server_serves_hands_back_what_it_claimed_and_leaves_the_rest_to_who_asked(tmp_path, server):
    with open_shop(tmp_path / "shop", 3, "smtp://127.0.0.1:9") as project:
        with Helpers(1, project.folder, True, threading.Event(), print) as helpers:
            pass
        assert (helpers.states, states(project)) == (Counter(), {"waiting": 3})


def test_a_helper_that_is_told_to_stop_hands_back_what_it_did_not_begin(tmp_path, server):
    server.script["slow"] = 0.02
    stop = threading.Event()
    with open_shop(tmp_path / "shop", 60, server.url) as project:
        with Helpers(1, project.folder, True, stop, lambda _: None) as helpers:
            until(lambda: server.taken.total() >= 5)
            stop.set()
        sent = server.taken.total()
        assert helpers.states == Counter(sent=sent)
        assert states(project) == {"sent": sent, "waiting": 60 - sent}


def test_an_error_of_the_asking_process_ends_its_helpers_in_good_order(tmp_path, server):
    server.script["slow"] = 0.02
    with open_shop(tmp_path / "shop", 60, server.url) as project:
        with suppress(ZeroDivisionError), Helpers(1, project.folder, True, threading.Event(), lambda _: None):
            until(lambda: server.taken.total() >= 5)
            raise ZeroDivisionError
        sent = server.taken.total()
        assert states(project) == {"sent": sent, "waiting": 60 - sent}


def begun(project):
    return Helpers(1, project.folder, True, threading.Event(), lambda _: None)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no such call")
def test_a_process_keeps_to_its_cpu_while_it_has_helpers(monkeypatch, tmp_path, server):
    usual = os.sched_getaffinity(0)
    one, another = min(usual), max(usual)
    monkeypatch.setattr(helpers, "cpus_of", lambda count: [one, another][:count])
    server.script["slow"] = 0.02
    with open_shop(tmp_path / "shop", 5, server.url) as project, begun(project) as running:
        (helper,) = running._started
        assert (os.sched_getaffinity(0), os.sched_getaffinity(helper.pid)) == ({one}, {another})
    assert os.sched_getaffinity(0) == usual
