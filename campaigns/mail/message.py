"""Make the bytes of one message: checked headers, a plain-text part and an HTML part."""

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, getaddresses

from campaigns.errors import BadMessage
from campaigns.mail.dkim import Signer
from campaigns.mail.headers import address_header, has_control, one_line, text_header

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}(?:\.{_LOCAL})*@{_LABEL}(?:\.{_LABEL})*")
LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3, without its angle brackets
LONGEST_LINE = 998  # RFC 5322, section 2.1.1
LONGEST_VALUE = 900  # so that its line stays below the 998 of RFC 5322, section 2.1.1


@dataclass(frozen=True, slots=True)
class Message:
    """A finished message, in its parts: those transports that speak HTTP take the parts, SMTP takes `raw`.

    Attributes:
        sender: the From mailbox as it was given, with or without a name.
        to_name: the recipient's name, on one line; may be empty.
        to_address: the recipient's bare address.
        reply_to: where answers go, if not to the sender.
        subject: on one line.
        html: the HTML part.
        text: the plain-text part.
        rfc_message_id: the Message-ID, angle brackets included.
        extra: all other headers by name, unfolded: List-ID, List-Unsubscribe and so on.
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
    _head: tuple[str, ...]
    _signers: tuple[Signer, ...] = ()

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address of it is more than ASCII (RFC 6531)."""
        return not self.to_address.isascii()

    def raw(self, *, eight_bit: bool = False) -> bytes:
        """Write it as mail, CRLF throughout, every line short enough for any server; the same each time.

        Args:
            eight_bit: bodies may stay as they are (8BITMIME, RFC 6152); else they are base64.
        """
        plain, rich = _canonical(self.text), _canonical(self.html)
        unique = b"\0".join((self.rfc_message_id.encode("utf-8", "replace"), plain, rich))
        boundary = f"=_{hashlib.sha256(unique).hexdigest()[:32]}"
        head = [*self._head, f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"']
        parts = [_part(boundary, kind, body, eight_bit) for kind, body in (("plain", plain), ("html", rich))]
        body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
        signed = [signer.sign(head, body) for signer in self._signers]
        return "\r\n".join([*signed, *head]).encode("ascii") + b"\r\n\r\n" + body


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
    signers: Sequence[Signer] = (),
) -> Message:
    """Build one message; its header is checked here, its bodies are written by `Message.raw`.

    Line breaks in a name or a subject become a space; in an address, an id or a link they are refused, because there
    they can only be an attack.

    Raises:
        BadMessage: an address, id or link is missing or would forge a header.
    """
    key = _bracketed(rfc_message_id, "message id")
    extra = {
        "List-ID": _bracketed(list_id, "list id"),
        "List-Unsubscribe": _bracketed(unsubscribe_url, "unsubscribe link"),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Precedence": "bulk",
    }
    head = (
        _mailbox("From", sender, "sender"),
        address_header("To", to_name, _address(to_address, "recipient")),
        *([_mailbox("Reply-To", reply_to, "reply_to")] if reply_to else []),
        text_header("Subject", subject),
        f"Date: {format_datetime(date)}",
        f"Message-ID: {key}",
        *(f"{name}: {value}" for name, value in extra.items()),
        "MIME-Version: 1.0",
    )
    named, titled = one_line(to_name), one_line(subject)
    return Message(sender, named, to_address, reply_to, titled, html, text, key, extra, head, tuple(signers))


def _canonical(body: str) -> bytes:
    """Text as mail carries it (RFC 2045, section 6.8): line breaks are CRLF before base64, too."""
    unix = body.replace("\r\n", "\n").replace("\r", "\n")
    return unix.replace("\n", "\r\n").encode("utf-8", "replace")


def _part(boundary: str, kind: str, body: bytes, eight_bit: bool) -> bytes:
    as_it_is = eight_bit and b"\0" not in body and max(map(len, body.split(b"\r\n"))) <= LONGEST_LINE
    coding = "8bit" if as_it_is else "base64"
    head = f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: {coding}\r\n\r\n'
    return head.encode() + (body + b"\r\n" if as_it_is else _base64(body))


def _base64(body: bytes) -> bytes:
    coded = b2a_base64(body, newline=False)
    return b"\r\n".join([*(coded[at : at + 76] for at in range(0, len(coded), 76)), b""])


def _bracketed(value: str, what: str) -> str:
    bare = value[1:-1] if value.startswith("<") and value.endswith(">") else value
    if not bare or not bare.isascii() or has_control(bare) or set(bare) & set(" <>"):
        raise BadMessage(
            f"the {what} {value!r} can't stand in a header",
            remedy="give it in ASCII, without spaces, line breaks and angle brackets",
        )
    if len(bare) > LONGEST_VALUE:
        raise BadMessage(
            f"the {what} has {len(bare)} characters",
            remedy=f"give one of at most {LONGEST_VALUE}: a mail line ends there",
        )
    return f"<{bare}>"


def _mailbox(header: str, value: str, what: str) -> str:
    if has_control(value):
        raise BadMessage(f"the {what} {value!r} has a line break", remedy="write it on one line")
    found = getaddresses([value])
    if len(found) != 1:
        raise BadMessage(f"the {what} {value!r} is not one address", remedy='write it as "Name <name@example.com>"')
    name, address = found[0]
    return address_header(header, name, _address(address, what))


def _address(address: str, what: str) -> str:
    if not _ADDRESS.fullmatch(address) or len(address) > LONGEST_ADDRESS:
        raise BadMessage(
            f"the {what} {address[:300]!r} is no address that mail can carry",
            remedy="mend it where it comes from; it is name@example.com, in ASCII",
        )
    return address
