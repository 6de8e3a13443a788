"""Deliver over SMTP on one connection that is kept open; TLS from the start (smtps) or as soon as it is offered."""

import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.utils import parseaddr
from types import TracebackType
from typing import Self

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope, Outcome


@dataclass(frozen=True)
class Server:
    """Where to deliver; the password never shows in a message."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0


class Smtp:
    """One SMTP connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self._session = self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._session.quit()
            self._session.close()
            self._session = None

    def send(self, envelope: Envelope) -> Outcome:
        """Hand over one message: 4xx is tried again later, 5xx is final."""
        if self._session is None:
            self._session = self._connect()
        sender = parseaddr(envelope.sender)[1]
        try:
            return _transact(self._session, sender, envelope)
        except OSError as error:  # every smtplib error is one; a lost connection is opened anew for the next message
            self._session.close()
            self._session = None
            return Outcome("retry", f"{self._place}: connection lost: {error}")

    @property
    def _place(self) -> str:
        return f"{self._server.host}:{self._server.port}"

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        try:
            context = ssl.create_default_context()
            if server.tls:
                session: smtplib.SMTP = smtplib.SMTP_SSL(
                    server.host, server.port, timeout=server.timeout_seconds, context=context
                )
            else:
                session = smtplib.SMTP(server.host, server.port, timeout=server.timeout_seconds)
        except OSError as error:
            raise TransportError(
                f"no SMTP server answers at {self._place}: {error}", remedy="check host and port of the transport"
            ) from error
        try:
            self._greet(session, context)
        except OSError as error:
            session.close()
            raise TransportError(
                f"{self._place} does not let us in: {error}", remedy="check user, password and certificate"
            ) from error
        return session

    def _greet(self, session: smtplib.SMTP, context: ssl.SSLContext) -> None:
        session.ehlo()
        if not self._server.tls and session.has_extn("starttls"):
            session.starttls(context=context)
            session.ehlo()
        if self._server.user is not None:
            if not isinstance(session.sock, ssl.SSLSocket):
                raise OSError("it offers no TLS, and a password is never sent in the clear")
            session.login(self._server.user, self._server.password or "")


def _transact(session: smtplib.SMTP, sender: str, envelope: Envelope) -> Outcome:
    steps = (
        lambda: session.mail(sender),
        lambda: session.rcpt(envelope.recipient),
        lambda: session.data(envelope.data),
    )
    answer = ""
    for step in steps:
        try:
            code, words = step()
        except smtplib.SMTPDataError as refused:
            code, words = refused.smtp_code, _bytes(refused.smtp_error)
        answer = f"{code} {words.decode('utf-8', 'replace')}"
        if code == 421:
            raise smtplib.SMTPServerDisconnected(answer)
        if not 200 <= code < 300:
            session.rset()
            return Outcome("failed" if code >= 500 else "retry", answer)
    return Outcome("sent", answer)


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()
