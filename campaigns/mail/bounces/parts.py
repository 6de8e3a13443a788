"""Take a mail from strangers apart, in time bounded by its size whatever it holds.

The standard library's parser goes as deep as the mail says and takes quadratic time over some headers; whoever can
write to the mailbox could keep it busy for hours. Here size, depth and the number of parts have an end.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 250_000  # bytes of a mail that are read: reports stand before the message that they return
LONGEST_HEAD = 64_000  # of the fields of a mail or of a report: those of a hundred recipients
LONGEST_VALUE = 8_000
MOST_PARTS = 50
DEEPEST = 5

_BLANK_LINE = re.compile(rb"^\r?\n|\n\r?\n")
_FIELD = re.compile(r"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)
# A quote that is never closed goes on to the end: were it no match, each semicolon in it would be tried anew.
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)(?:"|$|\\)|([^;\s"]+))', re.DOTALL)

Fields = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Part:
    """A mail, or a part of one.

    Attributes:
        fields: header fields by name in lower case, each with its values, unfolded, in their order.
        kind: the media type in lower case; text/plain where none is told (RFC 2045, section 5.2).
        parameters: of the media type, by name in lower case.
        body: decoded; of a multipart, as it came.
        parts: of a multipart.
    """

    fields: Fields
    kind: str
    parameters: Mapping[str, str]
    body: bytes
    parts: tuple["Part", ...] = ()

    def first(self, name: str) -> str:
        """The first value of a field, or nothing."""
        return self.fields.get(name, [""])[0]

    def walk(self) -> Iterator["Part"]:
        """This part and all within it; a message that is returned in it is one part, and not looked into."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def text(self) -> str:
        """The body as text, as far as fields reach; what can't be read is marked."""
        return plain(self.body[:LONGEST_HEAD])


def take_apart(data: bytes, depth: int = 0) -> Part:
    r"""Take a mail apart; whatever the bytes are, they are one.

    Source: RFC 5322, section 2; RFC 2045; RFC 2046, section 5.1.

    >>> mail = take_apart(b"Subject: Hello\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello")
    >>> mail.first("subject"), mail.kind, mail.parameters["charset"], mail.body
    ('Hello', 'text/html', 'utf-8', b'<p>Hello')
    """
    data = data[:LONGEST]
    gap = _BLANK_LINE.search(data)
    head, body = (data[: gap.start()], data[gap.end() :]) if gap else (data, b"")
    fields = fields_of(plain(head[:LONGEST_HEAD]))
    told = fields.get("content-type", [""])[0]
    kind = told.partition(";")[0].strip().lower() or "text/plain"
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(told)}
    if kind.startswith("multipart/") and depth < DEEPEST:
        pieces = _pieces(body, parameters.get("boundary", ""))
        return Part(fields, kind, parameters, body, tuple(take_apart(piece, depth + 1) for piece in pieces))
    return Part(fields, kind, parameters, _decoded(body, fields.get("content-transfer-encoding", [""])[0]))


def fields_of(text: str) -> dict[str, list[str]]:
    r"""Read header fields, or a group of fields of a report: name in lower case -> its values.

    >>> fields_of("To: Ada\n <ada@example.com>\nnonsense\nTO: bob@example.com")
    {'to': ['Ada <ada@example.com>', 'bob@example.com']}
    """
    lines: list[list[str]] = []
    for line in text.splitlines():
        if line[:1] in {" ", "\t"} and lines:
            lines[-1].append(line.strip())
        else:
            lines.append([line])
    found: dict[str, list[str]] = {}
    for pieces in lines:
        if field := _FIELD.fullmatch(" ".join(pieces)[:LONGEST_VALUE]):
            found.setdefault(field[1].lower(), []).append(field[2].strip())
    return found


def plain(data: bytes) -> str:
    """Bytes as text that any database takes: no NUL, and what is no UTF-8 is marked."""
    return data.decode("utf-8", "replace").replace("\0", "")


def moment(value: str, otherwise: datetime) -> datetime:
    """Read a Date field; one that can't be read, or lies ahead of us, is `otherwise`.

    >>> moment("Mon, 2 Mar 2026 08:00:00 +0100", datetime(2026, 3, 3, tzinfo=UTC)).isoformat()
    '2026-03-02T07:00:00+00:00'
    >>> moment("yesterday", datetime(2026, 3, 3, tzinfo=UTC)).isoformat()
    '2026-03-03T00:00:00+00:00'
    """
    try:
        told = parsedate_to_datetime(value[:100])
        told = told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return otherwise
    return min(told, otherwise)


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the lines of a boundary (RFC 2046, section 5.1.1)."""
    if not boundary:
        return []
    line = re.compile(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|$)")
    pieces: list[bytes] = []
    start = None
    for found in line.finditer(body):
        if start is not None:
            pieces.append(body[start : found.start()].removeprefix(b"\r").removeprefix(b"\n"))
        start = found.end()
        if found[1] or len(pieces) == MOST_PARTS:
            return pieces
    return pieces if start is None else [*pieces, body[start:].removeprefix(b"\r").removeprefix(b"\n")]


def _decoded(body: bytes, coding: str) -> bytes:
    try:
        match coding.strip().lower():
            case "base64":
                return binascii.a2b_base64(body)
            case "quoted-printable":
                return binascii.a2b_qp(body)
    except binascii.Error:
        pass
    return body
