"""Open an SMTP connection: greeting, EHLO, TLS, login."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib

from campaigns.errors import TransportError, TransportUnreachable
from campaigns.mail.transports.smtp_reply import LONGEST_SHOWN
from campaigns.mail.transports.smtp_session import Abilities, Session

_ANOTHER_WAY = {502, 504, 534}  # this way to log in is not known, or too weak: RFC 4954, sections 4 and 6


@dataclass(frozen=True)
class Server:
    """Where to deliver; the password never shows in a message.

    Attributes:
        tls: from the first byte on (smtps); else as soon as it is offered (STARTTLS).
        timeout_seconds: how long an answer may take.
        me: what we call ourselves in EHLO; none: the machine's name.
    """

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 60.0
    me: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


async def connect(server: Server, context: ssl.SSLContext) -> Session:
    """Open a connection: greeting, EHLO, TLS, login.

    Raises:
        TransportUnreachable: nobody answers there now, or says: not now.
        TransportError: it does not let us in.
    """
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls,
        tls_context=context,
        timeout=server.timeout_seconds,
        local_hostname=server.me,
    )
    try:
        await client.connect()
        await _greet(client, server)
    except (OSError, aiosmtplib.SMTPException, ValueError) as error:
        await _abandon(client)
        raise _refusal(server, error) from error
    except BaseException:
        await _abandon(client)
        raise
    if client.transport is None:
        raise _refusal(server, ConnectionResetError("the server closed the connection"))
    transport = cast(asyncio.Transport, client.transport)
    session = Session(transport, _abilities(client), server.timeout_seconds)
    transport.set_protocol(session)  # from here on commands are pipelined, which the library does not
    return session


async def _abandon(client: aiosmtplib.SMTP) -> None:
    """Close at once: a polite end over TLS waits for a server that may never answer, and outlives the event loop."""
    if client.transport is not None:
        cast(asyncio.Transport, client.transport).abort()
    client.close()
    await asyncio.sleep(0)  # the loop closes the socket at its next turn


async def _greet(client: aiosmtplib.SMTP, server: Server) -> None:
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:  # a server of the old kind
            await client.helo()
    if server.user is None:
        return
    if client.get_transport_info("sslcontext") is None:
        raise PermissionError("it offers no TLS, and a password is never sent in the clear")
    await _log_in(client, server.user, server.password or "")


async def _log_in(client: aiosmtplib.SMTP, user: str, password: str) -> None:
    """Log in the simplest way that is offered; a wrong password is not tried again in another way (RFC 4954)."""
    refused: Exception = PermissionError("it offers no login of the kinds PLAIN, LOGIN and CRAM-MD5")
    ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    for name, way in ways.items():
        if name not in client.server_auth_methods:
            continue
        try:
            await way(user, password)
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code not in _ANOTHER_WAY:
                raise
            refused = error
        else:
            return
    raise refused


def _abilities(client: aiosmtplib.SMTP) -> Abilities:
    offered = client.esmtp_extensions
    size = offered.get("size", "")
    size = size if size.isascii() and size.isdigit() and len(size) <= 20 else "0"  # RFC 1870, section 3
    return Abilities(
        pipelining="pipelining" in offered,
        eight_bit="8bitmime" in offered,
        international="smtputf8" in offered,
        takes_size="size" in offered,
        largest=int(size) or None,
    )


def _refusal(server: Server, error: Exception) -> TransportError:
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0
    said = _words(server, f"{code} {error.message}" if isinstance(error, aiosmtplib.SMTPResponseException) else error)
    if code // 100 == 4:
        return TransportUnreachable(f"{server} says: not now: {said}", remedy="it is tried again")
    if code > 0 or isinstance(error, PermissionError) or _no_tls(error):
        return TransportError(
            f"{server} does not let us in: {said}", remedy="check user, password and certificate of the transport"
        )
    return TransportUnreachable(
        f"no SMTP server answers at {server}: {said}", remedy="check host and port of the transport"
    )


def _no_tls(error: BaseException | None) -> bool:
    """Whether it is TLS that can't be agreed on; a connection that is lost meanwhile may come back."""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return False
    return isinstance(error, (ssl.SSLError, ssl.CertificateError)) or (error is not None and _no_tls(error.__cause__))


def _words(server: Server, said: object) -> str:
    """Write on one line what was said, without the password, should a server repeat it."""
    words = " ".join(str(said).encode("utf-8", "surrogateescape").decode("utf-8", "replace").split())
    return (words.replace(server.password, "***") if server.password else words)[:LONGEST_SHOWN]
