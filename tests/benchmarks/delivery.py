"""How fast messages leave, beside Postfix's `smtp-source` and Python's `smtplib` against the same sink, in one run.

    python -m tests.benchmarks.delivery              # 100,000 messages a round
    python -m tests.benchmarks.delivery memory 1000000

Each message of ours is rendered from a slate, claimed from the outbox, and its outcome committed; theirs are as long. A
Python that was built without optimisation, as pyenv does unless it is told, sends a tenth less: that of Debian or of
python.org is what a shop has (`make bench PYTHON=/usr/bin/python3`, with python3-venv).
"""

import asyncio
import json
import os
import platform
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from campaigns.compose import compose
from campaigns.init import init
from campaigns.mail.transports.checks import trial
from campaigns.project import Project
from campaigns.store.outbox import MessageRow
from tests.cluster import free_port
from tests.faults.outbox_of import RUN, lay_out, row_of

ROUNDS, COUNT = 3, 100_000
ROUND_TRIP_SECONDS = 0.02
SIGNED = '[[mail.signatures]]\nselector = "bench"\nkey = "dkim.pem"\n'
RAISED = "[delivery]\nconnections = 100\n"


def program(name):
    """Find one of Postfix's test programs, which Debian puts beside the server."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


@contextmanager
def sink():
    """Run smtp-sink; give its port."""
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen([program("smtp-sink"), *user, f"127.0.0.1:{port}", "1000"])
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def size_of_ours():
    """Bytes of the first message of the outbox, as SMTP carries it."""
    with tempfile.TemporaryDirectory() as name:
        init(Path(name))
        with Project.open(Path(name)) as project:
            now, campaign = datetime.now(UTC), project.campaign("weekly_digest")
            told = row_of(project, 0, now)
            fields = (told[field] for field in ("customer_id", "address", "rfc_message_id"))
            row = MessageRow(RUN, *fields, json.dumps(told["content"]), 0, None)
            message = compose(project, campaign, project.template(campaign.template), row, now)
        return len(message.raw(eight_bit=True))


def smtp_source(port, count, size):
    """Messages a second of smtp-source with ten sessions."""
    words = ["-s", "10", "-l", str(size), "-m", str(count), "-f", "a@example.com", "-t", "b@example.com"]
    return count / timed([program("smtp-source"), *words, f"127.0.0.1:{port}"])


@contextmanager
def outbox_of(port, count, extra=""):
    """Lay out an outbox; give the command that delivers it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        lay_out(folder, count, transport=f"smtp://127.0.0.1:{port}", extra=extra)
        if SIGNED in extra:
            key = rsa.generate_private_key(65537, 2048)
            (folder / "dkim.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        yield [sys.executable, "-m", "campaigns.cli", "--project", str(folder), "deliver", "--jobs", "2"]


def ours(port, count, extra=""):
    """Messages a second of a whole `handpicked deliver`, its start and the end of its run included."""
    with outbox_of(port, count, extra) as command:
        return count / timed(command)


def timed(command):
    """Seconds that a command takes; it must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def peak(command):
    """The most MiB that a process of a command ever held."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        with suppress(OSError):
            for pid in [process.pid, *children.read_text().split()]:
                found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
                most = max(most, int(found[1]) / 2**10 if found else 0)
        time.sleep(0.5)
    assert process.returncode == 0
    return most


@contextmanager
def far_away(port):
    """Put half a round trip before each packet, in both directions; give the port where the far end seems to be."""
    outside = free_port()
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_delay(outside, port, stop)))
    thread.start()
    time.sleep(0.5)
    try:
        yield outside
    finally:
        stop.set()
        thread.join()


async def _delay(outside, port, stop):
    async def carry(reader, writer):
        loop = asyncio.get_running_loop()
        while data := await reader.read(2**16):
            loop.call_later(ROUND_TRIP_SECONDS / 2, writer.write, data)
        loop.call_later(ROUND_TRIP_SECONDS / 2, writer.close)

    async def meet(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", outside, backlog=200)
    async with server:
        while not stop.is_set():
            await asyncio.sleep(0.1)


def sixteen_threads(port, count, size):
    """Messages a second of smtplib with 16 threads, each with a connection that it keeps; finished messages."""
    head = trial(1).message.raw()
    data = head + (b"x" * 70 + b"\r\n") * ((size - len(head)) // 72)
    rest = iter(range(count))

    def work(_):
        with smtplib.SMTP("127.0.0.1", port) as session:
            while next(rest, None) is not None:
                session.sendmail("a@example.com", ["b@example.com"], data)

    start = time.perf_counter()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    return count / (time.perf_counter() - start)


def median(values):
    """The middle one."""
    return sorted(values)[len(values) // 2]


def sentences(count):
    """Measure; yield one sentence at a time."""
    ways = {
        "unsigned, 20 connections a process": "",
        "unsigned, 100 connections a process": RAISED,
        "signed with RSA-2048, 100 connections a process": SIGNED + RAISED,
    }
    size = size_of_ours()
    with sink() as port:
        rounds = [
            (smtp_source(port, count, size), *(ours(port, count, extra) for extra in ways.values()))
            for _ in range(ROUNDS)
        ]
        for place, name in enumerate(ways, start=1):
            ratio = median([one[place] / one[0] for one in rounds])
            rate = median([one[place] for one in rounds])
            yield (
                f"deliver is {ratio:.2f} of smtp-source -s 10, {name}, {count:,} messages of {size / 1024:.0f} KB, "
                f"rendered and committed ({rate:,.0f} a second, smtp-source {median([one[0] for one in rounds]):,.0f}; "
                f"Python {platform.python_version()}, {platform.python_compiler()})"
            )
        with far_away(port) as far:
            few = count // 25
            ratio = median([ours(far, few, RAISED) / sixteen_threads(far, few // 10, size) for _ in range(ROUNDS)])
        yield f"deliver is {ratio:.1f} times smtplib with 16 threads at a round trip of 20 ms, {few:,} messages"


def memory(count):
    """Peak memory of each delivering process, for so many messages."""
    with sink() as port, outbox_of(port, count) as command:
        return f"deliver needs at most {peak(command):,.0f} MiB a process for {count:,} messages"


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        sys.stdout.write(memory(int(sys.argv[2])) + "\n")
    else:
        for sentence in sentences(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT):
            sys.stdout.write(sentence + "\n")
            sys.stdout.flush()
