"""An SMTP server that answers as it is told (refuses, hangs up, says nothing, talks nonsense), and a keeper of mail."""

import contextlib
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes

from campaigns.mail.transports.smtp_connect import Server

SILENT, HANG_UP = "", "\0"
"""No answer at all; and the end of an answer (or a whole one) after which the server hangs up."""
ANSWERS = {
    "HELLO": "220 here", "EHLO": "250-here\r\n250 PIPELINING", "HELO": "250 here", "STARTTLS": "220 go on",
    "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "TAKEN": "250 taken", "RSET": "250 ok", "QUIT": "221 bye",
}  # fmt: skip


@dataclass
class Told:
    """What the server heard.

    Attributes:
        server: where it is.
        heard: the lines of all connections, bodies left out.
        bodies: the messages that came whole, with their dots doubled.
        left: connections that are over.
    """

    server: Server
    heard: list = field(default_factory=list)
    bodies: list = field(default_factory=list)
    left: list = field(default_factory=list)

    def count(self, word):
        """How often a command was heard."""
        return sum(line.split(" ")[0].upper() == word for line in self.heard)


class Keeper:
    """Keeps what aiosmtpd takes."""

    def __init__(self):
        self.kept = []

    async def handle_DATA(self, server, session, message):  # noqa: N802 - aiosmtpd's name
        self.kept.append(message.content)
        return "250 kept"

    def ids(self):
        return [message_from_bytes(content)["Message-ID"] for content in self.kept]


class Conversation(socketserver.StreamRequestHandler):
    """One connection; it goes on as long as there is something to answer."""

    disable_nagle_algorithm = True

    def handle(self):
        with contextlib.suppress(OSError):  # the client hung up
            self.converse()
        self.server.told.left.append(True)

    def converse(self):
        going = self.answer("HELLO") is not None
        while going and (line := self.rfile.readline().decode("latin-1").strip()):
            self.server.told.heard.append(line)
            word = line.split(" ")[0].upper()
            said = self.answer(word)
            going = said is not None
            if going and word == "DATA" and said.rpartition("\n")[2].startswith("354"):
                going = self.body()

    def body(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
            if self.server.script.get("BODY"):
                said = self.answer("BODY")
                return self.server.over.wait(5) if said == SILENT else said is not None
        if not line:
            return False
        self.server.told.bodies.append(b"".join(lines))
        return self.answer("TAKEN") is not None

    def answer(self, word):
        """Give what was said; none: the conversation is over."""
        planned = self.server.script.get(word, ANSWERS.get(word, "500 what?"))
        if isinstance(planned, list):
            planned = planned.pop(0) if planned else ANSWERS[word]
        said = planned.removesuffix(HANG_UP)
        if said:
            self.say(said.encode("utf-8", "surrogateescape") + b"\r\n")
        return None if planned.endswith(HANG_UP) else said

    def say(self, data):
        size = 1 if self.server.split else len(data)
        for at in range(0, len(data), size):
            self.wfile.write(data[at : at + size])


class Listener(socketserver.ThreadingTCPServer):
    """All connections, each in a thread."""

    allow_reuse_address = True
    daemon_threads = True  # a connection that is wrongly kept fails a test, and does not hang it
    tls, split, script, told, over = None, False, {}, None, None

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # so that a long body stays on its way
        super().server_bind()

    def finish_request(self, request, client_address):
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with contextlib.suppress(OSError), self.tls.wrap_socket(request, server_side=True) as safe:
            super().finish_request(safe, client_address)


@contextlib.contextmanager
def told(*, timeout_seconds=5, tls=None, split=False, **answers):
    """Serve, each word answered as told (a list: one answer each time, then the usual one).

    Besides the commands, the words are HELLO (the greeting), BODY (said as soon as a body begins to come; its rest is
    not read, and after SILENT nothing is) and TAKEN (said behind the dot). `split` says it byte by byte; `tls` is the
    context of a server with TLS from the start.
    """
    with Listener(("127.0.0.1", 0), Conversation) as listener:
        listener.tls, listener.split, listener.script = tls, split, answers
        where = Server("127.0.0.1", listener.server_address[1], tls=tls is not None, timeout_seconds=timeout_seconds)
        listener.told = Told(where)
        listener.over = threading.Event()
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.002})
        thread.start()
        try:
            yield listener.told
        finally:
            listener.over.set()
            listener.shutdown()
            thread.join()
