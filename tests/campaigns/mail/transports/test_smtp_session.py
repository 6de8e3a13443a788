"""Being let in: greeting, EHLO, TLS with its certificate checked, login; and what is told when it fails."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import time
import warnings
from base64 import b64encode

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from campaigns.errors import TransportError, TransportUnreachable
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import check_transport, trial
from campaigns.mail.transports.smtp import Smtp
from campaigns.mail.transports.smtp_connect import Server
from campaigns.mail.transports.smtp_wait import Wait
from tests.campaigns.mail.transports.told import HANG_UP, SILENT, Keeper, told

# aiosmtpd does not know that a connection with TLS from its start has it.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
LET_IN = r"does not let us in: .*; check user, password and certificate"
NOBODY = r"no SMTP server answers at .*; check host and port"


@pytest.mark.parametrize("host", ["127.0.0.1", "x" * 64 + ".example", "no-such-host.invalid", "a b"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_host_where_nobody_answers_is_told_with_the_next_step(deliver, host, tls):
    with pytest.raises(TransportUnreachable, match=NOBODY):
        deliver(Smtp(Server(host, 1, tls=tls, timeout_seconds=5)), trial())


@pytest.mark.parametrize("greeting", [HANG_UP, "good day", SILENT, "220-we" + HANG_UP, "2²0 here"])
def test_who_does_not_speak_smtp_is_nobody(deliver, greeting):
    with told(HELLO=greeting, timeout_seconds=0.3) as found, pytest.raises(TransportUnreachable, match=NOBODY):
        deliver(Smtp(found.server), trial())


@pytest.mark.parametrize(
    "answers",
    [
        {"HELLO": "421 4.3.2 too busy"},
        {"HELLO": "421 4.3.2 too busy" + HANG_UP},
        {"HELLO": "450 4.3.2 too busy"},
        {"EHLO": "421 4.3.2 too busy"},
        {"EHLO": "250-here\r\n250 STARTTLS", "STARTTLS": "454 4.3.2 too busy"},
    ],
)
def test_a_server_that_is_busy_is_asked_again_later(deliver, answers):
    with (
        told(**answers) as found,
        pytest.raises(TransportUnreachable, match=r"says: not now: 4.. 4.3.2 too busy; it is tried again"),
    ):
        deliver(Smtp(found.server), trial())


@pytest.mark.parametrize(
    "answers",
    [
        {"HELLO": "554 go away"},
        {"EHLO": "502 what?", "HELO": "502 what?"},
        {"EHLO": "250-here\r\n250 STARTTLS", "STARTTLS": "502 what?"},
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_with_the_next_step(deliver, answers):
    with told(**answers) as found, pytest.raises(TransportError, match=LET_IN) as refused:
        deliver(Smtp(found.server), trial())
    assert not isinstance(refused.value, TransportUnreachable)


def test_a_server_without_tls_behind_smtps_is_told(deliver):
    with told() as found, pytest.raises(TransportError, match=LET_IN) as refused:
        deliver(Smtp(Server("127.0.0.1", found.server.port, tls=True, timeout_seconds=5)), trial())
    assert not isinstance(refused.value, TransportUnreachable)


def test_a_server_that_starts_no_tls_after_all_is_told(deliver):
    with (
        told(EHLO="250-here\r\n250 STARTTLS", STARTTLS="220 go on" + HANG_UP) as found,
        pytest.raises(TransportUnreachable, match=NOBODY),
    ):
        deliver(Smtp(found.server), trial())


def test_a_server_that_goes_as_soon_as_it_has_let_us_in_loses_no_message(deliver):
    with told(EHLO=["250 here" + HANG_UP] * 4) as found:
        for _ in range(4):
            try:
                [outcome] = deliver(Smtp(found.server), trial())
            except TransportUnreachable:
                continue
            assert outcome.status in {"retry", "sent"}
        assert deliver(Smtp(found.server), trial()) == [Outcome("sent", "250 taken")]


def test_a_server_of_the_old_kind_is_spoken_to_in_its_own_words(deliver):
    with told(EHLO="502 what?") as found:
        assert deliver(Smtp(found.server), trial())[0].status == "sent"
    assert found.count("HELO") == 1


def test_it_says_who_we_are(deliver):
    with told() as found:
        deliver(Smtp(Server("127.0.0.1", found.server.port, me="mail.example.com")), trial())
    assert found.heard[0] == "EHLO mail.example.com"


def test_what_a_server_says_in_no_language_can_be_printed(deliver):
    with told(HELLO="554-go\udcff\r\n554 away") as found, pytest.raises(TransportError) as refused:
        deliver(Smtp(found.server), trial())
    assert f"{found.server} does not let us in: 554 go\ufffd away;" in str(refused.value)


def test_a_connection_that_is_given_up_half_way_is_closed():
    async def give_up(server):
        async with Smtp(server) as opened:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(opened.lane(), 0.1)

    with told(EHLO=SILENT) as found, warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(give_up(found.server))
        asyncio.run(asyncio.sleep(0.1))
        assert found.left == [True]


def test_a_password_is_never_sent_in_the_clear(deliver):
    with told(EHLO="250-here\r\n250 AUTH PLAIN LOGIN") as found:
        asked = Server("127.0.0.1", found.server.port, user="shop", password="hunter2")
        with pytest.raises(TransportError, match="offers no TLS, and a password is never sent in the clear") as refused:
            deliver(Smtp(asked), trial())
    assert "hunter2" not in str(refused.value) + repr(asked)
    assert not isinstance(refused.value, TransportUnreachable)
    assert found.count("AUTH") == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory, missing):
    """A key and a certificate for 127.0.0.1 that nobody has signed."""
    program = shutil.which("openssl")
    if program is None:
        missing("openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
    subprocess.run(
        [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *made], check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="module")
def context(certificate):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return made


@pytest.fixture(params=["smtps", "starttls"])
def safe(request, context, free_port):
    """A server with TLS and a login, of each kind: its keeper, and a function that makes its address."""
    smtps, keeper, port = request.param == "smtps", Keeper(), free_port()

    def login(server, session, sent, mechanism, data):
        good = (data.login, data.password) in {(b"shop", b"hunter2"), (b"shop", "hünter".encode())}
        return AuthResult(success=good, handled=False)

    options = {"authenticator": login, "auth_require_tls": not smtps, "auth_required": True}
    options["ssl_context" if smtps else "tls_context"] = context
    controller = Controller(keeper, hostname="127.0.0.1", port=port, **options)
    controller.start()
    yield keeper, lambda host="127.0.0.1", **who: Server(host, port, tls=smtps, timeout_seconds=5, **who)
    controller.stop()


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


@pytest.mark.usefixtures("trusted")
def test_over_tls_it_logs_in_and_keeps_the_rules(safe):
    keeper, server = safe
    check_transport(Smtp(server(user="shop", password="hunter2")), keeper.ids)


@pytest.mark.usefixtures("trusted")
def test_a_long_message_comes_whole_over_tls(safe, deliver):
    keeper, server = safe
    many = [trial(number) for number in range(30)]
    outcomes = deliver(Smtp(server(user="shop", password="hunter2"), per_connection=10), *many)
    assert {outcome.status for outcome in outcomes} == {"sent"}
    assert keeper.kept == [envelope.message.raw(eight_bit=True) for envelope in many]


@pytest.mark.usefixtures("trusted")
def test_a_password_of_any_letters_is_said(safe, deliver):
    _, server = safe
    assert deliver(Smtp(server(user="shop", password="hünter")), trial())[0].status == "sent"


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_told_and_not_repeated(safe, deliver):
    _, server = safe
    with pytest.raises(TransportError, match=r"does not let us in: 535 ") as refused:
        deliver(Smtp(server(user="shop", password="hunter3")), trial())
    assert not isinstance(refused.value, TransportUnreachable)
    assert "hunter3" not in str(refused.value)


@pytest.mark.usefixtures("trusted")
def test_without_a_login_it_says_that_one_is_wanted(safe, deliver):
    _, server = safe
    with pytest.raises(TransportError, match=r"takes no message of this sender: 530 .*; mend login"):
        deliver(Smtp(server()), trial())


def test_a_certificate_that_nobody_signed_is_not_trusted(safe, deliver):
    keeper, server = safe
    with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED") as refused:
        deliver(Smtp(server(user="shop", password="hunter2")), trial())
    assert not isinstance(refused.value, TransportUnreachable)
    assert keeper.kept == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_is_not_trusted(safe, deliver):
    keeper, server = safe
    with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"):
        deliver(Smtp(server("localhost", user="shop", password="hunter2")), trial())
    assert keeper.kept == []


PASSWORD = b64encode(b"hunter2").decode().upper()  # as the server knows commands


def login_at(found):
    return Smtp(Server("127.0.0.1", found.server.port, True, "shop", "hunter2", 5))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("end", ["", HANG_UP])
def test_a_login_that_is_refused_is_not_tried_in_other_ways(deliver, context, end):
    said = "535 5.7.8 hunter2 is wrong" + end
    with (
        told(tls=context, EHLO="250-here\r\n250 AUTH CRAM-MD5 LOGIN PLAIN", AUTH=said) as found,
        pytest.raises(TransportError, match=r"does not let us in: 535 5.7.8 \*\*\* is wrong") as refused,
    ):
        deliver(login_at(found), trial())
    assert not isinstance(refused.value, TransportUnreachable)
    assert found.count("AUTH") == 1


@pytest.mark.usefixtures("trusted")
def test_a_login_that_is_not_possible_now_is_tried_again_later(deliver, context):
    with (
        told(tls=context, EHLO="250-here\r\n250 AUTH PLAIN", AUTH="454 4.7.0 no answer from the directory") as found,
        pytest.raises(TransportUnreachable, match=r"not now: 454 4\.7\.0"),
    ):
        deliver(login_at(found), trial())


@pytest.mark.usefixtures("trusted")
def test_a_way_to_log_in_that_is_not_known_after_all_gives_way_to_the_next(deliver, context):
    answers = ["504 5.5.4 not this way", "334 UGFzc3dvcmQ6"]
    script = {"EHLO": "250-here\r\n250 AUTH LOGIN PLAIN", "AUTH": answers, PASSWORD: "235 come in"}
    with told(tls=context, **script) as found:
        assert deliver(login_at(found), trial())[0].status == "sent"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("offers", ["250 here", "250-here\r\n250 AUTH GSSAPI"])
def test_a_server_without_a_login_that_we_know_is_told(deliver, context, offers):
    with (
        told(tls=context, EHLO=offers) as found,
        pytest.raises(TransportError, match="offers no login of the kinds PLAIN, LOGIN and CRAM-MD5") as refused,
    ):
        deliver(login_at(found), trial())
    assert not isinstance(refused.value, TransportUnreachable)


@pytest.mark.usefixtures("trusted")
def test_over_tls_what_happens_before_the_dot_leaves_no_doubt(deliver, context):
    with told(tls=context, TAKEN=["421 going down" + HANG_UP], RCPT=["451 wait" + HANG_UP]) as found:
        outcomes = deliver(Smtp(found.server), *map(trial, range(3)))
    assert outcomes == [Outcome("retry", "451 wait"), Outcome("retry", "421 going down"), Outcome("sent", "250 taken")]


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_a_server_that_hung_up_while_the_event_loop_was_busy_leaves_no_doubt(monkeypatch, deliver, seconds):
    """As where many lanes compose: it hangs up in the same turn of the loop as the dot is due, or before that turn."""

    def wait(_wait, _answered_in):
        asyncio.get_running_loop().call_soon(time.sleep, 0.1)
        return seconds

    monkeypatch.setattr(Wait, "seconds", wait)
    with told(BODY=[HANG_UP]) as found:
        [outcome] = deliver(Smtp(found.server), trial())
    assert (outcome.status, "connection lost before the end" in outcome.answer) == ("retry", True)


@contextlib.asynccontextmanager
async def slow_reader(reads_after, answers_after):
    """A server whose buffers are small: it reads a message after some seconds, and answers after some more."""

    serving = []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        with contextlib.closing(writer):
            writer.write(b"220 here\r\n")
            while line := await reader.readline():
                if line == b"DATA\r\n":
                    writer.write(b"354 go on\r\n")
                    await asyncio.sleep(reads_after)
                    end = b""
                    while end != b"\r\n.\r\n" and (more := await reader.read(2**16)):
                        end = (end + more)[-5:]
                    await asyncio.sleep(answers_after)
                writer.write(b"250 yes\r\n")

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**14)
    server = await asyncio.start_server(serve, sock=listening, limit=2**10)
    async with server:
        yield Server("127.0.0.1", listening.getsockname()[1], timeout_seconds=1)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@pytest.mark.parametrize(
    ("reads_after", "answers_after", "status"), [(0.7, 0.7, "sent"), (3, 0, "retry"), (0, 3, "in_doubt")]
)
def test_a_message_is_ended_when_all_of_it_is_out_and_the_answer_may_take_its_time_after_that(
    reads_after, answers_after, status
):
    short = trial()
    long = short._replace(message=short.message._replace(text="line\n" * 2_000_000))  # more than fits the buffers

    async def send():
        async with slow_reader(reads_after, answers_after) as server, Smtp(server) as transport:
            lane = await transport.lane()
            [outcome] = await lane.send([long])
            await lane.close()
            return outcome

    assert asyncio.run(send()).status == status
