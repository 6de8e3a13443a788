"""Against aiosmtpd, and against a server that answers as it is told: refuses, hangs up, talks nonsense."""

import os
import shutil
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope
from campaigns.mail.transports.checks import BODY, check_transport
from campaigns.mail.transports.smtp import Server, Smtp

# aiosmtpd does not know that a connection with TLS from its start has it.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
HANG_UP = None
ANSWERS = {
    "HELLO": "220 here", "EHLO": "250 here", "HELO": "250 here", "STARTTLS": "220 go on", "MAIL": "250 ok",
    "RCPT": "250 ok", "DATA": "354 go on", "TAKEN": "250 taken", "RSET": "250 ok", "QUIT": "221 bye",
}  # fmt: skip


@contextmanager
def told(**answers):
    """A server that answers each word as it is told (a list: one answer each time), and the lines that it heard."""
    heard = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self):
            going = self.answer("HELLO")
            while going and (line := self.rfile.readline().decode().strip()):
                heard.append(line)
                going = self.answer(line.split(" ")[0].upper())
                if going and heard[-1] == "DATA" and going.startswith("3"):
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    going = self.answer("TAKEN")

        def answer(self, word):
            planned = answers.get(word, ANSWERS.get(word, "500 what?"))
            reply = (planned.pop(0) if planned else ANSWERS[word]) if isinstance(planned, list) else planned
            if reply is not HANG_UP:
                self.wfile.write(reply.encode() + b"\r\n")
            return reply

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True  # a connection that is wrongly kept fails a test, and does not hang it

    with Listener(("127.0.0.1", 0), Session) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Server("127.0.0.1", listener.server_address[1], timeout_seconds=5), heard
        finally:
            listener.shutdown()
            thread.join()


def envelope(recipient="ada@example.com", sender="Shop <shop@example.com>", data=BODY):
    return Envelope(sender, recipient, data, "<1@example.com>")


class Keeper:
    def __init__(self):
        self.kept = []

    async def handle_DATA(self, server, session, message):  # noqa: N802 - aiosmtpd's name
        self.kept.append(message.content)
        return "250 kept"


@contextmanager
def aiosmtpd(**options):
    keeper = Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield keeper, controller.port
    finally:
        controller.stop()


def free_port():
    with socketserver.TCPServer(("127.0.0.1", 0), None) as probe:
        return probe.server_address[1]


def test_it_keeps_the_rules_of_transports():
    with aiosmtpd() as (keeper, port):
        check_transport(Smtp(Server("127.0.0.1", port)), lambda: keeper.kept)


@pytest.mark.parametrize("data", [b".", b"..\r\n.\r\nend", b"\r\n.\r\n.\r\n", b"one\r\n.", b"no line end"])
def test_dots_and_a_missing_line_end_change_nothing_else(data):
    with aiosmtpd() as (keeper, port), Smtp(Server("127.0.0.1", port)) as opened:
        assert opened.send(envelope(data=data)).status == "sent"
        assert keeper.kept == [data if data.endswith(b"\r\n") else data + b"\r\n"]


def test_the_envelope_bears_bare_addresses():
    with told() as (server, heard), Smtp(server) as opened:
        opened.send(envelope())
    assert heard[1:4] == ["MAIL FROM:<shop@example.com>", "RCPT TO:<ada@example.com>", "DATA"]


def test_many_messages_go_over_one_connection():
    with told() as (server, heard), Smtp(server) as opened:
        assert {opened.send(envelope()).status for _ in range(20)} == {"sent"}
    assert sum(line.startswith("ehlo") for line in heard) == 1


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ({"MAIL": ["451 too busy"]}, "retry", "451 too busy"),
        ({"RCPT": ["550 nobody here"]}, "failed", "550 nobody here"),
        ({"RCPT": ["452 mailbox full"]}, "retry", "452 mailbox full"),
        ({"DATA": ["554 no"]}, "failed", "554 no"),
        ({"DATA": ["451 not now"]}, "retry", "451 not now"),
        ({"DATA": ["250 what?"]}, "retry", "250 what?"),
        ({"TAKEN": ["554 spam"]}, "failed", "554 spam"),
        ({"TAKEN": ["452 disk full"]}, "retry", "452 disk full"),
        ({"TAKEN": ["421 going down"]}, "retry", "421 going down"),
        ({"MAIL": ["421 going down"]}, "retry", "421 going down"),
        ({"MAIL": [HANG_UP]}, "retry", "connection lost"),
        ({"RCPT": [HANG_UP]}, "retry", "connection lost"),
        ({"DATA": [HANG_UP]}, "retry", "connection lost"),
        ({"TAKEN": [HANG_UP]}, "in_doubt", "the whole message was sent, its answer was lost"),
        ({"TAKEN": ["good day"]}, "in_doubt", "what came is no SMTP answer"),
        ({"RCPT": ["550 nobody here"], "RSET": [HANG_UP]}, "failed", "550 nobody here"),
    ],
)
def test_each_answer_has_its_outcome_and_the_next_message_goes_on(answers, status, words):
    with told(**answers) as (server, _), Smtp(server) as opened:
        outcome = opened.send(envelope())
        assert outcome.status == status
        assert words in outcome.answer
        assert opened.send(envelope()).status == "sent"


@pytest.mark.parametrize("recipient", ["ada@example.com\r\nDATA", "ada@example.com\n", "zoë@example.com"])
def test_an_address_that_smtp_can_not_say_fails_alone(recipient):
    with told() as (server, heard), Smtp(server) as opened:
        outcome = opened.send(envelope(recipient))
        assert outcome.status == "failed"
        assert "an address can't be said in SMTP" in outcome.answer
        assert opened.send(envelope()).status == "sent"
    assert sum(line.startswith("RCPT") for line in heard) == 1


def test_a_sender_that_is_refused_stops_the_delivery_instead_of_failing_every_message():
    words = "refuses the sender: 550 not you; check the shop's sender address"
    with told(MAIL="550 not you") as (server, _), Smtp(server) as opened, pytest.raises(TransportError, match=words):
        opened.send(envelope())


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_wants_a_login_stops_the_delivery(word):
    answers, words = {word: "530 log in first"}, "wants a login: 530 log in first; give user and password"
    with told(**answers) as (server, _), Smtp(server) as opened, pytest.raises(TransportError, match=words):
        opened.send(envelope())


def test_before_it_is_open_it_refuses():
    with pytest.raises(TransportError, match=r"the connection to mail.example.com:25 is not open; open it first"):
        Smtp(Server("mail.example.com", 25)).send(envelope())


@pytest.mark.parametrize(
    "server", [Server("127.0.0.1", 1), Server("127.0.0.1", 1, tls=True), Server("x" * 64 + ".example", 25)]
)
def test_a_server_that_does_not_answer_is_told_with_the_next_step(server):
    with pytest.raises(TransportError, match=r"no SMTP server answers at .*; check host and port of the transport"):
        Smtp(server).__enter__()


def test_a_server_that_dies_between_two_messages_is_told():
    with told(TAKEN=["421 going down"]) as (server, _):
        opened = Smtp(server).__enter__()
        opened.send(envelope())
    with pytest.raises(TransportError, match="no SMTP server answers"):
        opened.send(envelope())
    opened.__exit__(None, None, None)


@pytest.mark.parametrize("answers", [{"HELLO": "554 go away"}, {"HELLO": HANG_UP}])
def test_a_server_that_does_not_greet_is_told(answers):
    with told(**answers) as (server, _), pytest.raises(TransportError, match=r"no SMTP server answers at 127.0.0.1"):
        Smtp(server).__enter__()


def test_a_server_of_the_old_kind_is_spoken_to_in_its_own_words():
    with told(EHLO="502 what?") as (server, heard), Smtp(server) as opened:
        assert opened.send(envelope()).status == "sent"
    assert heard[1].startswith("helo ")


@pytest.mark.parametrize(
    "answers",
    [
        {"EHLO": "502 what?", "HELO": "502 what?"},
        {"EHLO": "250-here\r\n250 STARTTLS", "STARTTLS": "454 not now"},
        {"EHLO": "250-here\r\n250 STARTTLS", "STARTTLS": "220 go on\r\nthis is no TLS"},
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_with_the_next_step(answers):
    words = r"does not let us in: .*; check user, password and certificate"
    with told(**answers) as (server, _), pytest.raises(TransportError, match=words):
        Smtp(server).__enter__()


def test_a_password_is_never_sent_in_the_clear():
    with told(EHLO="250-here\r\n250 AUTH PLAIN LOGIN") as (server, heard):
        asked = Server(server.host, server.port, user="shop", password="hunter2")
        with pytest.raises(TransportError, match="offers no TLS, and a password is never sent in the clear") as refused:
            Smtp(asked).__enter__()
    assert "hunter2" not in str(refused.value)
    assert not [line for line in heard if line.upper().startswith("AUTH")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody has signed."""
    program = shutil.which("openssl")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"]
    subprocess.run(
        [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, *made], check=True, capture_output=True
    )
    return folder


@pytest.fixture(params=["smtps", "starttls"])
def safe(request, certificate):
    """A function that makes the address of a server with TLS and a login, of each kind."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    smtps = request.param == "smtps"

    def login(server, session, sent, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"shop", b"hunter2"), handled=False)

    tls = {"ssl_context": context} if smtps else {"tls_context": context}
    with aiosmtpd(**tls, authenticator=login, auth_require_tls=not smtps, auth_required=True) as (keeper, port):
        yield keeper, lambda **who: Server("127.0.0.1", port, tls=smtps, timeout_seconds=5, **who)


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


@pytest.mark.usefixtures("trusted")
def test_over_tls_it_logs_in_and_keeps_the_rules(safe):
    keeper, server = safe
    check_transport(Smtp(server(user="shop", password="hunter2")), lambda: keeper.kept)


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_told_and_not_repeated(safe):
    _, server = safe
    with pytest.raises(TransportError, match=r"does not let us in: .*535") as refused:
        Smtp(server(user="shop", password="hunter3")).__enter__()
    assert "hunter3" not in str(refused.value)


@pytest.mark.usefixtures("trusted")
def test_a_password_that_smtplib_can_not_say_is_told_and_not_repeated(safe):
    _, server = safe
    with pytest.raises(TransportError, match=r"user or password for 127.* is not ASCII; .* choose another") as refused:
        Smtp(server(user="shop", password="hünter")).__enter__()
    assert "hünter" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.usefixtures("trusted")
def test_without_a_login_it_says_that_one_is_wanted(safe):
    _, server = safe
    with Smtp(server()) as opened, pytest.raises(TransportError, match="wants a login"):
        opened.send(envelope())


def test_a_certificate_that_nobody_signed_is_not_trusted(safe):
    keeper, server = safe
    with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"):
        Smtp(server(user="shop", password="hunter2")).__enter__()
    assert keeper.kept == []
