"""A clock that only waits when told, clients whose network is a function, and a small real server that can fail."""

import itertools
import re
import socket
import struct
import threading

import httpx
import pytest

from crm_adapters.http.client import Client
from crm_adapters.http.oauth import Tokens
from tests.crm_adapters.http.token_endpoint import Endpoint, login

URL = "https://shop.example.com"


class FakeClock:
    """Time that passes when somebody waits, and not else."""

    def __init__(self):
        self.time = 1_800_000_000.0
        self.waits = []
        self._lock, self._seen = threading.Lock(), threading.local()

    def now(self):
        self._seen.time = self.time
        return self._seen.time

    @property
    def seen(self):
        """The time that this thread was last told, whatever others have waited since."""
        return self._seen.time

    def wait(self, seconds):
        assert seconds > 0
        with self._lock:
            self.time += seconds
            self.waits.append(seconds)


class Network:
    """Answers calls in turn, the last answer again and again; keeps the calls, and when they were made."""

    def __init__(self, clock, answers):
        self.clock, self.answers = clock, answers
        self.requests, self.times = [], []

    def __call__(self, request):
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(request)
        self.times.append(self.clock.now())
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else httpx.Response(**answer)

    @property
    def calls(self):
        return len(self.requests)


class Server:
    """Speaks HTTP on a real socket as it is told: one connection after the other, the last behaviour again and again.

    A behaviour is what it sends, and how it ends: "close", "reset" (as a machine that falls), or "silent" (for ever).
    """

    def __init__(self):
        self.behaviours, self.heard, self._open = [], [], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def then(self, sent=b"", end="close"):
        self.behaviours.append((sent, end))

    def stop(self):
        """No more connections; whoever comes now is refused."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was stopped before
        self._thread.join()
        for each in (self._listener, *self._open):
            each.close()

    def _serve(self):
        for number in itertools.count():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            sent, end = self.behaviours[min(number, len(self.behaviours) - 1)]
            self.heard.append(_request(connection))
            connection.sendall(sent)
            if end == "silent":
                self._open.append(connection)
                continue
            if end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


def _request(connection):
    """Read one request whole: who closes with words unread resets the connection."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += connection.recv(65_536)
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture(scope="session")
def new_clock():
    """Makes a clock, for a test that needs many."""
    return FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def network(clock):
    """Makes a network: `network({"status_code": 200, "json": {}}, httpx.ConnectError("no"), lambda request: ...)`."""
    return lambda *answers: Network(clock, answers)


@pytest.fixture
def client_of(clock):
    """Makes a client of a network, or of the real one (None)."""
    opened = []

    def make(network, url=URL, **more):
        transport = None if network is None else httpx.MockTransport(network)
        given = {"system": "Shop", "headers": lambda: {"Authorization": "Bearer s3cret-t0ken"}, "clock": clock}
        opened.append(Client(url, transport=transport, **given | more))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    serving = Server()
    yield serving
    serving.stop()


@pytest.fixture
def endpoint():
    return Endpoint()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens" / "shop.json"


@pytest.fixture
def tokens_of(endpoint, path, clock):
    """Opens the tokens, as after a restart."""
    return lambda **more: Tokens(login(**more), path, transport=endpoint.transport(), clock=clock)
