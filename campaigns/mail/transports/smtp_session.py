"""An SMTP connection that is set up, on which commands are pipelined (RFC 2920)."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib

from campaigns.errors import TransportError, TransportUnreachable
from campaigns.mail.transports.smtp_reply import BadReply, Replies, Reply

TRY_LATER = 400


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


@dataclass(frozen=True)
class Abilities:
    """What a server said that it can do in its answer to EHLO."""

    pipelining: bool = False
    eight_bit: bool = False
    international: bool = False
    takes_size: bool = False
    largest: int | None = None


class Session(asyncio.Protocol):
    """One connection after its set-up. Replies come in the order of the commands."""

    def __init__(self, transport: asyncio.Transport, abilities: Abilities, timeout_seconds: float) -> None:
        self.abilities = abilities
        self.messages = 0
        self._transport = transport
        self._timeout = timeout_seconds
        self._parser = Replies()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: OSError | None = None

    @property
    def alive(self) -> bool:
        """Whether the connection stands and the server has not said anything out of turn, such as goodbye."""
        return self._lost is None and not self._replies and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: the connection is lost.
        """
        if self._lost is not None:
            raise self._lost
        self._transport.write(data)

    async def reply(self) -> Reply:
        """Wait for the next reply.

        Raises:
            OSError: the connection is lost, the answer took too long, or what came is no reply.
        """
        if not self._replies:
            await self._wait()
        return self._replies.popleft()

    async def pause(self, seconds: float) -> None:
        """Let others work for a while, and notice what the server did meanwhile.

        Raises:
            OSError: it hung up, or said something before it was asked.
        """
        await asyncio.sleep(seconds)
        if self._replies:
            raise ConnectionAbortedError(str(self._replies[0]))
        if self._lost is not None:
            raise self._lost

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._timeout, self._fail, TimeoutError(f"no answer within {self._timeout:g} seconds"))
        try:
            while not self._replies:
                if self._lost is not None:
                    raise self._lost
                self._waiter = loop.create_future()
                await self._waiter
        finally:
            self._waiter = None
            timer.cancel()

    def drop(self) -> None:
        """Close the connection without a word."""
        self._transport.abort()

    async def quit(self) -> None:
        """Say goodbye and close; never raises."""
        try:
            if self.alive:
                self.write(b"QUIT\r\n")
                await self.reply()
        except OSError:
            pass
        finally:
            self.drop()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            self._replies.extend(self._parser.feed(data))
        except BadReply as error:
            self._fail(error)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._fail(exc if isinstance(exc, OSError) else ConnectionResetError("the server closed the connection"))

    def _fail(self, error: OSError) -> None:
        self._lost = self._lost or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


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
    except (OSError, aiosmtplib.SMTPException, UnicodeError) as error:
        client.close()
        raise _refusal(server, error) from error
    transport = cast(asyncio.Transport, client.transport)
    session = Session(transport, _abilities(client), server.timeout_seconds)
    transport.set_protocol(session)  # from here on commands are pipelined, which the library does not
    return session


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
    await client.login(server.user, server.password or "")


def _abilities(client: aiosmtplib.SMTP) -> Abilities:
    offered = client.esmtp_extensions
    size = offered.get("size", "")
    return Abilities(
        pipelining="pipelining" in offered,
        eight_bit="8bitmime" in offered,
        international="smtputf8" in offered,
        takes_size="size" in offered,
        largest=int(size) if size.isdigit() and int(size) > 0 else None,
    )


def _refusal(server: Server, error: Exception) -> TransportError:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = f"{error.code} {error.message}"
        if error.code // 100 == TRY_LATER // 100 or error.code == 421:
            return TransportUnreachable(f"{server} says: not now: {said}", remedy="it is tried again")
        return TransportError(f"{server} does not let us in: {said}", remedy="check user, password and certificate")
    if isinstance(error, (ssl.SSLError, PermissionError)) or "certificate" in str(error).lower():
        return TransportError(
            f"{server} does not let us in: {error}", remedy="check user, password and certificate of the transport"
        )
    return TransportUnreachable(
        f"no SMTP server answers at {server}: {error}", remedy="check host and port of the transport"
    )
