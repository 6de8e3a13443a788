"""Deliver over SMTP on one connection that is kept open; TLS from the start (smtps) or as soon as it is offered."""

import contextlib
import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope, Outcome, not_open

OK, GO_ON = 2, 3  # the first digit of an answer (RFC 5321, section 4.2.1)
CLOSING, NO_LOGIN = 421, 530
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """Where to deliver; the password never shows in a message."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Smtp:
    """One SMTP connection.

    Until the last byte of a message is out, a lost connection means that it was not taken (try again); after that, and
    before the answer, it may have been (in doubt).
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._open = False
        self._session: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self._session = _connect(self.server)
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        if self._session is not None:
            with contextlib.suppress(OSError):
                self._session.quit()
            self._drop()

    def send(self, envelope: Envelope) -> Outcome:
        """Hand over one message: a 4xx answer is tried again later, a 5xx is final, one that is lost leaves a doubt.

        Raises:
            TransportError: not open, unreachable, or no message will do: another sender or a login is wanted.
        """
        if not self._open:
            raise not_open(f"the connection to {self.server}")
        if self._session is None:
            self._session = _connect(self.server)
        try:
            return self._transact(self._session, envelope)
        except ValueError as error:  # smtplib refuses line breaks and non-ASCII before a byte of them is sent
            self._reset(self._session)
            return Outcome("failed", f"an address can't be said in SMTP: {error}")
        except OSError as error:  # every smtplib error is one; a lost connection is opened anew for the next message
            self._drop()
            return Outcome("retry", f"{self.server}: connection lost: {error}")

    def _transact(self, session: smtplib.SMTP, envelope: Envelope) -> Outcome:
        # Not session.mail and session.rcpt: they mend an address in silence, and mail would go to another one.
        refused = self._refusal(session, OK, session.docmd("MAIL", f"FROM:<{parseaddr(envelope.sender)[1]}>"))
        if refused is not None and refused.status == "failed":
            raise TransportError(
                f"{self.server} refuses the sender: {refused.answer}", remedy="check the shop's sender address"
            )
        return (
            refused
            or self._refusal(session, OK, session.docmd("RCPT", f"TO:<{envelope.recipient}>"))
            or self._refusal(session, GO_ON, session.docmd("DATA"))
            or self._hand_over(session, envelope.data)
        )

    def _hand_over(self, session: smtplib.SMTP, data: bytes) -> Outcome:
        whole = data if data.endswith(b"\r\n") else data + b"\r\n"
        session.send(_LEADING_DOT.sub(b"..", whole) + b".\r\n")
        try:
            reply = session.getreply()
            if reply[0] < 0:
                raise smtplib.SMTPServerDisconnected("what came is no SMTP answer")
        except OSError as error:
            self._drop()
            return Outcome("in_doubt", f"{self.server}: the whole message was sent, its answer was lost: {error}")
        return self._refusal(session, OK, reply) or Outcome("sent", _words(reply))

    def _refusal(self, session: smtplib.SMTP, wanted: int, reply: tuple[int, bytes]) -> Outcome | None:
        code = reply[0]
        if code // 100 == wanted:
            return None
        self._reset(session, gone=code == CLOSING)
        if code == NO_LOGIN:
            raise TransportError(f"{self.server} wants a login: {_words(reply)}", remedy="give user and password")
        return Outcome("failed" if code >= 500 else "retry", _words(reply))

    def _reset(self, session: smtplib.SMTP, *, gone: bool = False) -> None:
        """Be ready for the next message; a server that hangs up does not change the answer it gave."""
        try:
            if gone:
                raise smtplib.SMTPServerDisconnected
            session.rset()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _words(reply: tuple[int, bytes]) -> str:
    return f"{reply[0]} {reply[1].decode('utf-8', 'replace')}"


def _connect(server: Server) -> smtplib.SMTP:
    context = ssl.create_default_context()
    try:
        session = (
            smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout_seconds, context=context)
            if server.tls
            else smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)
        )
    except (OSError, UnicodeError) as error:
        raise TransportError(
            f"no SMTP server answers at {server}: {error}", remedy="check host and port of the transport"
        ) from error
    try:
        _greet(session, server, context)
    except OSError as error:
        session.close()
        raise TransportError(
            f"{server} does not let us in: {error}", remedy="check user, password and certificate"
        ) from error
    except UnicodeError:  # its words hold the password
        session.close()
        raise TransportError(
            f"user or password for {server} is not ASCII", remedy="smtplib can't say it; choose another"
        ) from None
    return session


def _greet(session: smtplib.SMTP, server: Server, context: ssl.SSLContext) -> None:
    session.ehlo_or_helo_if_needed()
    if not server.tls and session.has_extn("starttls"):
        session.starttls(context=context)
        session.ehlo_or_helo_if_needed()
    if server.user is not None:
        if not isinstance(session.sock, ssl.SSLSocket):
            raise OSError("it offers no TLS, and a password is never sent in the clear")
        session.login(server.user, server.password or "")
