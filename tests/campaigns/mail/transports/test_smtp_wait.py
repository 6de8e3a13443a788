"""The wait before the dot: as long as the server is slow, whatever this process does meanwhile."""

import socket
import sys
import threading
import time
from contextlib import closing

import pytest

from campaigns.mail.transports.smtp_wait import LONGEST_SECONDS, MARGIN, SHORTEST_SECONDS, Wait, seconds_between


@pytest.fixture
def ends():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        closing(socket.create_connection(server.getsockname())) as near,
    ):
        far, _ = server.accept()
        with far:
            yield near, far


def answer_after(far, seconds):
    far.recv(1)
    time.sleep(seconds)
    far.send(b"y")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_this_process_takes_to_look_is_not_the_servers_delay(ends):
    near, far = ends
    server = threading.Thread(target=answer_after, args=(far, 0.1))
    server.start()
    asked = time.monotonic()
    near.send(b"x")
    server.join()
    time.sleep(0.3)  # busy with something else
    near.recv(1)
    told = seconds_between(near)
    assert 0.09 <= told < time.monotonic() - asked - 0.25


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
@pytest.mark.parametrize("milliseconds", range(1, 8))
def test_it_is_never_less_than_the_server_took(ends, milliseconds):
    near, far = ends
    for _ in range(10):
        near.send(b"x")
        began = time.monotonic()
        answer_after(far, milliseconds / 1000)
        took = time.monotonic() - began
        near.recv(1)
        assert seconds_between(near) >= took - 0.0005


def test_a_connection_that_is_closed_tells_nothing(ends):
    near, _ = ends
    near.close()
    assert seconds_between(near) is None


def test_elsewhere_nothing_is_told(monkeypatch, ends):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert seconds_between(ends[0]) is None


def test_the_way_there_and_back_is_not_waited_for():
    wait = Wait()
    assert [wait.seconds(0.05) for _ in range(3)] == pytest.approx([SHORTEST_SECONDS] * 3)


def test_a_slow_answer_makes_it_longer_and_is_forgotten():
    wait = Wait()
    wait.seconds(0.01)
    slow = wait.seconds(0.03)
    assert slow == pytest.approx(SHORTEST_SECONDS + MARGIN * 0.02)
    after = [wait.seconds(0.01) for _ in range(300)]
    assert after == sorted(after, reverse=True)
    assert after[-1] == pytest.approx(SHORTEST_SECONDS, abs=0.001)


def test_it_is_never_longer_than_a_quarter_of_a_second():
    wait = Wait()
    wait.seconds(0.01)
    assert wait.seconds(10) == LONGEST_SECONDS
