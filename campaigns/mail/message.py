"""Make the bytes of one message: checked headers, a plain-text part and an HTML part."""

import base64
import hashlib
import re
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses

from campaigns.errors import BadMessage

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SMTP = policy.SMTP.clone(max_line_length=78)


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
) -> bytes:
    """Build one message, CRLF throughout, every line short enough for any server.

    The same arguments give the same bytes. Line breaks in a name or a subject become a space; in an address,
    an id or a link they are refused, because there they can only be an attack.

    Raises:
        BadMessage: an address, id or link is missing or would forge a header.
    """
    head = EmailMessage(policy=_SMTP)
    head["From"] = _mailbox(sender, "sender")
    head["To"] = _address(to_name, to_address, "recipient")
    if reply_to:
        head["Reply-To"] = _mailbox(reply_to, "reply_to")
    head["Subject"] = _clean(subject)
    head["Date"] = format_datetime(date)
    fields = {
        "Message-ID": _bracketed(_safe(rfc_message_id, "message id")),
        "List-ID": _bracketed(_safe(list_id, "list id")),
        "List-Unsubscribe": _bracketed(_safe(unsubscribe_url, "unsubscribe link")),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
    }
    boundary = "=_" + hashlib.sha256(f"{rfc_message_id}\0{text}\0{html}".encode()).hexdigest()[:32]
    lines = [f"{name}: {value}" for name, value in fields.items()]
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    top = head.as_bytes().rstrip(b"\r\n") + b"\r\n" + "\r\n".join(lines).encode("ascii")
    parts = [_part(boundary, "plain", text), _part(boundary, "html", html)]
    return top + b"\r\n\r\n" + b"".join(parts) + f"--{boundary}--\r\n".encode()


def _part(boundary: str, kind: str, body: str) -> bytes:
    head = f'--{boundary}\r\nContent-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + base64.encodebytes(body.encode()).replace(b"\n", b"\r\n")


def _clean(words: str) -> str:
    return _CONTROL.sub(" ", words).strip()


def _safe(value: str, what: str) -> str:
    if not value or not value.isascii() or _CONTROL.search(value) or " " in value:
        raise BadMessage(
            f"the {what} {value!r} can't stand in a header", remedy="give it without spaces and line breaks"
        )
    return value


def _bracketed(value: str) -> str:
    return f"<{value.strip('<>')}>"


def _mailbox(value: str, what: str) -> Address:
    if _CONTROL.search(value):
        raise BadMessage(f"the {what} {value!r} has a line break", remedy="write it on one line")
    found = getaddresses([value])
    if len(found) != 1:
        raise BadMessage(f"the {what} {value!r} is not one address", remedy='write it as "Name <name@example.com>"')
    return _address(found[0][0], found[0][1], what)


def _address(name: str, address: str, what: str) -> Address:
    try:
        made = Address(display_name=_clean(name), addr_spec=_safe(address, f"{what} address"))
    except (ValueError, IndexError) as error:
        raise BadMessage(f"the {what} {address!r} is no address", remedy="mend it in the shop's system") from error
    if not made.domain or not made.username:
        raise BadMessage(f"the {what} {address!r} is no address", remedy="mend it in the shop's system")
    return made
