"""Delivery to real SMTP sinks: one in this process that keeps what it gets, and Postfix's smtp-sink."""

import os
import shutil
import socket
import subprocess
import time
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from campaigns.mail.message import build
from campaigns.mail.transports.base import Envelope
from campaigns.mail.transports.registry import open_transport
from campaigns.project import real_now

PAGE = "<html><body>hello</body></html>"


def message(number):
    return build(
        sender="Shop <hello@example.com>",
        to_name=f"Name {number}",
        to_address=f"c{number}@example.com",
        subject="Picks for you ☕",
        html=PAGE,
        text="hello",
        rfc_message_id=f"<{number}@example.com>",
        date=real_now(),
        list_id="weekly.example.com",
        unsubscribe_url="https://shop.example.com/unsubscribe/token",
    )


class Keeper:
    """Keeps every message; refuses the addresses it is told to."""

    def __init__(self, refuse=(), delay=()):
        self.kept, self.refuse, self.delay = [], set(refuse), set(delay)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refuse:
            return "550 5.1.1 no such user"
        if address in self.delay:
            return "451 4.7.1 greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.kept.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


@pytest.fixture
def sink(free_port):
    started = []

    def start(**options):
        keeper = Keeper(**options)
        controller = Controller(keeper, hostname="127.0.0.1", port=free_port())
        controller.start()
        started.append(controller)
        return keeper, f"smtp://127.0.0.1:{controller.port}"

    yield start
    for controller in started:
        controller.stop()


def send_all(url, numbers):
    with open_transport(url, Path()) as transport:
        return [
            transport.send(Envelope("Shop <hello@example.com>", f"c{n}@example.com", message(n), f"<{n}@example.com>"))
            for n in numbers
        ]


def test_each_message_arrives_once_and_whole(sink):
    keeper, url = sink()
    outcomes = send_all(url, range(20))
    assert {outcome.status for outcome in outcomes} == {"sent"}
    assert [address for address, _ in keeper.kept] == [f"c{n}@example.com" for n in range(20)]
    parsed = message_from_bytes(keeper.kept[0][1], policy=policy.default)
    assert parsed["Subject"] == "Picks for you ☕"
    assert parsed.get_body(("plain",)).get_content().strip() == "hello"


def test_a_refused_address_fails_with_the_servers_words_and_the_next_one_goes_on(sink):
    keeper, url = sink(refuse={"c1@example.com"})
    outcomes = send_all(url, range(3))
    assert [outcome.status for outcome in outcomes] == ["sent", "failed", "sent"]
    assert "no such user" in outcomes[1].answer
    assert len(keeper.kept) == 2


def test_a_greylisted_address_is_to_be_tried_again(sink):
    _, url = sink(delay={"c1@example.com"})
    assert [outcome.status for outcome in send_all(url, range(3))] == ["sent", "retry", "sent"]


def test_postfix_own_sink_takes_what_we_send(free_port, missing):
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if program is None:
        missing("smtp-sink (Debian package postfix)")
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    process = subprocess.Popen([program, *user, "-c", f"127.0.0.1:{port}", "10"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert {outcome.status for outcome in send_all(f"smtp://127.0.0.1:{port}", range(25))} == {"sent"}
    finally:
        process.terminate()
        process.wait()


def test_a_full_disk_is_a_temporary_failure_and_leaves_no_half_message(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with open_transport("maildir:outbox", tmp_path) as transport:
        monkeypatch.setattr(os, "fsync", full)
        outcome = transport.send(Envelope("hello@example.com", "c1@example.com", message(1), "<1@example.com>"))
        assert outcome.status == "retry"
        assert "space" in outcome.answer.lower()
    assert list((tmp_path / "outbox" / "new").iterdir()) == []


def test_the_same_message_delivered_twice_is_one_file(tmp_path):
    with open_transport("maildir:outbox", tmp_path) as transport:
        for _ in range(2):
            transport.send(Envelope("hello@example.com", "c1@example.com", message(1), "<1@example.com>"))
    assert len(list((tmp_path / "outbox" / "new").iterdir())) == 1
