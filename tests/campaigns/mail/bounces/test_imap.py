"""Against a small IMAP server over TLS that keeps mails and flags, and refuses what it is told to refuse."""

import os
import re
import shutil
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager

import pytest

from campaigns.errors import BadFeedback
from campaigns.mail.bounces.mailbox import Mailbox, open_box

pytestmark = pytest.mark.usefixtures("trusted")
MAILS = {7: b"Subject: one\r\n\r\n1", 9: b"Subject: two\r\n\r\n2 {3}\r\n", 12: b"Subject: three\r\n\r\n3"}


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


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
        while line := self.rfile.readline().decode().strip():
            tag, command, *words = line.split(" ")
            command = words.pop(0) if command == "UID" else command
            self.server.heard.append(line.partition(" ")[2])
            if refusal := self.server.refused.get(command):
                if refusal == "hang up":
                    return
                self.say(f"{tag} {refusal}")
                continue
            getattr(self, command)(*words)
            self.say(f"{tag} OK done")
            if command == "LOGOUT":
                return

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def CAPABILITY(self):  # noqa: N802 - the commands of IMAP
        self.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN")

    def LOGIN(self, *_):  # noqa: N802
        pass

    def LOGOUT(self):  # noqa: N802
        self.say("* BYE")

    def AUTHENTICATE(self, *_):  # noqa: N802
        self.say("+ ")
        self.server.heard.append(self.rfile.readline().decode().strip())

    def SELECT(self, *_):  # noqa: N802
        self.say(f"* {len(self.server.mails)} EXISTS")

    def SEARCH(self, *_):  # noqa: N802
        new = [str(uid) for uid in reversed(self.server.mails) if not self.server.flags.get(uid)]
        self.say(f"* SEARCH {' '.join(new)}")

    def FETCH(self, uids, *_):  # noqa: N802
        self.say("* 1 FETCH (FLAGS (\\Recent) UID 7)")  # a server may tell of other things in between
        for number, uid in enumerate(map(int, uids.split(","))):
            mail = self.server.mails.get(uid)
            if mail is None:
                self.say(f"* {number} FETCH (UID {uid} BODY[]<0> NIL)")
            elif number % 2:  # in either order (RFC 3501, section 7.4.2)
                self.wfile.write(b"* %d FETCH (BODY[]<0> {%d}\r\n%s UID %d)\r\n" % (number, len(mail), mail, uid))
            else:
                self.wfile.write(b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n" % (number, uid, len(mail), mail))

    def STORE(self, uids, _, flag):  # noqa: N802
        for uid in uids.split(","):
            self.server.flags[int(uid)] = flag


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def get_request(self):
        sock, address = super().get_request()
        return self.context.wrap_socket(sock, server_side=True), address


@contextmanager
def imap(certificate, **refused):
    """A server with three mails; `refused`: command -> its answer."""
    with Listener(("127.0.0.1", 0), Session) as server:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        server.mails, server.flags, server.heard, server.refused = dict(MAILS), {}, [], refused
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def opened(server, login="shop:hunter2", folder="/Bounces"):
    return open_box(f"imaps://{login}@127.0.0.1:{server.server_address[1]}{folder}", None)


def pages(server, size=100):
    with opened(server) as box:
        yield from Mailbox(box).pages(size)


def test_new_mail_is_read_in_pages_in_order_and_not_marked(certificate):
    with imap(certificate) as server:
        assert [page.mails for page in pages(server, 2)] == [{"7": MAILS[7], "9": MAILS[9]}, {"12": MAILS[12]}]
        assert server.flags == {}
    assert 'SELECT "Bounces"' in server.heard
    assert server.heard[-1] == "LOGOUT"


def test_what_is_done_is_seen_what_is_for_a_person_is_flagged_and_neither_comes_again(certificate):
    with imap(certificate) as server:
        first, _ = pages(server, 2)
        with opened(server) as box:
            [page] = Mailbox(box).pages()
            page.flag("9")
            page.done()
        assert server.flags == {7: "(\\Seen)", 9: "(\\Flagged)", 12: "(\\Seen)"}
        assert list(pages(server)) == []
        assert set(first.mails) == {"7", "9"}


def test_a_page_that_is_not_done_comes_again(certificate):
    with imap(certificate) as server, opened(server) as box:
        next(Mailbox(box).pages(1)).done()
        assert [list(page.mails) for page in pages(server, 1)] == [["9"], ["12"]]


def test_a_mail_that_the_server_can_not_read_is_flagged(certificate):
    with imap(certificate) as server, opened(server) as box:
        server.mails[9] = None
        [page] = Mailbox(box).pages()
        assert page.mails["9"] is None
        page.done()
        assert server.flags[9] == "(\\Flagged)"


def test_only_the_head_of_a_long_mail_is_asked_for(certificate):
    with imap(certificate) as server:
        list(pages(server))
    asked = [line for line in server.heard if line.startswith("UID FETCH")]
    assert re.fullmatch(r"UID FETCH 7,9,12 \(UID BODY\.PEEK\[\]<0\.\d+>\)", asked[0])


def test_a_password_in_other_letters_is_said_by_authenticate(certificate):
    import base64

    with imap(certificate) as server, opened(server, "shop:h%C3%BCnter"):
        said = server.heard[server.heard.index("AUTHENTICATE PLAIN") + 1]
    assert base64.b64decode(said) == "\0shop\0hünter".encode()


@pytest.mark.parametrize("answer", ["NO wrong password hunter2", "BAD hunter2", "hang up"])
def test_a_wrong_password_is_told_and_not_repeated(certificate, answer):
    with (
        imap(certificate, LOGIN=answer) as server,
        pytest.raises(BadFeedback, match=r"does not let us in; check user and password") as refused,
        opened(server),
    ):
        pass
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("command", ["SELECT", "SEARCH", "FETCH", "STORE"])
@pytest.mark.parametrize("answer", ["NO not now", "BAD not now", "hang up"])
def test_a_refusal_is_told_and_nothing_is_lost(certificate, command, answer):
    with imap(certificate, **{command: answer}) as server:
        with pytest.raises(BadFeedback, match=f"refuses {command}.*nothing is lost"):
            [page.done() for page in pages(server)]
        assert server.flags == {}
        server.refused.clear()
        assert [list(page.mails) for page in pages(server)] == [["7", "9", "12"]]


def test_a_server_without_a_certificate_that_we_trust_is_not_spoken_to(certificate, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with (
        imap(certificate) as server,
        pytest.raises(BadFeedback, match=r"127\.0\.0\.1.*can't be reached: .*CERTIFICATE_VERIFY_FAILED"),
        opened(server),
    ):
        pass
    assert server.heard == []


def test_a_server_that_is_not_there_is_told(free_port):
    with (
        pytest.raises(BadFeedback, match=r"can't be reached: .*; check host, port"),
        open_box(f"imaps://shop:hunter2@127.0.0.1:{free_port()}", None),
    ):
        pass


def test_a_mailbox_that_is_not_open_is_told():
    with pytest.raises(BadFeedback, match="is not open; open it first"):
        open_box("imaps://shop:hunter2@127.0.0.1", None).new()
