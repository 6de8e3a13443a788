"""Read complaints: what a mailbox provider passes on when somebody presses "this is spam" (ARF, RFC 5965)."""

import re
from datetime import datetime

from campaigns.errors import BadFeedback
from campaigns.mail.bounces.dsn import told_id
from campaigns.mail.bounces.parts import Fields, Part, fields_of, moment
from campaigns.mail.bounces.whose import Whose, address_in
from campaigns.mail.feedback import Feedback, Kind

REPORT = "message/feedback-report"
_KINDS: dict[str, Kind | None] = {
    "abuse": "complained",
    "fraud": "complained",
    "virus": "complained",
    "other": "complained",
    "opt-out": "unsubscribed",
    "opt-out-list": "unsubscribed",
    "not-spam": None,  # taken back, or never meant: nobody complains
    "auth-failure": None,  # RFC 6591: about a signature, and not about what the customer wants
}
_REDACTED = re.compile(r"\W*(?:redacted|removed|hidden|x{3,}|\*+)\W*@", re.IGNORECASE)


def read_complaint(mail: Part, received: datetime, whose: Whose) -> list[Feedback] | None:
    """Read a feedback report; one that is about no complaint is an empty list.

    The customer is told by the message that comes back with it, or by the address where that is left out. A provider
    may blacken the address (RFC 6590): then only the message can tell.

    Args:
        mail: the mail.
        received: when it was read, for one without a date.
        whose: tells which message it is about.

    Returns:
        none where the mail is no such report.

    Raises:
        BadFeedback: it is of no kind that we know.

    Source: RFC 5965, sections 3.1 and 3.2 (fields), 7.3 (types); RFC 6591, section 3.1.
    """
    report = next((part for part in mail.walk() if part.kind == REPORT), None)
    if report is None:
        return None
    fields = fields_of(report.text())
    kind = _kind(fields)
    if kind is None:
        return []
    about = whose.message_id(mail, _first(fields, "original-mail-from"))
    date = _first(fields, "arrival-date") or _first(fields, "received-date") or mail.first("date")
    # A message has one recipient; where the message is known, more addresses would tell the same thing again.
    addresses = _addresses(fields)[: 1 if about else None] or [None]
    return [
        Feedback(
            kind, moment(date, received), "mailbox", told_id(mail, address), about, address, words=_words(kind, fields)
        )
        for address in addresses
    ]


def _first(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[0]


def _kind(fields: Fields) -> Kind | None:
    told = _first(fields, "feedback-type").strip().lower()
    if told not in _KINDS:
        raise BadFeedback(
            f"a feedback report of the type {told[:60]!r}", remedy=f"read it yourself; known are {', '.join(_KINDS)}"
        )
    return _KINDS[told]


def _addresses(fields: Fields) -> list[str | None]:
    told = fields.get("original-rcpt-to", []) + fields.get("removal-recipient", [])
    found = dict.fromkeys(address_in(value) for value in told)
    return [address for address in found if address and not _REDACTED.match(address)]


def _words(kind: Kind, fields: Fields) -> str:
    agent = _first(fields, "user-agent")[:100]
    return f"{_first(fields, 'feedback-type').strip().lower()} report" + (f" by {agent}" if agent else "")
