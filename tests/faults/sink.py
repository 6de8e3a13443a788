"""A recording SMTP sink with scripted behaviour.

    python -m tests.faults.sink PORT RECORD '{"greylist": 0.05}'

Every message that it takes is one line of RECORD, written before it answers: recipient, tab, Message-ID. It can:

    greylist         this share of recipients is told 451 the first time
    refuse           this share of recipients is told 550 5.1.1
    drop_after       so many messages of a connection, and it hangs up at the next command
    cut_data         every so many messages, it hangs up in the middle of the body
    closing_in_data  every so many messages, it says 421 in the middle of the body and hangs up
    answer_lost      every so many messages, it takes the message and resets the connection without an answer
    busy_beyond      so many connections at a time are served, and others told 421
    silent_beyond    so many connections at a time are served, and others wait without a word until there is room
    slow             seconds before each answer
    split            answers come in pieces of one byte
    plain            it offers no extension at all
    no_pipelining    it offers all but PIPELINING
    say              {"MAIL": "535 5.7.8 who are you"}: the answer to a command, instead of its own
"""

import asyncio
import hashlib
import json
import re
import socket
import struct
import sys
from pathlib import Path

OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 20000000", "ENHANCEDSTATUSCODES")
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)


class HungUp(Exception):
    """The conversation is over."""


class Sink:
    """What all connections share: the record, the script, who was greylisted."""

    def __init__(self, record, script):
        self.record = Path(record).open("ab", buffering=0)  # noqa: SIM115 - open as long as the process lives
        self.script = script
        self.delayed = set()
        self.messages = 0
        self.served = 0
        self.room = asyncio.Semaphore(script.get("silent_beyond", 1_000_000))

    def share(self, what, recipient):
        """Draw for a recipient, the same each time."""
        drawn = int.from_bytes(hashlib.sha256(f"{what}{recipient}".encode()).digest()[:4], "big") / 2**32
        return drawn < self.script.get(what, 0)

    def turn_of(self, what):
        """Say whether it is this message's turn to be treated badly."""
        every = self.script.get(what)
        return bool(every) and self.messages % every == every // 2

    def take(self, recipient, data):
        """Write down a message that is taken."""
        found = MESSAGE_ID.search(data)
        self.record.write(f"{recipient}\t{found[1].decode() if found else ''}\n".encode())

    async def serve(self, reader, writer):
        """Hold one conversation."""
        conversation = Conversation(self, reader, writer)
        self.served += 1
        try:
            if self.served > self.script.get("busy_beyond", self.served):
                return await conversation.say("421 4.7.0 too many connections from you")
            async with self.room:
                await conversation.hold()
        except (HungUp, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.served -= 1
            writer.transport.abort()


class Conversation:
    """One connection."""

    def __init__(self, sink, reader, writer):
        self.sink, self.reader, self.writer = sink, reader, writer
        self.recipient = None
        self.taken = 0

    async def hold(self):
        await self.say("220 sink.example.com ready")
        while line := await self.reader.readline():
            limit = self.sink.script.get("drop_after")
            if limit and self.taken >= limit:
                raise HungUp
            word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            await self.answer(word.upper(), rest)

    async def answer(self, word, rest):
        told = self.sink.script.get("say", {}).get(word)
        if told is not None:
            return await self.say(told)
        if word in {"EHLO", "HELO"}:
            return await self.greet(word)
        if word == "RCPT":
            return await self.rcpt(re.search(r"<(.*)>", rest)[1])
        if word == "DATA":
            return await self.data()
        if word == "QUIT":
            await self.say("221 2.0.0 bye")
            raise HungUp
        if word in {"MAIL", "RSET", "NOOP"}:
            self.recipient = None
            return await self.say("250 2.0.0 ok")
        return await self.say("500 5.5.1 what?")

    async def greet(self, word):
        plain, few = self.sink.script.get("plain"), self.sink.script.get("no_pipelining")
        offers = [] if plain or word == "HELO" else [each for each in OFFERS if not few or each != "PIPELINING"]
        lines = ["sink.example.com", *offers]
        for line in lines[:-1]:
            await self.say(f"250-{line}")
        await self.say(f"250 {lines[-1]}")

    async def rcpt(self, recipient):
        if self.sink.share("refuse", recipient):
            return await self.say("550 5.1.1 no such user")
        if self.sink.share("greylist", recipient) and recipient not in self.sink.delayed:
            self.sink.delayed.add(recipient)
            return await self.say("451 4.7.1 greylisted, come back later")
        self.recipient = recipient
        return await self.say("250 2.1.5 ok")

    async def data(self):
        if self.recipient is None:
            return await self.say("554 5.5.1 no valid recipients")
        await self.say("354 go on")
        self.sink.messages += 1
        lost = self.sink.turn_of("answer_lost")
        for what, word in (("cut_data", None), ("closing_in_data", "421 4.3.2 shutting down")):
            if self.sink.turn_of(what):
                await self.reader.read(1000)
                if word:
                    await self.say(word)
                    await self.writer.drain()
                raise HungUp
        data = await self.body()
        self.sink.take(self.recipient, data)
        self.taken += 1
        if lost:
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            raise HungUp
        self.recipient = None
        return await self.say("250 2.0.0 taken")

    async def body(self):
        """Read up to the line with the dot alone (RFC 5321, section 4.5.2)."""
        data = await self.reader.readuntil(b"\r\n")
        if data == b".\r\n":
            return b""
        return (data + await self.reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")

    async def say(self, words):
        if delay := self.sink.script.get("slow"):
            await asyncio.sleep(delay)
        line = f"{words}\r\n".encode()
        for piece in [line[at : at + 1] for at in range(len(line))] if self.sink.script.get("split") else [line]:
            self.writer.write(piece)
            await self.writer.drain()
            if self.sink.script.get("split"):
                await asyncio.sleep(0)


async def serve(port, record, script, ready=None):
    """Serve until cancelled."""
    sink = Sink(record, script)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", port, limit=64 * 2**20)
    if ready is not None:
        ready.set()
    try:
        async with server:
            await server.serve_forever()
    finally:
        sink.record.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
