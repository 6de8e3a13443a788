"""Read what Postmark tells: bounces, complaints, deliveries, and who went off the list.

Postmark does not sign; the name and password in the webhook's URL say who it is.
Source: Postmark Developer Documentation, "Webhooks" and "Bounce API" (types of bounces).
"""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from campaigns.mail.feedback import Feedback, Kind, Severity
from campaigns.mail.transports.postmark import METADATA
from campaigns.mail.webhooks.parts import address, forged, inner, joined, json_object, message_id, moment, number, text

SOURCE = "postmark"
_SEVERITIES: dict[str, Severity] = {
    "HardBounce": "hard",
    "BadEmailAddress": "hard",
    "Transient": "soft",
    "SoftBounce": "soft",
    "DnsError": "soft",
    "Unknown": "soft",
    "SpamNotification": "policy",
    "VirusNotification": "policy",
    "Blocked": "policy",
    "DMARCPolicy": "configuration",
}
_OBJECTIONS: dict[str, Kind] = {
    "SpamComplaint": "complained",
    "Unsubscribe": "unsubscribed",
    "ManuallyDeactivated": "unsubscribed",
    "ManualSuppression": "unsubscribed",
}


def read(body: bytes, headers: Mapping[str, str], *, user: str, password: str) -> list[Feedback]:
    """Read one POST of Postmark.

    Args:
        body: as it came.
        headers: of the request, by name in any case.
        user: the name in the webhook's URL.
        password: the password there.

    Returns:
        what is told, often nothing: an automatic answer or an opened message is nothing to us.

    Raises:
        BadFeedback: another name or password, or unreadable.
    """
    if not password or not _may_speak(headers, f"{user}:{password}".encode()):
        raise forged(SOURCE, "its name and password are not ours")
    told = json_object(body, SOURCE)
    match told.get("RecordType"):
        case "Bounce" | "SpamComplaint":
            return _bounced(told)
        case "SubscriptionChange":
            return _changed(told)
        case "Delivery":
            return [_made(told, "delivered", "DeliveredAt", "Recipient", words=text(told, "Details"))]
    return []


def _may_speak(headers: Mapping[str, str], secret: bytes) -> bool:
    given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    scheme, _, coded = given.partition(" ")
    try:
        said = b64decode(coded.strip().encode(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and hmac.compare_digest(said, secret)


def _bounced(told: dict[str, Any]) -> list[Feedback]:
    kind = text(told, "Type") or text(told, "RecordType")
    words = joined([kind, text(told, "Details", "Description")])
    if kind in _OBJECTIONS:
        return [_made(told, _OBJECTIONS[kind], "BouncedAt", "Email", words=words)]
    if kind in _SEVERITIES:
        return [_made(told, "bounced", "BouncedAt", "Email", severity=_SEVERITIES[kind], words=words)]
    return []


def _changed(told: dict[str, Any]) -> list[Feedback]:
    """Read who was taken off the list; whoever is put on it again has to say so to the shop."""
    reason = text(told, "SuppressionReason")
    if told.get("SuppressSending") is not True:
        return []
    words = joined([reason, "by", text(told, "Origin")])
    if reason == "HardBounce":
        return [_made(told, "bounced", "ChangedAt", "Recipient", severity="hard", words=words)]
    return [_made(told, _OBJECTIONS.get(reason, "unsubscribed"), "ChangedAt", "Recipient", words=words)]


def _made(
    told: dict[str, Any], kind: Kind, time: str, recipient: str, *, words: str, severity: Severity | None = None
) -> Feedback:
    at, to = moment(told, time, SOURCE), address(told.get(recipient))
    event = text(told, "ID") or f"{number(told, 'MessageID', SOURCE)}/{at.isoformat()}/{to}"
    key = message_id(inner(told, "Metadata").get(METADATA))
    return Feedback(kind, at, SOURCE, f"{text(told, 'RecordType')}/{event}", key, to, severity, words)
