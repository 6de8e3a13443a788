"""A file of lines comes whole, wherever its connection breaks, from the hosts that are allowed, without a token."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.errors import BadSource, Unreachable
from crm_adapters.http.lines import LineFile

URL = "https://files.example.com/7?signature=s3cret"
LINES = [b'{"id": "1"}', b'{"id": "2", "name": "J\xc3\xbcrgen"}', b'{"id": "3"}']
CONTENT = b"\n".join(LINES) + b"\n"


class Host:
    """Sends a file in pieces; each connection breaks where it is told to, the last one holds."""

    def __init__(self, content, breaks=(), *, ranges=True, size=7):
        self.content, self.breaks, self.ranges, self.size = content, list(breaks), ranges, size
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        start = int(request.headers.get("range", "bytes=0-")[6:-1]) if self.ranges else 0
        end = self.breaks.pop(0) if self.breaks else None
        status = 206 if start else 200
        return httpx.Response(status, stream=Stream(self.content[start:], self.size, end))


class Stream(httpx.SyncByteStream):
    def __init__(self, content, size, end):
        self.content, self.size, self.end = content, size, end

    def __iter__(self):
        told = self.content[: self.end]
        for start in range(0, len(told), self.size):
            yield told[start : start + self.size]
        if self.end is not None:
            raise httpx.ReadError("the connection broke")


def read(host, clock, url=URL):
    files = LineFile("Shopify", ["files.example.com"], clock, httpx.MockTransport(host))
    return list(files.lines(url))


def test_lines_come_one_by_one_and_empty_ones_not_at_all(clock):
    assert read(Host(b"\n" + CONTENT + b"\r\n\n"), clock) == LINES


def test_the_last_line_needs_no_end(clock):
    assert read(Host(CONTENT[:-1]), clock) == LINES


def test_an_empty_file_has_no_lines(clock):
    assert read(Host(b""), clock) == []


@given(
    lines=st.lists(st.text("ab\u00fc", min_size=1).map(str.encode), min_size=1),
    breaks=st.lists(st.integers(0, 40), max_size=6),
    ranges=st.booleans(),
    size=st.integers(1, 9),
)
def test_wherever_it_breaks_each_line_comes_once(new_clock, lines, breaks, ranges, size):
    host = Host(b"\n".join(lines), breaks, ranges=ranges, size=size)
    assert read(host, new_clock()) == lines


def test_after_a_break_only_the_rest_is_asked_for(clock):
    host = Host(CONTENT, [20])
    assert read(host, clock) == LINES
    assert [request.headers.get("range") for request in host.requests] == [None, "bytes=20-"]
    assert len(clock.waits) == 1


def test_a_file_that_breaks_off_again_and_again_is_told(clock):
    with pytest.raises(Unreachable, match="Shopify's file breaks off: the connection broke; nothing is lost"):
        read(Host(CONTENT, [0] * 50), clock)
    assert len(clock.waits) == 7


def test_a_host_that_begins_anew_each_time_and_never_comes_further_is_told_too(clock):
    with pytest.raises(Unreachable, match="breaks off"):
        read(Host(CONTENT, [20] * 50, ranges=False), clock)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_that_is_busy_is_asked_again(clock, status):
    host = Host(CONTENT)
    answers = [httpx.Response(status)]
    assert read(lambda request: answers.pop() if answers else host(request), clock) == LINES
    with pytest.raises(Unreachable, match=f"it says {status}"):
        read(lambda request: httpx.Response(status), clock)


@pytest.mark.parametrize("status", [302, 403, 404, 410])
def test_a_file_that_is_not_there_is_told_at_once_without_the_words_that_sign_it(clock, status):
    with pytest.raises(BadSource, match=f"https://files.example.com says {status}; it may be too old") as told:
        read(lambda request: httpx.Response(status, headers={"location": "https://else.example.com"}), clock)
    assert "s3cret" not in str(told.value)
    assert clock.waits == []


@pytest.mark.parametrize(
    "url",
    [
        "https://else.example.com/7",
        "http://files.example.com/7",
        "https://files.example.com.evil.example/7",
        "https://files.example.com@evil.example/7",
        "https://files.example.com:8443/7",
        "file:///etc/passwd",
        "/7",
        "https://[",
        "https://a:b:c",
    ],
)
def test_no_other_host_is_called(clock, url):
    host = Host(CONTENT)
    with pytest.raises(BadSource, match="nothing was fetched"):
        read(host, clock, url)
    assert host.requests == []


def test_the_log_tells_of_a_file_without_what_signs_it(clock, caplog):
    caplog.set_level("DEBUG")
    read(Host(CONTENT), clock)
    assert "GET files.example.com/7?signature: 200" in caplog.text
    assert "s3cret" not in caplog.text
