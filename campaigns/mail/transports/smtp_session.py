"""An SMTP connection that is set up, on which commands are pipelined (RFC 2920)."""

import asyncio
import select
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib

from campaigns.errors import TransportError, TransportUnreachable
from campaigns.mail.transports.smtp_reply import LONGEST_SHOWN, BadReply, Replies, Reply

MOST_WAITING = 16
"""Replies that nobody has read yet: we never ask for more than a few. A server that says more talks to itself."""
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


@dataclass(frozen=True)
class Abilities:
    """What a server said that it can do in its answer to EHLO."""

    pipelining: bool = False
    eight_bit: bool = False
    international: bool = False
    takes_size: bool = False
    largest: int | None = None


class Session(asyncio.Protocol):
    """One connection after its set-up. Replies come in the order of the commands.

    Attributes:
        abilities: what the server can do.
        messages: how many were offered to it.
        ended: whether the dot behind the last message was sent.
    """

    def __init__(self, transport: asyncio.Transport, abilities: Abilities, timeout_seconds: float) -> None:
        self.abilities = abilities
        self.messages = 0
        self._loop = asyncio.get_running_loop()  # kept: to ask for it costs a system call
        self._transport = transport
        self._timeout = timeout_seconds
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._parser = Replies()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._lost: OSError | None = None
        self._full = False
        self._dot_waits = False
        self.ended = False
        self._inbox = _inbox(transport)
        transport.set_write_buffer_limits(high=1, low=0)  # so that we are told when all is out

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

    async def hand_over(self, data: bytes, seconds: float) -> Reply:
        """Send a message, wait a while and until all is out, end it with a dot, and wait for the reply.

        What the server says, or that it hangs up, before the dot ends it: no dot is sent, as `ended` tells.

        Raises:
            OSError: it hung up, takes nothing more, or took too long to answer.
        """
        self.ended = False
        self.write(data)
        self._next_try: asyncio.Handle = self._loop.call_later(seconds, self._dot)
        try:
            return await self.reply()
        finally:
            self._next_try.cancel()
            self._dot_waits = False

    def _dot(self) -> None:
        self._dot_waits = self._full
        if self._full or self._replies or self._lost is not None or self._transport.is_closing():
            return
        if self._something_came():  # while the loop was busy: that is read first
            self._next_try = self._loop.call_soon(self._dot)
            return
        self.ended = True
        self._deadline = self._loop.time() + self._timeout
        self.write(b".\r\n")

    def _something_came(self) -> bool:
        return self._inbox is not None and bool(self._inbox.poll(0))

    async def _wait(self) -> None:
        self._deadline = self._loop.time() + self._timeout
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._look)
        try:
            while not self._replies:
                if self._lost is not None:
                    raise self._lost
                self._waiter = self._loop.create_future()
                await self._waiter
        finally:
            self._waiter = None

    def _look(self) -> None:
        """See whether an answer is late: one timer for the connection, as one for each answer costs more than it."""
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
        else:
            self._fail(TimeoutError(f"no answer within {self._timeout:g} seconds"))

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
            await asyncio.sleep(0)  # the loop closes the socket at its next turn

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            self._replies.extend(self._parser.feed(data))
            if len(self._replies) > MOST_WAITING:
                raise BadReply("it says more than it was asked")
        except BadReply as error:
            self._fail(error)
            self.drop()
        self._wake()

    def pause_writing(self) -> None:
        """Called by the event loop."""
        self._full = True

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._full = False
        if self._dot_waits:
            self._dot()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._fail(exc if isinstance(exc, OSError) else ConnectionResetError("the server closed the connection"))
        if self._timer is not None:
            self._timer.cancel()

    def _fail(self, error: OSError) -> None:
        self._lost = self._lost or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _inbox(transport: asyncio.Transport) -> "select.poll | None":
    """What tells whether anything waits to be read; Windows has none."""
    if not hasattr(select, "poll"):
        return None
    inbox = select.poll()
    inbox.register(transport.get_extra_info("socket"), select.POLLIN)
    return inbox


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
