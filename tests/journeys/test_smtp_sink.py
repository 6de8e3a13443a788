"""Delivery to real SMTP sinks: aiosmtpd, Postfix's smtp-sink, and our own that behaves as badly as it is told."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from campaigns.mail.transports.base import Envelope
from campaigns.mail.transports.checks import check_transport, trial
from campaigns.mail.transports.registry import Pace, open_transport

ROOT = Path(__file__).parents[2]


def envelope(number):
    made = trial(number)
    return Envelope("bounces@example.com", f"c{number}@example.com", made.message, made.key)


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
def keeper(free_port):
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


def send_all(url, numbers, lanes=1, pace=None):
    """Send messages over some lanes side by side; the outcomes in the order of the numbers."""

    async def one_lane(opened, mine):
        lane = await opened.lane()
        try:
            return [(number, (await lane.send([envelope(number)]))[0]) for number in mine]
        finally:
            await lane.close()

    async def all_lanes():
        async with open_transport(url, Path(), pace or Pace(timeout_seconds=5)) as opened:
            return await asyncio.gather(*(one_lane(opened, numbers[at::lanes]) for at in range(lanes)))

    found = dict(pair for lane in asyncio.run(all_lanes()) for pair in lane)
    return [found[number] for number in numbers]


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


def test_each_message_arrives_once_and_whole(keeper):
    kept, url = keeper()
    assert set(statuses(send_all(url, range(20)))) == {"sent"}
    assert [address for address, _ in kept.kept] == [f"c{n}@example.com" for n in range(20)]
    parsed = message_from_bytes(kept.kept[0][1], policy=policy.default)
    assert parsed["Subject"] == "Trial 0: ☕"
    assert "an umlaut: ü" in parsed.get_body(("plain",)).get_content()


def test_a_refused_address_fails_with_the_servers_words_and_the_next_one_goes_on(keeper):
    kept, url = keeper(refuse={"c1@example.com"})
    outcomes = send_all(url, range(3))
    assert statuses(outcomes) == ["sent", "failed", "sent"]
    assert "no such user" in outcomes[1].answer
    assert len(kept.kept) == 2


def test_a_greylisted_address_is_to_be_tried_again(keeper):
    _, url = keeper(delay={"c1@example.com"})
    assert statuses(send_all(url, range(3))) == ["sent", "retry", "sent"]


@contextmanager
def running(program, port):
    """A process that serves a port, and is ended."""
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"smtp://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_postfix_own_sink_takes_what_we_send(free_port, missing):
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if program is None:
        missing("smtp-sink (Debian package postfix)")
    port = free_port()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    with running([program, *user, "-c", f"127.0.0.1:{port}", "10"], port) as url:
        assert statuses(send_all(url, range(25), lanes=3)) == ["sent"] * 25


@pytest.fixture
def sink(free_port, tmp_path):
    """Runs our sink: `with sink(greylist=0.1) as (url, taken)`; `taken()` gives the ids it wrote down, in order."""
    record = tmp_path / "record.tsv"

    @contextmanager
    def run(**script):
        port = free_port()
        record.write_bytes(b"")
        with running(
            [sys.executable, "-m", "tests.faults.sink", str(port), str(record), json.dumps(script)], port
        ) as url:
            yield url, lambda: [line.split("\t")[1] for line in record.read_text().splitlines()]

    return run


def keys(numbers):
    return [f"<{number}@example.com>" for number in numbers]


@pytest.mark.parametrize("script", [{}, {"plain": True}, {"no_pipelining": True}, {"split": True}, {"slow": 0.005}])
def test_our_sink_keeps_the_rules_through_smtp(sink, script):
    with sink(**script) as (url, taken):
        check_transport(open_transport(url, Path(), Pace(timeout_seconds=5)), taken)


def test_each_recipient_that_the_sink_refuses_fails_and_no_other(sink):
    with sink(refuse=0.2) as (url, taken):
        outcomes = send_all(url, range(60), lanes=3)
        sent = [number for number, outcome in enumerate(outcomes) if outcome.status == "sent"]
        assert sorted(taken()) == sorted(keys(sent))
    refused = {outcome.answer for outcome in outcomes if outcome.status != "sent"}
    assert refused == {"550 5.1.1 no such user"}


def test_who_is_greylisted_is_taken_the_second_time(sink):
    with sink(greylist=0.3) as (url, taken):
        first = send_all(url, range(40), lanes=3)
        late = [number for number, outcome in enumerate(first) if outcome.status == "retry"]
        assert 0 < len(late) < 40
        assert set(statuses(send_all(url, late))) == {"sent"}
        assert sorted(taken()) == sorted(keys(range(40)))


def test_a_connection_that_ends_after_some_messages_loses_none(sink):
    with sink(drop_after=7) as (url, taken):
        assert until_sent(url, list(range(40))) == []
        assert sorted(taken()) == sorted(keys(range(40)))


def until_sent(url, numbers):
    """Send until nothing is to be tried again; the numbers in doubt."""
    doubts = []
    for _ in range(20):
        outcomes = dict(zip(numbers, send_all(url, numbers, lanes=2), strict=True))
        doubts += [number for number, outcome in outcomes.items() if outcome.status == "in_doubt"]
        numbers = [number for number, outcome in outcomes.items() if outcome.status == "retry"]
        if not numbers:
            return doubts
    raise AssertionError(f"never sent: {numbers}")


def test_a_goodbye_in_the_middle_of_a_message_loses_none_and_doubles_none(sink):
    with sink(closing_in_data=9) as (url, taken):
        assert until_sent(url, list(range(40))) == []
        assert sorted(taken()) == sorted(keys(range(40)))


def test_an_end_without_a_word_in_the_middle_of_a_message_doubles_none(sink):
    with sink(cut_data=9) as (url, taken):
        doubts = until_sent(url, list(range(40)))
        assert sorted([*taken(), *keys(doubts)]) == sorted(keys(range(40)))


def test_an_answer_that_is_lost_is_a_doubt_and_nothing_else_is(sink):
    with sink(answer_lost=9) as (url, taken):
        doubts = until_sent(url, list(range(40)))
        assert len(doubts) >= 4
        assert sorted(taken()) == sorted(keys(range(40)))


def test_a_sink_that_is_told_what_to_say_says_it(sink):
    with sink(say={"RCPT": "452 4.2.2 full"}) as (url, taken):
        assert {outcome.answer for outcome in send_all(url, range(3))} == {"452 4.2.2 full"}
        assert taken() == []


def test_the_sink_writes_down_who_a_message_was_for(sink, tmp_path):
    with sink() as (url, _):
        send_all(url, [3])
    assert (tmp_path / "record.tsv").read_text() == "c3@example.com\t<3@example.com>\n"
