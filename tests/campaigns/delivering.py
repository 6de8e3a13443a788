"""A recording SMTP server in a thread of the test, and a project whose messages go to it."""

import asyncio
import threading
import time
from collections import Counter
from contextlib import contextmanager

from sqlalchemy import select

from campaigns.deliver import deliver
from campaigns.project import Project
from campaigns.store import runs
from campaigns.store.tables import messages
from tests.cluster import free_port
from tests.faults.outbox_of import RUN, lay_out
from tests.faults.sink import Conversation, HungUp, Sink

SETTINGS = """
[delivery]
connections = {connections}
lease_seconds = 2
timeout_seconds = 10
retry_after_minutes = [0.005]
{more}
"""


class _Talk(Conversation):
    async def say(self, words):
        refusal = self.sink.script.get("after_data")
        await super().say(refusal if refusal and words.endswith("taken") else words)


class _Recorder(Sink):
    """The sink of the fault harness, which can also refuse a message that it has read: `after_data`."""

    open = 0

    def take(self, recipient, data):
        if "after_data" not in self.script:
            super().take(recipient, data)

    async def serve(self, reader, writer):
        self.open += 1
        try:
            await _Talk(self, reader, writer).hold()
        except (HungUp, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self.open -= 1


class SmtpServer:
    """Takes messages until it is stopped; `script` may be changed while it runs (see tests/faults/sink.py)."""

    def __init__(self, folder, **script):
        self.script = script
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._record = folder / "taken"
        self._record.touch()

    def start(self):
        """Listen; also again, after a stop."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)))
        self._thread.start()
        assert ready.wait(10)

    async def _serve(self, ready):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._sink = _Recorder(self._record, self.script)
        self._server = await asyncio.start_server(self._sink.serve, "127.0.0.1", self.port, limit=2**24)
        ready.set()
        await self._end.wait()
        self._server.close()
        self._sink.record.close()

    def stop(self):
        """Hang up, and listen no more."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def bow_out(self):
        """Listen no more, and hang up on each connection after its message, so that nothing is in doubt."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.script["drop_after"] = 1
        until(lambda: not self._sink.open)
        self.stop()
        del self.script["drop_after"]

    @property
    def taken(self):
        """Recipient -> how many messages it got."""
        return Counter(line.partition("\t")[0] for line in self._record.read_text().splitlines())


@contextmanager
def delivering(project, **options):
    """Deliver in another thread while the body runs; give it what was delivered or raised, in the end."""
    told, found = threading.Event(), {"stop": None}

    def work():
        try:
            found["done"] = deliver(project, until_empty=True, stop=told, **options)
        except Exception as error:
            found["error"] = error

    thread = threading.Thread(target=work)
    found["stop"] = told.set
    thread.start()
    try:
        yield found
    finally:
        thread.join(60)
        assert not thread.is_alive()


def open_shop(folder, count, transport, *, connections=5, more="", **options):
    """Open a project with `count` messages that are due."""
    lay_out(folder, count, transport=transport, extra=SETTINGS.format(connections=connections, more=more), **options)
    return Project.open(folder)


def until(true, seconds=30):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def states(project, run=RUN):
    """State -> how many messages."""
    found = Counter()
    for (state, _), count in runs.counts(project.store, run).items():
        found[state] += count
    return dict(found)


def rows(project, **where):
    """The messages as they are now."""
    query = select(messages).filter_by(**where).order_by(messages.c.customer_id)
    with project.store.engine.connect() as read:
        return read.execute(query).all()
