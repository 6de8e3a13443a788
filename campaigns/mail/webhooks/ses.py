"""Read what Amazon SES tells through SNS: bounces, complaints, deliveries, messages it held back.

Source: Amazon SES Developer Guide, "Amazon SNS notification contents for Amazon SES" and "Contents of event data that
Amazon SES publishes to Amazon SNS".
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.mail.feedback import Feedback, Severity, severity_of
from campaigns.mail.transports.ses import TAG
from campaigns.mail.webhooks.parts import (
    address,
    inner,
    joined,
    json_object,
    message_id,
    moment,
    number,
    rows,
    text,
    unreadable,
)
from campaigns.mail.webhooks.sns import (
    CONFIRMATION,
    FAREWELL,
    SOURCE,
    Certificates,
    Subscription,
    open_letter,
    subscription,
)

_GREETING = "Successfully validated SNS topic"
_UNWANTED = {"ContentRejected", "AttachmentRejected", "MessageTooLarge"}


def read(
    body: bytes, headers: Mapping[str, str], *, topic: str, certificates: Certificates, now: datetime
) -> list[Feedback] | Subscription:
    """Read one POST of SNS.

    Args:
        body: as it came.
        headers: of the request; nothing in them is signed, so they are not looked at.
        topic: the ARN of our topic.
        certificates: keep it from call to call, so that each certificate is fetched once.
        now: with its zone.

    Returns:
        what is told, often nothing; or a subscription that waits to be confirmed.

    Raises:
        BadFeedback: forged, of another topic, too old, unreadable, or a farewell: the topic tells us no more.
        TransportError: Amazon's certificate can't be fetched; answer 503, and it is told again.
    """
    fields = open_letter(body, topic, certificates, now)
    if fields["Type"] == CONFIRMATION:
        return subscription(fields)
    if fields["Type"] == FAREWELL:
        raise unreadable(SOURCE, "our topic tells us nothing any more: its subscription was ended; subscribe again")
    if fields["Message"].startswith(_GREETING):
        return []
    return _feedback(json_object(fields["Message"], SOURCE))


def _feedback(told: dict[str, Any]) -> list[Feedback]:
    match told.get("eventType") or told.get("notificationType"):
        case "Bounce":
            return _bounced(told, inner(told, "bounce"))
        case "Complaint":
            return _complained(told, inner(told, "complaint"))
        case "Delivery":
            return _delivered(told, inner(told, "delivery"))
        case "Reject":
            return _held_back(told, inner(told, "reject"))
    return []


def _bounced(told: dict[str, Any], bounce: dict[str, Any]) -> list[Feedback]:
    at, key, event = moment(bounce, "timestamp", SOURCE), _message_id(told), number(bounce, "feedbackId", SOURCE)
    found = []
    for row in rows(bounce, "bouncedRecipients"):
        to, words = address(row.get("emailAddress")), text(row, "diagnosticCode")
        kinds = joined([text(bounce, "bounceType"), text(bounce, "bounceSubType"), text(row, "status")])
        severity = _severity(text(bounce, "bounceType"), text(bounce, "bounceSubType"), words or text(row, "status"))
        source_id = f"{event}/{to}"
        found.append(Feedback("bounced", at, SOURCE, source_id, key, to, severity, words or kinds))
    return found


def _severity(kind: str, detail: str, words: str) -> Severity:
    said = severity_of(words.removeprefix("smtp; "))
    if detail in _UNWANTED:
        return "policy"
    if kind == "Permanent":
        return said if said in {"policy", "configuration"} else "hard"
    return said if said == "configuration" else "soft"


def _complained(told: dict[str, Any], complaint: dict[str, Any]) -> list[Feedback]:
    at, key, event = moment(complaint, "timestamp", SOURCE), _message_id(told), number(complaint, "feedbackId", SOURCE)
    kind = text(complaint, "complaintFeedbackType", "complaintSubType")
    if kind == "not-spam":
        return []
    found = [address(row.get("emailAddress")) for row in rows(complaint, "complainedRecipients")]
    return [Feedback("complained", at, SOURCE, f"{event}/{to}", key, to, words=kind) for to in found]


def _delivered(told: dict[str, Any], delivery: dict[str, Any]) -> list[Feedback]:
    at, key, words = moment(delivery, "timestamp", SOURCE), _message_id(told), text(delivery, "smtpResponse")
    found = delivery.get("recipients")
    message = number(inner(told, "mail"), "messageId", SOURCE)
    return [
        Feedback("delivered", at, SOURCE, f"delivery/{message}/{address(to)}", key, address(to), words=words)
        for to in (found if isinstance(found, list) else [])
    ]


def _held_back(told: dict[str, Any], reject: dict[str, Any]) -> list[Feedback]:
    mail = inner(told, "mail")
    at, message = moment(mail, "timestamp", SOURCE), number(mail, "messageId", SOURCE)
    found = mail.get("destination")
    to = address(found[0]) if isinstance(found, list) and found else None
    words = f"SES took it and did not send it: {text(reject, 'reason')}"
    return [Feedback("bounced", at, SOURCE, f"reject/{message}", _message_id(told), to, "policy", words)]


def _message_id(told: dict[str, Any]) -> str | None:
    """Find our Message-ID: in the tag that we gave, else in the headers as SES got them, not in those it wrote."""
    mail = inner(told, "mail")
    tag = inner(mail, "tags").get(TAG)
    header = (row.get("value") for row in rows(mail, "headers") if text(row, "name").lower() == "message-id")
    candidates = [_untagged(tag), *header, inner(mail, "commonHeaders").get("messageId")]
    found = (message_id(value) for value in candidates)
    return next((key for key in found if key and not key.endswith("amazonses.com>")), None)


def _untagged(tag: Any) -> str | None:
    if not isinstance(tag, list) or not tag or not isinstance(tag[0], str):
        return None
    try:
        return urlsafe_b64decode(tag[0] + "=" * (-len(tag[0]) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
