"""Make the bytes of one message: checked headers, a plain-text part and an HTML part."""

import hashlib
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from campaigns.errors import BadMessage
from campaigns.mail.address import deliverable
from campaigns.mail.dkim import Signer, body_hash
from campaigns.mail.headers import address_header, folded, one_line, text_header
from campaigns.mail.identifiers import (
    bulk_sender_id,
    list_name,
    mailbox,
    message_key,
    one_click_link,
    unsubscribe_by_mail,
)

LONGEST_LINE = 998  # octets; RFC 5322, section 2.1.1
_MARKS = "+?'"  # signs that a boundary may have (RFC 2046, section 5.1.1), the rarest first


class Message(NamedTuple):
    """A finished message, in its parts: those transports that speak HTTP take the parts, SMTP takes `raw`.

    Attributes:
        sender: the From mailbox as it was given, with or without a name; its domain in ASCII.
        to_name: the recipient's name, on one line; may be empty.
        to_address: the recipient's bare address as mail carries it: the one for the envelope.
        reply_to: where answers go, if not to the sender.
        subject: on one line.
        html: the HTML part.
        text: the plain-text part.
        rfc_message_id: the Message-ID, angle brackets included.
        extra: all other headers by name, unfolded: List-ID, List-Unsubscribe and so on.
        head: all its header lines but those that say how its body is written, folded.
        signers: each adds a signature to what `raw` writes.
        needs_smtputf8: an address in it is not ASCII: only a server that offers SMTPUTF8 can take it (RFC 6531).
    """

    sender: str
    to_name: str
    to_address: str
    reply_to: str | None
    subject: str
    html: str
    text: str
    rfc_message_id: str
    extra: Mapping[str, str]
    head: tuple[str, ...]
    signers: tuple[Signer, ...] = ()
    needs_smtputf8: bool = False

    def raw(self, *, eight_bit: bool = False) -> bytes:
        """Write it as mail, CRLF throughout, every line short enough for any server.

        The same each time, but for the second at which it is signed. Its head is ASCII unless an address is not.

        Args:
            eight_bit: bodies may stay as they are (8BITMIME, RFC 6152); else they are base64.
        """
        bodies = _canonical(self.text), _canonical(self.html)
        stay = [eight_bit and _stays(body) for body in bodies]
        boundary = _boundary(self.rfc_message_id, bodies)
        head = [*self.head, f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"']
        if any(stay):  # a part may not be wider than its whole: RFC 2045, section 6.4
            head.append("Content-Transfer-Encoding: 8bit")
        plain, rich = (_part(boundary, *part) for part in zip(("plain", "html"), bodies, stay, strict=True))
        pieces = (*plain, *rich, f"--{boundary}--\r\n".encode())
        hashed = body_hash(pieces) if self.signers else ""
        signed = [signer.sign(head, hashed) for signer in self.signers]
        return b"".join(["\r\n".join([*signed, *head, "\r\n"]).encode(), *pieces])


def build(  # noqa: PLR0913 - the headers of a message, all by name
    *,
    sender: str,
    to_name: str,
    to_address: str,
    subject: str,
    html: str,
    text: str,
    rfc_message_id: str,
    date: datetime,
    list_id: str,
    unsubscribe_url: str,
    reply_to: str | None = None,
    unsubscribe_mailbox: str | None = None,
    feedback_id: str | None = None,
    signers: Sequence[Signer] = (),
) -> Message:
    """Build one message; its header is checked here, its bodies are written by `Message.raw`.

    Line breaks in a name or a subject become a space; in an address, an id or a link they are refused, because there
    they can only be an attack.

    Args:
        sender: "Name <name@example.com>" or the bare address; reply_to the same.
        to_name: any words.
        to_address: a bare address, of any form that `deliverable` takes.
        subject: any words.
        html: the HTML part.
        text: the plain-text part.
        rfc_message_id: left@right, with or without angle brackets (RFC 5322, section 3.6.4).
        date: with its time zone.
        list_id: campaign.domain (RFC 2919).
        unsubscribe_url: https; a POST to it unsubscribes (RFC 8058).
        reply_to: where answers go, if not to the sender.
        unsubscribe_mailbox: where mail unsubscribes, too (RFC 2369): each message has an address of its own there.
        feedback_id: a:b:c:sender, by which Gmail counts complaints.
        signers: each adds a signature.

    Raises:
        BadMessage: an address, id or link is missing or would forge a header; a date has no time zone.
    """
    key = message_key(rfc_message_id)
    shown_sender, from_line, answers, reply_lines = _writer(sender, reply_to)
    recipient = deliverable(to_address, "recipient")
    extra = _bulk_headers(list_id, unsubscribe_url, unsubscribe_mailbox, feedback_id, key)
    named, titled = one_line(to_name), one_line(subject)
    head = (
        from_line,
        address_header("To", named, recipient),
        *reply_lines,
        text_header("Subject", titled),
        f"Date: {_date(date)}",
        f"Message-ID: {key}",
        *(folded(name, value.split(" ")) for name, value in extra.items()),
        "MIME-Version: 1.0",
    )
    return Message(
        sender=shown_sender,
        to_name=named,
        to_address=recipient,
        reply_to=answers,
        subject=titled,
        html=html,
        text=text,
        rfc_message_id=key,
        extra=extra,
        needs_smtputf8=not all(map(str.isascii, head)),
        head=head,
        signers=tuple(signers),
    )


@lru_cache(maxsize=64)  # the same few for a million messages
def _writer(sender: str, reply_to: str | None) -> tuple[str, str, str | None, tuple[str, ...]]:
    """The sender as it was given and its line, and the same of where answers go."""
    shown, name, address = mailbox(sender, "sender")
    line = address_header("From", name, address)
    if not reply_to:
        return shown, line, None, ()
    answers, name, address = mailbox(reply_to, "reply_to")
    return shown, line, answers, (address_header("Reply-To", name, address),)


def _bulk_headers(list_id: str, link: str, mailbox: str | None, feedback_id: str | None, key: str) -> dict[str, str]:
    ways = [one_click_link(link), *([unsubscribe_by_mail(mailbox, key)] if mailbox else [])]
    return {
        "List-ID": list_name(list_id),
        "List-Unsubscribe": ", ".join(ways),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Precedence": "bulk",
        **({"Feedback-ID": bulk_sender_id(feedback_id)} if feedback_id else {}),
    }


@lru_cache(maxsize=64)
def _date(date: datetime) -> str:
    if date.utcoffset() is None:
        raise BadMessage(f"the date {date} has no time zone", remedy="give it in UTC")
    return format_datetime(date)


def _canonical(body: str) -> bytes:
    """Text as mail carries it (RFC 2045, section 6.8): line breaks are CRLF before base64, too."""
    coded = body.encode("utf-8", "replace")
    if b"\r" in coded:
        coded = coded.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return coded.replace(b"\n", b"\r\n")


def _boundary(seed: str, bodies: Sequence[bytes]) -> str:
    """Find a line that stands in no body, the same for the same message (RFC 2046, section 5.1.1)."""
    name = hashlib.sha256(seed.encode()).hexdigest()[:32]
    for mark in _MARKS:  # a sign that stands in no body spares the search for the whole line, twenty times as long
        if not any(mark.encode() in body for body in bodies):
            return f"{name[:16]}{mark}{name[16:]}"
    return _boundary(name, bodies) if any(name.encode() in body for body in bodies) else name


def _stays(body: bytes) -> bool:
    """Say whether a body can be sent as it is: no NUL (RFC 5321, section 4.5.2), and no line that is too long."""
    if b"\0" in body:
        return False
    start = 0
    while len(body) - start > LONGEST_LINE:  # from the last line end within reach to the next: some 50 steps, not 1,000
        end = body.rfind(b"\n", start, start + LONGEST_LINE + 2)  # behind a CR; one sign is found the quickest
        if end < 0:
            return False
        start = end + 1
    return True


def _part(boundary: str, kind: str, body: bytes, stays: bool) -> tuple[bytes, bytes, bytes]:
    coding = "8bit" if stays else "base64"
    head = f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {coding}\r\n\r\n'
    return (head.encode(), body, b"\r\n") if stays else (head.encode(), _base64(body), b"")


def _base64(body: bytes) -> bytes:
    coded = b2a_base64(body, newline=False)
    return b"\r\n".join([*(coded[at : at + 76] for at in range(0, len(coded), 76)), b""])
