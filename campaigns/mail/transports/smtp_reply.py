"""Cut what an SMTP server says into replies, however it is split on its way (RFC 5321, section 4.2)."""

from dataclasses import dataclass

LONGEST = 64 * 1024
"""Bytes of one reply; RFC 5321, section 4.5.3.1.5, allows 512 a line. A server that says more is not understood."""


class BadReply(OSError):
    """What came is no SMTP reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its code, and its lines joined by a space."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        """Whether it says yes (RFC 5321, section 4.2.1: 2yz done, 3yz go on)."""
        return 200 <= self.code < 400

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.text else str(self.code)


class Replies:
    r"""Collects bytes and gives whole replies.

    >>> replies = Replies()
    >>> replies.feed(b"250-first\r\n250 la"), replies.feed(b"st\r\n354 go on\r\n")
    ([], [Reply(code=250, text='first last'), Reply(code=354, text='go on')])
    """

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._code = ""
        self._size = 0

    def feed(self, data: bytes) -> list[Reply]:
        """Take what came; give the replies that are whole now.

        Raises:
            BadReply: it is none: no code, two codes in one, or no end.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [reply for line in lines if (reply := self._line(line.rstrip(b"\r"))) is not None]
        if self._size + len(self._rest) > LONGEST:
            raise BadReply("a reply without an end")
        return found

    def _line(self, line: bytes) -> Reply | None:
        text = line.decode("utf-8", "replace")
        code, mark = text[:3], text[3:4]
        if not (code.isascii() and code.isdigit() and code[0] in "2345") or mark not in ("", " ", "-"):
            raise BadReply(f"no SMTP reply: {text[:80]!r}")
        if self._code and code != self._code:
            raise BadReply(f"a reply with two codes: {self._code} and {text[:80]!r}")
        self._size += len(line)
        self._lines.append(text[4:])
        self._code = code
        if mark == "-":
            return None
        reply = Reply(int(code), " ".join(part for part in self._lines if part))
        self._lines, self._code, self._size = [], "", 0
        return reply
