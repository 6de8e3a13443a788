"""What the world says about a message that left, in our words, whoever says it (a server, a mailbox, a provider)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["delivered", "bounced", "complained", "unsubscribed"]
Severity = Literal["hard", "soft", "policy", "configuration"]

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing that was said about one message.

    Attributes:
        kind: what happened.
        at: when, by the one who says it.
        source: who says it: smtp, mailbox, ses, postmark, mailgun.
        source_id: its own id there; the same id told twice is one event.
        rfc_message_id: the message's id, angle brackets included, if it is told.
        address: the recipient, if told; who is told neither can't be helped.
        severity: of a bounce, how bad: see `severity_of`.
        words: the server's own.
    """

    kind: Kind
    at: datetime
    source: str
    source_id: str
    rfc_message_id: str | None = None
    address: str | None = None
    severity: Severity | None = None
    words: str = ""


def enhanced_status(words: str) -> str | None:
    """Find the enhanced status code in a server's words (RFC 3463, section 2).

    >>> enhanced_status("550 5.1.1 no such user"), enhanced_status("550 from 10.5.1.12")
    ('5.1.1', None)
    """
    found = _ENHANCED.search(words)
    return found[0] if found else None


_LOGIN = {"530", "534", "535", "538"}
_UNSIGNED = {
    f"5.7.{detail}" for detail in (20, 21, 22, 23, 24, 25, 26, 27, 509, 515)
}  # RFC 7372, RFC 7505, Outlook.com
_GONE = {"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
_NOT_OURS = re.compile(r"\b(?:spf|dkim|dmarc)\b|unauthenticated", re.IGNORECASE)
_NOBODY = re.compile(
    r"no such (?:user|mailbox|recipient|address)|"
    r"(?:user|mailbox|recipient|address)(?: is)? (?:unknown|disabled|not found)|"
    r"unknown (?:user|mailbox|recipient|address)|does ?n[o']t exist|invalid (?:recipient|mailbox|address)",
    re.IGNORECASE,
)


def severity_of(words: str) -> Severity:
    """Say how bad a refusal is, from a server's words.

    hard: there is no such mailbox, and never will be. soft: there may be one later (full, busy). policy: this message
    is not wanted there. configuration: no message of this sender is, until its login or its DNS is mended.

    Source: RFC 3463, section 3; RFC 7372, section 3; RFC 4954, section 6.

    >>> severity_of("550 5.1.1 no such user"), severity_of("552 5.2.2 mailbox full"), severity_of("550 5.7.1 spam")
    ('hard', 'soft', 'policy')
    >>> severity_of("535 5.7.8 wrong password"), severity_of("550 5.7.26 DMARC check failed")
    ('configuration', 'configuration')
    """
    status = enhanced_status(words)
    final = words[:1] == "5" or (status or "")[:1] == "5"
    if not final:
        return "soft"
    if status in _GONE or (status is None and _NOBODY.search(words)):
        return "hard"
    of_policy = status is None or status.startswith("5.7.")
    if words[:3] in _LOGIN or status in _UNSIGNED or (of_policy and _NOT_OURS.search(words)):
        return "configuration"
    return "policy" if (status or "").startswith("5.7.") else "soft"
