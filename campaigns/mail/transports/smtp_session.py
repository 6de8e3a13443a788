"""An SMTP connection that is set up, on which commands are pipelined (RFC 2920)."""

import asyncio
import select
import socket
from collections import deque
from dataclasses import dataclass

from campaigns.mail.transports.smtp_reply import BadReply, Replies, Reply
from campaigns.mail.transports.smtp_wait import seconds_between

MOST_WAITING = 16
"""Replies that nobody has read yet: we never ask for more than a few. A server that says more talks to itself."""


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
        self._sent_at = 0.0
        self._full = False
        self._dot_waits = False
        self.ended = False
        self._socket = transport.get_extra_info("socket")
        self._inbox = _inbox(self._socket)
        transport.set_write_buffer_limits(high=1, low=0)  # so that we are told when all is out

    @property
    def alive(self) -> bool:
        """Whether the connection stands and the server has not said anything out of turn, such as goodbye."""
        return self._lost is None and not self._replies and not self._transport.is_closing()

    @property
    def answered_in(self) -> float:
        """Seconds between what was sent last and what came last, at most: by our clock or the kernel's coarse one."""
        since, told = self._loop.time() - self._sent_at, seconds_between(self._socket)
        return since if told is None else min(since, told)

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: the connection is lost.
        """
        if self._lost is not None:
            raise self._lost
        self._sent_at = self._loop.time()
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
        del data  # the system has it: while the lanes wait, so much memory stays with the caches of the CPU
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


def _inbox(connection: socket.socket) -> "select.poll | None":
    """What tells whether anything waits to be read; Windows has none."""
    if not hasattr(select, "poll"):
        return None
    inbox = select.poll()
    inbox.register(connection, select.POLLIN)
    return inbox
