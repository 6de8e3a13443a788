"""Cut what an SMTP server says into replies, however it is split on its way (RFC 5321, section 4.2)."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

LONGEST = 64 * 1024
"""Bytes of one reply; RFC 5321, section 4.5.3.1.5, allows 512 a line. A server that says more is not understood."""
LONGEST_SHOWN = 400


class BadReply(OSError):
    """What came is no SMTP reply."""


class Reply(NamedTuple):
    """One reply: its code, and its lines joined by a space."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        """Whether it says yes (RFC 5321, section 4.2.1: 2yz done, 3yz go on)."""
        return 200 <= self.code < 400

    @property
    def done(self) -> bool:
        """Whether it says: done (RFC 5321, section 4.2.1: 2yz)."""
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text[:LONGEST_SHOWN]}" if self.text else str(self.code)


class Replies:
    r"""Collects bytes and gives whole replies.

    >>> replies = Replies()
    >>> list(replies.feed(b"250-first\r\n250 la")), list(replies.feed(b"st\r\n354 go on\r\n"))
    ([], [Reply(code=250, text='first last'), Reply(code=354, text='go on')])
    """

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._code = ""
        self._size = 0
        self._bad: BadReply | None = None

    def feed(self, data: bytes) -> Iterator[Reply]:
        """Take what came; give the replies that are whole now, and those before a fault ahead of it.

        Raises:
            BadReply: it is none: no code, two codes in one, or no end. What comes behind is not understood either.
        """
        if self._bad is not None:
            raise self._bad
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                if not self._lines and (whole := _whole(line)):
                    yield whole
                else:
                    yield from self._line(line)
            if self._size + len(self._rest) > LONGEST:
                raise BadReply("a reply without an end")
        except BadReply as error:
            self._bad, self._rest, self._lines = error, b"", []
            raise

    def _line(self, line: bytes) -> Iterator[Reply]:
        self._size += len(line) + 1
        if self._size > LONGEST:
            raise BadReply("a reply without an end")
        code, mark, text = _parts(line)
        if self._code and code != self._code:
            raise BadReply(f"a reply with two codes: {self._code} and {f'{code}{mark}{text}'[:80]!r}")
        self._lines.append(text)
        self._code = code
        if mark != "-":
            yield Reply(int(code), " ".join(part for part in self._lines if part))
            self._lines, self._code, self._size = [], "", 0


@lru_cache(maxsize=256)  # a server says the same few lines for a million messages
def _whole(line: bytes) -> Reply | None:
    """The reply that a line is by itself; none if another line follows, or it is too long."""
    code, mark, text = _parts(line)
    return None if mark == "-" or len(line) >= LONGEST else Reply(int(code), text)


def _parts(line: bytes) -> tuple[str, str, str]:
    """Code, mark and text of a line."""
    said = line.rstrip(b"\r").decode("utf-8", "replace")
    code, mark, text = said[:3], said[3:4], said[4:]
    if not _is_code(code) or mark not in ("", " ", "-"):
        raise BadReply(f"no SMTP reply: {said[:80]!r}")
    return code, mark, text


def _is_code(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "2345"
