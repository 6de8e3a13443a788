"""Lanes against aiosmtpd, and against a server that answers as it is told."""

import asyncio
import socketserver
import weakref
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller

from campaigns.errors import TransportError, TransportUnreachable
from campaigns.mail.transports import smtp_wait
from campaigns.mail.transports.base import Envelope, Outcome
from campaigns.mail.transports.checks import TEXT, check_transport, trial
from campaigns.mail.transports.smtp import Smtp
from campaigns.mail.transports.smtp_connect import Server
from tests.campaigns.mail.transports.told import HANG_UP, SILENT, Keeper, told

PLAIN, PIPELINING = "250 here", "250-here\r\n250 PIPELINING"
LONG = ("x" * 70 + "\n") * 120_000
"""More than stays on the way between two processes: who writes it waits until it is read."""


@contextmanager
def aiosmtpd(**options):
    with socketserver.TCPServer(("127.0.0.1", 0), None) as probe:
        port = probe.server_address[1]
    keeper = Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield keeper, Server("127.0.0.1", port, timeout_seconds=5)
    finally:
        controller.stop()


def with_text(text, number=1):
    made = trial(number)
    return made._replace(message=made.message._replace(text=text))


def to(recipient, return_path="bounces@example.com"):
    return Envelope(return_path, recipient, trial().message, "<1@example.com>")


@contextmanager
def lane_of(server, rest_seconds=0, **pace):
    """A function that sends one message on a lane, which then rests a while, and is closed at the end."""

    async def send(envelope=None):
        outcomes = await lane.send([envelope or trial()])
        await asyncio.sleep(rest_seconds)
        return outcomes[0]

    with asyncio.Runner() as runner:
        transport = runner.run(Smtp(server, **pace).__aenter__())
        lane = runner.run(transport.lane())
        try:
            yield lambda envelope=None: runner.run(send(envelope))
        finally:
            runner.run(lane.close())
            runner.run(transport.__aexit__(None, None, None))


def test_it_keeps_the_rules_of_transports():
    with aiosmtpd() as (keeper, server):
        check_transport(Smtp(server), keeper.ids)


@pytest.mark.parametrize("text", [".", "..\n.\nend", "\n.\n.\n", "one\n.", "no line end", TEXT])
def test_dots_at_the_start_of_lines_come_through_unchanged(deliver, text):
    with aiosmtpd() as (keeper, server):
        assert deliver(Smtp(server), with_text(text))[0].status == "sent"
    assert keeper.kept == [with_text(text).message.raw(eight_bit=True)]


def test_the_envelope_bears_bare_addresses(deliver):
    with told(EHLO=PLAIN) as found:
        deliver(Smtp(found.server), trial())
    assert found.heard[1:4] == ["MAIL FROM:<bounces@example.com>", "RCPT TO:<ada@example.com>", "DATA"]


def test_many_messages_go_over_one_connection(deliver):
    with told() as found:
        assert {outcome.status for outcome in deliver(Smtp(found.server), *map(trial, range(20)))} == {"sent"}
    assert (found.count("EHLO"), found.count("MAIL"), found.count("QUIT")) == (1, 20, 1)


TOGETHER = {"MAIL": SILENT, "RCPT": SILENT, "DATA": "250 ok\r\n250 ok\r\n354 go on"}


def test_commands_go_together_where_the_server_allows_it(deliver):
    with told(**TOGETHER) as found:
        assert deliver(Smtp(found.server), trial())[0] == Outcome("sent", "250 taken")


def test_commands_wait_for_each_answer_where_it_does_not(deliver):
    with told(EHLO=PLAIN, timeout_seconds=0.3, **TOGETHER) as found:
        [outcome] = deliver(Smtp(found.server), trial())
    assert outcome == Outcome("retry", f"{found.server}: connection lost: no answer within 0.3 seconds")
    assert found.count("RCPT") == 0


@pytest.mark.parametrize("offers", [PLAIN, PIPELINING])
def test_answers_of_many_lines_in_single_bytes_are_understood(deliver, offers):
    long = "250-2.1.5 Ada\r\n250-is\r\n250 welcome"
    with told(split=True, EHLO=offers, HELLO="220-here\r\n220 we are", RCPT=long, TAKEN=long) as found:
        assert deliver(Smtp(found.server), trial(1), trial(2)) == [Outcome("sent", "250 2.1.5 Ada is welcome")] * 2
    assert len(found.bodies) == 2


@pytest.mark.parametrize("offers", [PLAIN, PIPELINING])
@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ({"MAIL": ["451 too busy"]}, "retry", "451 too busy"),
        ({"MAIL": ["552 5.3.4 too large"]}, "failed", "552 5.3.4 too large"),
        ({"RCPT": ["550 nobody here"]}, "failed", "550 nobody here"),
        ({"RCPT": ["452 mailbox full"]}, "retry", "452 mailbox full"),
        ({"DATA": ["554 no"]}, "failed", "554 no"),
        ({"DATA": ["451 not now"]}, "retry", "451 not now"),
        ({"DATA": ["250 what?"]}, "retry", "250 what?"),
        ({"RCPT": ["354 what?"]}, "retry", "354 what?"),
        ({"TAKEN": ["554 spam"]}, "failed", "554 spam"),
        ({"TAKEN": ["452 disk full"]}, "retry", "452 disk full"),
        ({"TAKEN": ["421 going down"]}, "retry", "421 going down"),
        ({"TAKEN": ["421 going down" + HANG_UP]}, "retry", "421 going down"),
        ({"TAKEN": ["250 taken" + HANG_UP]}, "sent", "250 taken"),
        ({"MAIL": ["421 going down" + HANG_UP]}, "retry", "421 going down"),
        ({"RCPT": ["421 going down"]}, "retry", "421 going down"),
        ({"MAIL": [HANG_UP]}, "retry", "connection lost"),
        ({"RCPT": [HANG_UP]}, "retry", "connection lost"),
        ({"DATA": [HANG_UP]}, "retry", "connection lost"),
        ({"MAIL": ["good day"]}, "retry", "no SMTP reply: 'good day'"),
        ({"TAKEN": [HANG_UP]}, "in_doubt", "the whole message was sent, its answer was lost"),
        ({"TAKEN": ["good day"]}, "in_doubt", "no SMTP reply: 'good day'"),
        ({"TAKEN": ["354 go on"]}, "in_doubt", "its answer makes no sense: 354 go on"),
        ({"RCPT": ["550 nobody here"], "RSET": [HANG_UP]}, "failed", "550 nobody here"),
        ({"RCPT": ["550 nobody here"], "RSET": ["451 no"]}, "failed", "550 nobody here"),
        ({"RCPT": ["550 nobody here" + HANG_UP]}, "failed", "550 nobody here"),
    ],
)
def test_each_answer_has_its_outcome_and_the_next_message_goes_on(offers, answers, status, words):
    script = {word: list(planned) for word, planned in answers.items()}
    with told(EHLO=offers, **script) as found, lane_of(found.server) as send:
        outcome = send()
        assert (outcome.status, words in outcome.answer) == (status, True), outcome
        after = send()
        if HANG_UP in "".join(answers.get("TAKEN", [])) and after.status == "retry":
            after = send()  # that the server hung up behind its yes may be seen only when the next message is begun
        assert after == Outcome("sent", "250 taken")


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ("421 4.3.2 shutting down", "retry", "421 4.3.2 shutting down"),
        ("421 4.3.2 shutting down" + HANG_UP, "retry", "421 4.3.2 shutting down"),
        ("552 5.3.4 too large", "failed", "552 5.3.4 too large"),
        ("250 taken", "retry", "answered before the end of the message: 250 taken"),
        ("good day", "retry", "connection lost before the end of the message: no SMTP reply"),
        (HANG_UP, "retry", "connection lost before the end of the message"),
    ],
)
def test_what_happens_before_the_dot_leaves_no_doubt(monkeypatch, said, status, words):
    monkeypatch.setattr(smtp_wait, "SHORTEST_SECONDS", 0.2)
    with told(BODY=[said]) as found, lane_of(found.server) as send:
        outcome = send()
        assert (outcome.status, words in outcome.answer) == (status, True), outcome
        monkeypatch.undo()
        assert send().status == "sent"
    assert len(found.bodies) == 1


def test_the_end_of_a_long_message_waits_until_all_before_it_is_out():
    with told(BODY=[HANG_UP]) as found, lane_of(found.server) as send:
        assert send(with_text(LONG)).status == "retry"
        assert send().status == "sent"


def test_a_server_that_stops_reading_in_a_message_leaves_no_doubt():
    with told(BODY=[SILENT], timeout_seconds=0.4) as found, lane_of(found.server) as send:
        assert send(with_text(LONG)).status == "retry"


def test_a_long_message_comes_whole(deliver):
    with told() as found:
        assert deliver(Smtp(found.server), with_text(LONG))[0].status == "sent"
    assert found.bodies == [with_text(LONG).message.raw()]


@pytest.mark.parametrize("end", ["554 no valid recipients", "250 taken", HANG_UP])
def test_a_message_to_nobody_that_the_server_wants_all_the_same_is_empty(deliver, end):
    with told(RCPT=["550 5.1.1 nobody here"], TAKEN=[end]) as found:
        outcomes = deliver(Smtp(found.server), trial(1), trial(2))
    assert outcomes == [Outcome("failed", "550 5.1.1 nobody here"), Outcome("sent", "250 taken")]
    assert found.bodies == [b"", trial(2).message.raw()]


def test_no_empty_message_goes_to_somebody(deliver):
    with told(MAIL=["451 too busy"]) as found:
        outcomes = deliver(Smtp(found.server), trial(1), trial(2))
    assert outcomes == [Outcome("retry", "451 too busy"), Outcome("sent", "250 taken")]
    assert found.bodies == [trial(2).message.raw()]


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "ada@example.com\r\nDATA", "ada@example.com\n", "ada@example.com> SIZE=1", "<ada@example.com",
        "a b@example.com", 'a"b@example.com', '""> ORCPT=x <@example.com', '"ada"@example.com>',
        '"a\r\nb"@example.com', '"a\\"@b"@c d',
        "ada\0@example.com", "ada\udcff@example.com",
    ],
    ids=ascii,
)  # fmt: skip
def test_an_address_that_smtp_can_not_say_fails_alone_and_is_never_said(deliver, recipient):
    with told(EHLO="250-here\r\n250-PIPELINING\r\n250 SMTPUTF8") as found:
        outcomes = deliver(Smtp(found.server), to(recipient), to("ada@example.com", recipient), trial())
    words = f"an address can't be said in SMTP: {recipient!r}"
    assert outcomes == [Outcome("failed", words)] * 2 + [Outcome("sent", "250 taken")]
    assert [line for line in found.heard if line.startswith("RCPT")] == ["RCPT TO:<ada@example.com>"]


@pytest.mark.parametrize("recipient", ['"ada lovelace"@example.com', '"a\\"<b>@"@example.com', "o'hara+x@example.com"])
def test_an_odd_address_that_is_legal_is_said_as_it_is(deliver, recipient):
    with told() as found:
        assert deliver(Smtp(found.server), to(recipient))[0].status == "sent"
    assert f"RCPT TO:<{recipient}>" in found.heard


@pytest.mark.parametrize("size", ["100", "00100"])
def test_a_message_that_is_too_large_fails_before_anything_is_said(deliver, size):
    with told(EHLO=f"250-here\r\n250 SIZE {size}") as found:
        [outcome] = deliver(Smtp(found.server), trial())
    assert outcome.status == "failed"
    assert outcome.answer.endswith(f"bytes, {found.server} takes 100")
    assert found.count("MAIL") == 0


@pytest.mark.parametrize("size", ["", " 0", " 20000000", " many", " ²", " " + "9" * 5000])
def test_a_size_is_announced_to_who_wants_to_know_it(deliver, size):
    with told(EHLO=f"250-here\r\n250 SIZE{size}") as found:
        assert deliver(Smtp(found.server), trial())[0].status == "sent"
    assert f"MAIL FROM:<bounces@example.com> SIZE={len(found.bodies[0])}" in found.heard


@pytest.mark.parametrize(("offers", "stays"), [("250-here\r\n250 8BITMIME", True), (PLAIN, False)])
def test_bodies_stay_as_they_are_only_where_eight_bits_are_taken(deliver, offers, stays):
    with told(EHLO=offers) as found:
        deliver(Smtp(found.server), trial())
    assert found.bodies[0].isascii() is not stays
    assert ("MAIL FROM:<bounces@example.com> BODY=8BITMIME" in found.heard) is stays


INTERNATIONAL = [to("zoë@example.com"), to("ada@example.com", "rück@example.com")]


@pytest.mark.parametrize("envelope", INTERNATIONAL)
def test_an_international_address_fails_where_it_is_not_taken(deliver, envelope):
    with told() as found:
        [outcome] = deliver(Smtp(found.server), envelope)
    assert outcome == Outcome("failed", f"{found.server} does not take international addresses (RFC 6531)")
    assert found.count("MAIL") == 0


@pytest.mark.parametrize("envelope", INTERNATIONAL)
def test_an_international_address_is_announced_where_it_is_taken(deliver, envelope):
    with told(EHLO="250-here\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8") as found:
        assert deliver(Smtp(found.server), envelope)[0].status == "sent"
    assert f"MAIL FROM:<{envelope.return_path}> BODY=8BITMIME SMTPUTF8".encode().decode("latin-1") in found.heard


def test_a_connection_is_opened_anew_after_so_many_messages(deliver):
    with told() as found:
        outcomes = deliver(Smtp(found.server, per_connection=2), *map(trial, range(5)))
    assert {outcome.status for outcome in outcomes} == {"sent"}
    assert (found.count("EHLO"), found.count("QUIT"), len(found.bodies)) == (3, 3, 5)


@pytest.mark.parametrize(
    ("word", "status"), [("MAIL", "retry"), ("RCPT", "retry"), ("DATA", "retry"), ("TAKEN", "in_doubt")]
)
def test_an_answer_that_takes_too_long_is_as_good_as_none(word, status):
    with told(EHLO=PLAIN, timeout_seconds=0.2, **{word: [SILENT]}) as found, lane_of(found.server) as send:
        outcome = send()
        assert (outcome.status, "no answer within 0.2 seconds" in outcome.answer) == (status, True), outcome
        assert send().status == "sent"


@pytest.mark.parametrize("offers", [PLAIN, PIPELINING])
@pytest.mark.parametrize(
    ("word", "said", "remedy"),
    [
        ("MAIL", "550 not you", "refuses the sender: 550 not you; check the shop's sender address"),
        ("MAIL", "530 5.7.0 log in first", "takes no message of this sender: 530 .*; mend login, SPF"),
        ("RCPT", "530 5.7.0 log in first", "takes no message of this sender: 530 "),
        ("DATA", "530 5.7.0 log in first", "takes no message of this sender: 530 "),
        ("RCPT", "550 5.7.23 SPF says no", "takes no message of this sender: 550 5.7.23 "),
        ("TAKEN", "550 5.7.26 DMARC says no", "takes no message of this sender: 550 5.7.26 "),
        ("TAKEN", "550 5.7.515 not authenticated", "takes no message of this sender: 550 5.7.515 "),
        ("BODY", "550 5.7.26 DMARC says no", "takes no message of this sender: 550 5.7.26 "),
    ],
)
def test_what_no_message_of_this_sender_will_pass_stops_the_delivery(monkeypatch, offers, word, said, remedy):
    monkeypatch.setattr(smtp_wait, "SHORTEST_SECONDS", 0.2 if word == "BODY" else 0)
    with told(EHLO=offers, **{word: [said]}) as found, lane_of(found.server) as send:
        with pytest.raises(TransportError, match=remedy) as refused:
            send()
        assert not isinstance(refused.value, TransportUnreachable)
        monkeypatch.undo()
        assert send().status == "sent"  # after the operator mended it


def test_before_it_is_open_it_refuses():
    with pytest.raises(TransportError, match=r"the connection to mail.example.com:25 is not open; open it first"):
        asyncio.run(Smtp(Server("mail.example.com", 25)).lane())


@pytest.mark.parametrize("taken", ["421 going down" + HANG_UP, "250 taken" + HANG_UP])
def test_a_server_that_is_gone_between_two_messages_is_unreachable(taken):
    hello = ["220 here", "421 not now" + HANG_UP]
    with told(TAKEN=[taken], HELLO=hello) as found, lane_of(found.server, rest_seconds=0.05) as send:
        send()
        with pytest.raises(TransportUnreachable, match="says: not now: 421 not now"):
            send()
        assert send().status == "sent"  # it is back


def test_a_goodbye_between_two_messages_loses_none():
    with told(TAKEN=["250 taken\r\n421 4.4.2 idle too long" + HANG_UP]) as found, lane_of(found.server) as send:
        assert [send().status for _ in range(3)] == ["sent"] * 3
    assert (len(found.bodies), found.count("EHLO")) == (3, 2)


def test_a_server_that_never_stops_answering_is_left():
    with told(TAKEN=["250 taken" + "\r\n250 and more" * 5000]) as found, lane_of(found.server) as send:
        assert [send() for _ in range(2)] == [Outcome("sent", "250 taken")] * 2
    assert found.count("EHLO") == 2


def test_a_message_that_is_stopped_half_way_does_not_leave_its_answer_to_the_next():
    async def stop_one(server):
        async with Smtp(server) as opened:
            lane = await opened.lane()
            try:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(lane.send([trial(1)]), 0.1)
                return await lane.send([trial(2)])
            finally:
                await lane.close()

    with told(TAKEN=[SILENT]) as found:
        assert asyncio.run(stop_one(found.server)) == [Outcome("sent", "250 taken")]
    assert found.count("EHLO") == 2


def test_a_message_that_is_out_is_not_held_while_the_server_thinks():
    class Stamp:
        def sign(self, head, hashed):
            return "X-Stamp: here"

    def stamped(stamp):
        return trial()._replace(message=trial().message._replace(signers=(stamp,)))

    async def look(server):
        async with Smtp(server) as opened:
            lane, stamp = await opened.lane(), Stamp()
            held, sending = weakref.ref(stamp), asyncio.create_task(lane.send([stamped(stamp)]))
            del stamp
            assert held() is not None
            await asyncio.wait([sending], timeout=0.2)
            waits, left = not sending.done(), held()
            sending.cancel()
            await asyncio.wait([sending])
            await lane.close()
            return waits, left

    with told(TAKEN=[SILENT]) as found:
        assert asyncio.run(look(found.server)) == (True, None)


@pytest.mark.parametrize("bye", ["221 bye", SILENT, HANG_UP, "500 what?", "good day"])
def test_a_lane_is_closed_politely_whatever_the_server_says(bye):
    async def close_twice(server):
        async with Smtp(server) as opened:
            lane = await opened.lane()
            assert (await lane.send([trial()]))[0].status == "sent"
            await lane.close()
            await lane.close()

    with told(QUIT=bye, timeout_seconds=0.2) as found:
        asyncio.run(close_twice(found.server))
    assert found.count("QUIT") == 1
