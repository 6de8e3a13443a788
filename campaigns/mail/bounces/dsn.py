"""Read what servers say about messages: delivery status notifications, in the form of RFC 3464."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime

from campaigns.errors import BadFeedback
from campaigns.mail.bounces.parts import Fields, Part, fields_of, moment
from campaigns.mail.bounces.whose import Whose, address_in, message_id_of
from campaigns.mail.feedback import Feedback, Kind, enhanced_status, severity_of

STATUS_PARTS = {"message/delivery-status", "message/global-delivery-status"}
MOST_RECIPIENTS = 100
LONGEST_WORDS = 500
_OF_A_RECIPIENT = {"action", "final-recipient", "original-recipient"}
_BLANK_LINES = re.compile(r"\r?\n[ \t]*\r?\n")
_REPLY = re.compile(r"\b[245]\d\d(?=[ -])")
_SAYS_NOTHING = re.compile(r"[245]\.0\.0")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNICODE = re.compile(r"\\x\{([0-9A-F]{2,6})\}")


def read_dsn(mail: Part, received: datetime, whose: Whose) -> list[Feedback] | None:
    """Read a delivery status notification: one Feedback for each recipient that is told a final word.

    A delay, a relay and an expansion are no final word: of a notification that tells nothing else, the list is empty.

    Args:
        mail: the mail.
        received: when it was read, for one without a date.
        whose: tells which message it is about.

    Returns:
        none where the mail is no such notification.

    Raises:
        BadFeedback: it is one, and tells of no recipient.

    Source: RFC 3464, section 2; RFC 3463; RFC 6533, section 3.
    """
    status = next((part for part in mail.walk() if part.kind in STATUS_PARTS), None)
    if status is None:
        return None
    about, at = whose.message_id(mail), moment(mail.first("date"), received)
    return [
        Feedback(
            kind,
            at,
            "mailbox",
            told_id(mail, address),
            about,
            address,
            severity_of(words) if kind == "bounced" else None,
            words,
        )
        for kind, address, words in _recipients(status)
    ]


def told_id(mail: Part, *more: str | None) -> str:
    """Name what a mail says by the mail's own Message-ID, or by its body where it has none; the same each time."""
    own = (message_id_of(mail) or "").encode() or hashlib.sha256(mail.body).digest()
    return hashlib.sha256(b"\0".join([own, *((part or "").lower().encode() for part in more)])).hexdigest()


def from_reply(text: str) -> str:
    """Cut a server's words so that they begin with the reply code, if there is one.

    >>> from_reply("Remote host said: 550 5.1.1 no such user"), from_reply("mailbox full")
    ('550 5.1.1 no such user', 'mailbox full')
    """
    found = _REPLY.search(text)
    return " ".join(text[found.start() if found else 0 :][:LONGEST_WORDS].split())


def _recipients(status: Part) -> Iterator[tuple[Kind, str | None, str]]:
    groups = [fields_of(group) for group in _BLANK_LINES.split(status.text(), MOST_RECIPIENTS)]
    about_one = [group for group in groups if not _OF_A_RECIPIENT.isdisjoint(group)]
    if not about_one:
        raise BadFeedback("a delivery status notification tells of no recipient", remedy="read it yourself")
    for group in about_one:
        if kind := _kind(group):
            named = _address(group, "original-recipient") or _address(group, "final-recipient")
            yield kind, named, _words(group)


def _first(group: Fields, name: str) -> str:
    return group.get(name, [""])[0]


def _kind(group: Fields) -> Kind | None:
    match (_first(group, "action").split() or [""])[0].lower():
        case "failed":
            return "bounced"
        case "delivered":
            return "delivered"
        case "" if _first(group, "status").startswith("5"):
            return "bounced"
    return None


def _words(group: Fields) -> str:
    """The server's words, code first: from the diagnostic, and what it leaves out from the status."""
    status = enhanced_status(_first(group, "status")) or ""
    kind, semicolon, told = _first(group, "diagnostic-code").partition(";")
    words = from_reply(told if semicolon else kind)
    if enhanced_status(words) or (_SAYS_NOTHING.fullmatch(status) and _REPLY.match(words)):
        return words
    code, _, rest = words.partition(" ") if _REPLY.match(words) else ("", "", words)
    return " ".join(part for part in (code, status, rest) if part)


def _address(group: Fields, name: str) -> str | None:
    """An address field: its type, a semicolon, the address in the type's own coding (RFC 3461, section 4; RFC 6533)."""
    kind, semicolon, value = _first(group, name).partition(";")
    if not semicolon:
        return address_in(kind)
    if kind.strip().lower() == "utf-8":
        value = _UNICODE.sub(lambda found: _character(int(found[1], 16)), value)
    elif name == "original-recipient":
        value = _XTEXT.sub(lambda found: chr(int(found[1], 16)), value)
    return address_in(value)


def _character(number: int) -> str:
    return chr(number) if number < 0xD800 or 0xDFFF < number <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"
