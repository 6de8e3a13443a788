"""Deliver over SMTP: kept-alive connections, commands in one packet, TLS from the start or as soon as it is offered."""

import re
import socket
import ssl
from types import TracebackType
from typing import Self

from campaigns.errors import TransportError
from campaigns.mail.feedback import severity_of
from campaigns.mail.transports.base import Envelope, Lane, Outcome, not_open
from campaigns.mail.transports.smtp_connect import Server, connect
from campaigns.mail.transports.smtp_reply import Reply
from campaigns.mail.transports.smtp_session import Session
from campaigns.mail.transports.smtp_wait import Wait

GO_ON, CLOSING = 354, 421
_STEPS = ("sender", "recipient", "data")
_ADDRESS = re.compile(r'(?:"(?:[^"\\\x00-\x1f\x7f\ud800-\udfff]|\\[ -~])*"@)?[^\x00-\x20\x7f<>"\ud800-\udfff]+')
"""What does not end the address, or the command, before its end: a space only stands in quotes (RFC 5321, 4.1.2)."""


class Smtp:
    """A relay, reached over several connections.

    Args:
        server: where it is.
        lanes: connections of one process.
        per_connection: messages after which a connection is opened anew.
    """

    batch = 1

    def __init__(self, server: Server, lanes: int = 20, per_connection: int = 1000) -> None:
        self.server = server
        self.lanes = lanes
        self.per_connection = per_connection
        self._context: ssl.SSLContext | None = None
        self._wait = Wait()

    async def __aenter__(self) -> Self:
        self._context = ssl.create_default_context()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context = None

    async def lane(self) -> Lane:
        """Open a connection: the first one shows whether the server is there and lets us in."""
        if self._context is None:
            raise not_open(f"the connection to {self.server}")
        session = await connect(self.server, self._context)
        return SmtpLane(self.server, self._context, self.per_connection, session, self._wait)


class SmtpLane:
    """One connection, opened anew when it is lost or worn out.

    Until the dot behind a message is out, a lost connection means that it was not taken (try again); after that, and
    before the answer, it may have been (in doubt).
    """

    def __init__(
        self, server: Server, context: ssl.SSLContext, per_connection: int, session: Session, wait: Wait
    ) -> None:
        self._wait = wait
        self._server = server
        self._context = context
        self._per_connection = per_connection
        self._session: Session | None = session

    async def send(self, envelopes: list[Envelope]) -> list[Outcome]:
        """Hand over one message: a 4xx answer is tried again later, a 5xx is final, one that is lost leaves a doubt.

        Raises:
            TransportUnreachable: no connection can be had now.
            TransportError: no message will do: another sender, a login or a signature is wanted.
        """
        outcomes = []
        while envelopes:
            outcomes.append(await self._send(envelopes.pop(0)))
        return outcomes

    async def close(self) -> None:
        """Say goodbye."""
        session, self._session = self._session, None
        if session is not None:
            await session.quit()

    async def _ready(self) -> Session:
        if self._session is not None and (not self._session.alive or self._session.messages >= self._per_connection):
            await self.close()
        if self._session is None:
            self._session = await connect(self._server, self._context)
        return self._session

    async def _send(self, envelope: Envelope) -> Outcome:
        for address in (envelope.recipient, envelope.return_path):
            if not _ADDRESS.fullmatch(address):
                return Outcome("failed", f"an address can't be said in SMTP: {address!r}")
        session = await self._ready()
        session.messages += 1
        written = self._written(session, envelope)
        del envelope  # what a hundred lanes wait with is only what they still need
        if isinstance(written, Outcome):
            return written
        try:
            return await self._offer(session, *written)
        except BaseException:  # stopped half-way: what the server still answers is not for the next message
            session.drop()
            raise

    def _written(self, session: Session, envelope: Envelope) -> Outcome | tuple[list[str], list[bytes]]:
        """Write a message's commands and its data, in a list that is emptied when it is out; or why it is not."""
        abilities = session.abilities
        if _is_international(envelope) and not abilities.international:
            return Outcome("failed", f"{self._server} does not take international addresses (RFC 6531)")
        data = envelope.message.raw(eight_bit=abilities.eight_bit)
        if abilities.largest is not None and len(data) > abilities.largest:
            return Outcome(
                "failed", f"552 the message has {len(data):,} bytes, {self._server} takes {abilities.largest:,}"
            )
        commands = [_mail(session, envelope, len(data)), f"RCPT TO:<{envelope.recipient}>\r\n", "DATA\r\n"]
        # A dot that begins a line is doubled (RFC 5321, section 4.5.2).
        return commands, [(b"." + data if data.startswith(b".") else data).replace(b"\r\n.", b"\r\n..")]

    async def _offer(self, session: Session, commands: list[str], data: list[bytes]) -> Outcome:
        try:
            refused = await self._introduce(session, commands)
        except OSError as error:
            session.drop()
            return Outcome("retry", f"{self._server}: connection lost: {error}")
        return refused or await self._hand_over(session, data, self._wait.seconds(session.answered_in))

    async def _introduce(self, session: Session, commands: list[str]) -> Outcome | None:
        """Say MAIL, RCPT and DATA, in one packet if the server allows it; the outcome, if it refuses one of them."""
        if session.abilities.pipelining:
            session.write("".join(commands).encode())
            return await self._answered(session)
        for step, command in zip(_STEPS, commands, strict=True):
            session.write(command.encode())
            refused = self._refusal(session, step, await session.reply())
            if refused is not None:
                return await self._reset(session, refused)
        return None

    async def _answered(self, session: Session) -> Outcome | None:
        """Read the three replies; the first refusal counts, those behind it only follow from it."""
        refused: Outcome | None = None
        replies: list[Reply] = []
        try:
            for step in _STEPS:
                replies.append(await session.reply())
                refused = refused or self._refusal(session, step, replies[-1])
            if refused is not None and replies[-1].code == GO_ON:
                await self._empty(session, to_nobody=not replies[1].good)
        except OSError:
            if refused is None:
                raise
            session.drop()
        return None if refused is None else await self._reset(session, refused)

    async def _empty(self, session: Session, *, to_nobody: bool) -> None:
        """End a message that the server wants all the same: an empty one, and never to anybody."""
        if not to_nobody:
            return session.drop()
        session.write(b".\r\n")
        await session.reply()
        return None

    async def _reset(self, session: Session, refused: Outcome) -> Outcome:
        """Be ready for the next message; a server that hangs up does not change the answer it gave."""
        try:
            session.write(b"RSET\r\n")
            if not (await session.reply()).good:
                session.drop()
        except OSError:
            session.drop()
        return refused

    async def _hand_over(self, session: Session, data: list[bytes], pause: float) -> Outcome:
        try:
            reply = await session.hand_over(data.pop(), pause)
        except OSError as error:
            session.drop()
            if session.ended:
                return Outcome("in_doubt", f"{self._server}: the whole message was sent, its answer was lost: {error}")
            return Outcome("retry", f"{self._server}: connection lost before the end of the message: {error}")
        if not session.ended:
            return self._interrupted(session, reply)
        return self._refusal(session, "end", reply) or Outcome("sent", str(reply))

    def _interrupted(self, session: Session, early: Reply) -> Outcome:
        """Judge what was said before the end of the message; whatever it is, the message was not taken."""
        session.drop()
        refused = None if early.good else self._refusal(session, "end", early)
        return refused or Outcome("retry", f"{self._server} answered before the end of the message: {early}")

    def _refusal(self, session: Session, step: str, reply: Reply) -> Outcome | None:
        """Say what a reply means for this message; none if it is a yes."""
        if reply.code == GO_ON if step == "data" else reply.done:
            return None
        words = str(reply)
        if reply.code == CLOSING or reply.good:  # goodbye, or a yes to what was not asked
            session.drop()
        if reply.good and step == "end":
            return Outcome(
                "in_doubt", f"{self._server}: the whole message was sent, its answer makes no sense: {words}"
            )
        if reply.code < 500:
            return Outcome("retry", words)
        if severity_of(words) == "configuration":
            raise TransportError(
                f"{self._server} takes no message of this sender: {words}",
                remedy="mend login, SPF, DKIM or DMARC (see `handpicked doctor`), then `handpicked resume`",
            )
        if step == "sender" and reply.code != 552:
            raise TransportError(
                f"{self._server} refuses the sender: {words}", remedy="check the shop's sender address"
            )
        return Outcome("failed", words)


def _is_international(envelope: Envelope) -> bool:
    addresses = envelope.return_path, envelope.recipient
    return envelope.message.needs_smtputf8 or not all(map(str.isascii, addresses))


def _mail(session: Session, envelope: Envelope, size: int) -> str:
    offered = session.abilities
    words = [
        f"MAIL FROM:<{envelope.return_path}>",
        *([f"SIZE={size}"] if offered.takes_size else []),
        *(["BODY=8BITMIME"] if offered.eight_bit else []),
        *(["SMTPUTF8"] if _is_international(envelope) else []),
    ]
    return " ".join(words) + "\r\n"


def machine_name() -> str:
    """Say what we call ourselves in EHLO (RFC 5321, section 4.1.1.1): a name with a dot, or an address literal."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
