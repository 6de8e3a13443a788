"""Write words and addresses as header lines: ASCII, folded, and read back as the same words (RFC 5322, RFC 2047)."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator

LINE = 76
"""A header line is folded before it is longer (RFC 2047, section 2), unless it is one address that can't be cut."""
_WORD_BYTES = 39  # their base64 in an encoded word is 64 characters: it fits the line behind any name of ours
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def one_line(words: str) -> str:
    r"""Make one line of any words: a control character becomes a space, half a character the sign for a lost one.

    >>> one_line("  Ada\r\nBcc: all@example.com ")
    'Ada Bcc: all@example.com'
    """
    if words.isascii() and words.isprintable() and "  " not in words:  # nearly all, at a quarter of the time
        return words.strip()
    return " ".join(_LONE_SURROGATE.sub("\ufffd", _UNSAFE.sub(" ", words)).split())


def has_control(value: str) -> bool:
    """Say whether there is a line break or another control character in a value."""
    return bool(_UNSAFE.search(value))


def text_header(name: str, words: str) -> str:
    """Write a header of free text.

    >>> text_header("Subject", "Two picks"), text_header("Subject", "Café")
    ('Subject: Two picks', 'Subject: =?utf-8?b?Q2Fmw6k=?=')
    """
    line = one_line(words)
    return folded(name, line.split(" ") if _plain(line) else _encoded(line))


def address_header(name: str, display: str, address: str) -> str:
    """Write a header of one address, with a name or without.

    >>> address_header("To", "Lovelace, Ada", "ada@example.com")
    'To: "Lovelace, Ada" <ada@example.com>'
    """
    shown = one_line(display)
    if not shown:
        return folded(name, [address])
    if not _plain(shown) or len(shown) > LINE - len(name) - 4:
        return folded(name, [*_encoded(shown), f"<{address}>"])
    if not _ATOMS.fullmatch(shown):
        shown = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return folded(name, [shown, f"<{address}>"])


def folded(name: str, pieces: Iterable[str]) -> str:
    r"""Write a header whose pieces stay whole: a line breaks between two of them (RFC 5322, section 2.2.3).

    >>> folded("List-Unsubscribe", ["<https://shop.example.com/unsubscribe/token>,", "<mailto:leave@example.com>"])
    'List-Unsubscribe: <https://shop.example.com/unsubscribe/token>,\r\n <mailto:leave@example.com>'
    """
    pieces = list(pieces)
    line = f"{name}: {' '.join(pieces)}"
    if len(line) <= LINE:
        return line
    lines = [f"{name}:"]
    for piece in pieces:
        if len(lines[-1]) + 1 + len(piece) > LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {piece}"
    return "\r\n".join(lines)


def _plain(line: str) -> bool:
    """ASCII that no reader takes for an encoded word, with no word too long for a line."""
    longest = LINE - 12
    short = len(line) <= longest or max(map(len, line.split(" "))) <= longest
    return short and line.isascii() and "=?" not in line


def _encoded(line: str) -> Iterator[str]:
    """Cut words into encoded words (RFC 2047), never inside a character."""
    start = size = 0
    for end, character in enumerate(line):
        wide = len(character.encode())
        if size + wide > _WORD_BYTES:
            yield _encoded_word(line[start:end])
            start, size = end, 0
        size += wide
    yield _encoded_word(line[start:])


def _encoded_word(piece: str) -> str:
    return f"=?utf-8?b?{b64encode(piece.encode()).decode()}?="
