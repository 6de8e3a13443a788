"""A provider on this machine: each test says how it answers."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Call:
    """One request, as it came."""

    path: str
    headers: dict
    body: bytes


@dataclass
class Reply:
    """What the provider answers.

    Attributes:
        body: JSON to be, or bytes as they are.
        delay_seconds: how long it thinks.
        cut: it hangs up before the last byte of the body.
        leaves: it hangs up after its answer, without saying so.
    """

    status: int = 200
    body: object = b""
    headers: dict = field(default_factory=dict)
    delay_seconds: float = 0.0
    cut: bool = False
    leaves: bool = False


class Provider:
    """Keeps the calls; `answer` makes a reply of a call, and none hangs up without a word."""

    def __init__(self):
        self.calls, self.answer = [], lambda call: Reply()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                provider.calls.append(call)
                self.reply(provider.answer(call))

            def reply(self, reply):
                if reply is None:
                    self.close_connection = True
                    return
                time.sleep(reply.delay_seconds)
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in ({"content-length": str(len(body))} | reply.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # who did not wait is gone
                    self.wfile.write(body[: len(body) // 2] if reply.cut else body)
                self.close_connection = self.close_connection or reply.cut or reply.leaves

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answers(self, status=200, body=b"", **how):
        """Answer everything alike."""
        self.answer = lambda call: Reply(status, body, **how)


@pytest.fixture
def provider():
    """A provider that answers what the test tells it."""
    made = Provider()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def reply():
    """The class of replies."""
    return Reply


@pytest.fixture
def nobody():
    """The URL of a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def deliver():
    """Hands envelopes over on one lane of a transport, and gives the outcomes."""

    async def hand_over(transport, envelopes):
        async with transport as opened:
            lane = await opened.lane()
            try:
                return await lane.send([*envelopes])
            finally:
                await lane.close()

    import asyncio

    return lambda transport, *envelopes: asyncio.run(hand_over(transport, envelopes))
