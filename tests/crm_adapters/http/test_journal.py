"""The log of calls: enough to see what goes on, and nothing of a customer or a secret."""

import logging

import httpcore  # noqa: F401  (its loggers are made when it is imported)
import httpx
import pytest

from crm_adapters.errors import AdapterError
from crm_adapters.http.journal import TALKERS

GOOD = {"status_code": 200, "json": {"email": "ann@example.com"}, "headers": {"set-cookie": "session=c00kie"}}


@pytest.fixture
def everything(caplog):
    """All that any logger writes down, at its most talkative."""
    for name in ("", *TALKERS, "httpcore", "crm_adapters.http"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_a_call_is_one_line(everything, client_of, network):
    params = {"email": "ann@example.com", "page[size]": "2"}
    client_of(network(GOOD)).call("POST", "/people/7", params=params, body={"first": "Ann"})
    (line,) = everything.messages
    assert line == "POST shop.example.com/people/7?email,page[size]: 200, 0 ms"


def test_each_try_is_a_line_with_its_outcome_and_time(everything, client_of, network, clock):
    def slow(request):
        clock.wait(1.25)
        raise httpx.ReadTimeout("no answer")

    client_of(network(slow, {"status_code": 502}, GOOD)).call("GET", "/people")
    assert everything.messages == [
        "GET shop.example.com/people: ReadTimeout, 1250 ms",
        "GET shop.example.com/people: 502, 0 ms",
        "GET shop.example.com/people: 200, 0 ms",
    ]


def test_a_line_break_in_an_id_begins_no_new_line(everything, client_of, network):
    client_of(network(GOOD)).call("GET", "/people/7%0AGET%20evil", params={"a\nb": "1"})
    assert everything.messages == ["GET shop.example.com/people/7%0AGET%20evil?a%0Ab: 200, 0 ms"]


def test_on_a_real_connection_httpx_and_httpcore_say_nothing(everything, server, client_of):
    """httpx would log the whole url; httpcore the headers of the answer, where a new token or a cookie may stand."""
    server.then(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nSet-Cookie: session=c00kie\r\nauth-token: n3w-t0ken\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )
    client_of(None, server.url).call("GET", "/people", params={"email": "ann@example.com", "key": "k3y"})
    server.stop()
    with pytest.raises(AdapterError):
        client_of(None, server.url).call("GET", "/people", params={"email": "ann@example.com"})
    assert {record.name for record in everything.records} == {"crm_adapters.http"}
    for secret in ("ann@example.com", "s3cret-t0ken", "c00kie", "n3w-t0ken", "k3y"):
        assert secret not in everything.text


def test_others_who_use_httpx_still_have_its_log(everything, client_of, network):
    client_of(network(GOOD)).call("GET", "/ours")
    transport = httpx.MockTransport(network({"status_code": 200}))
    with httpx.Client(transport=transport) as theirs:
        theirs.get("https://elsewhere.example.com/theirs")
    assert ["theirs" in line for line in everything.messages] == [False, True]


def test_others_have_its_log_also_after_a_call_of_ours_has_failed(everything, client_of, network):
    with pytest.raises(AdapterError):
        client_of(network(httpx.ConnectError("no"))).call("GET", "/")
    logging.getLogger("httpx").info("theirs")
    assert "theirs" in everything.messages


def test_every_logger_of_httpx_and_httpcore_is_known(server, client_of):
    """A new one in a new version would talk: add it to TALKERS."""
    known = {name for name in logging.root.manager.loggerDict if name.partition(".")[0] in ("httpx", "httpcore")}
    assert known - {"httpcore"} <= set(TALKERS)
