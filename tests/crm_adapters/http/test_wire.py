"""A real socket: what a network does to an answer, and no mock shows."""

import httpx
import pytest

from crm_adapters.errors import BadSource, Unreachable
from crm_adapters.http import client as core

BODY = b'{"contacts": [1, 2, 3]}'


def answer(body=BODY, length=None):
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (length or len(body), body)


BROKEN = {
    "cut": (answer(BODY[:9], len(BODY)), "close"),
    "cut by reset": (answer(BODY[:9], len(BODY)), "reset"),
    "cut, with a fitting length": (answer(BODY[:9]), "close"),
    "cut in chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n" + BODY[:9] + b"\r\n", "close"),
    "cut, without a length": (b"HTTP/1.0 200 OK\r\n\r\n" + BODY[:9], "close"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", "reset"),
    "no answer": (b"", "close"),
    "reset": (b"", "reset"),
    "no HTTP": (b"220 mail.example.com ESMTP\r\n\r\n", "close"),
}


@pytest.mark.parametrize(("sent", "end"), BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_that_breaks_off_is_asked_for_again(server, client_of, sent, end):
    server.then(sent, end)
    server.then(answer())
    client = client_of(None, server.url)
    assert client.call("POST", "/contacts", body={"page": 1}).data == {"contacts": [1, 2, 3]}
    assert len(server.heard) == 2
    assert server.heard[0] == server.heard[1]


def test_a_slow_answer_is_not_waited_for_without_end(server, client_of, monkeypatch):
    monkeypatch.setattr(core, "TIMEOUT", httpx.Timeout(0.1, connect=5))
    server.then(answer(BODY[:9], len(BODY)), "silent")
    server.then(end="silent")
    server.then(answer())
    assert client_of(None, server.url).call("GET", "/").data == {"contacts": [1, 2, 3]}
    assert len(server.heard) == 3


def test_a_system_that_stays_silent_is_told(server, client_of, monkeypatch):
    monkeypatch.setattr(core, "TIMEOUT", httpx.Timeout(0.1, connect=5))
    server.then(end="silent")
    with pytest.raises(Unreachable, match="Shop can't be used now: timed out; check the connection's url"):
        client_of(None, server.url).call("GET", "/")
    assert len(server.heard) == core.FIRST_TRIES


def test_a_port_where_nobody_listens_is_told_soon(server, client_of, clock):
    server.stop()
    with pytest.raises(Unreachable, match="Connection refused; check the connection's url"):
        client_of(None, server.url).call("GET", "/")
    assert len(clock.waits) == core.FIRST_TRIES - 1


def test_a_system_that_goes_down_in_the_middle_is_given_more_tries(server, client_of, clock):
    server.then(answer())
    client = client_of(None, server.url)
    client.call("GET", "/")
    server.stop()
    with pytest.raises(Unreachable, match="nothing is lost"):
        client.call("GET", "/")
    assert len(clock.waits) == core.TRIES - 1


def test_a_redirect_is_not_followed_and_the_token_stays_here(server, client_of):
    server.then(
        b"HTTP/1.1 307 Moved\r\nConnection: close\r\nContent-Length: 0\r\nLocation: http://localhost:9/x\r\n\r\n"
    )
    with pytest.raises(BadSource, match="points to http://localhost:9;"):
        client_of(None, server.url).call("POST", "/", body={})
    assert len(server.heard) == 1
