"""Read what Mailgun tells: failures, complaints, unsubscribes, deliveries.

Mailgun signs a time and a token, not what it tells. Whoever gets hold of one signed request could tell us something
else with it while it is fresh; so give `is_new`, which lets each token in once.
Source: Mailgun Documentation, "Securing webhooks", "Webhook payloads" and "Event structure".
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from campaigns.mail.feedback import Feedback, Kind, Severity, severity_of
from campaigns.mail.webhooks.parts import (
    address,
    forged,
    inner,
    joined,
    json_object,
    message_id,
    moment,
    number,
    refuse_stale,
    text,
    unreadable,
)

SOURCE = "mailgun"
OLDEST = timedelta(hours=12)
"""Mailgun tries again for 8 hours."""
_KINDS: dict[str, Kind] = {
    "delivered": "delivered",
    "failed": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
}
_OBJECTIONS: dict[str, Kind] = {"suppress-complaint": "complained", "suppress-unsubscribe": "unsubscribed"}


def read(
    body: bytes,
    headers: Mapping[str, str],
    *,
    signing_key: str,
    now: datetime,
    is_new: Callable[[str], bool] = lambda token: True,
) -> list[Feedback]:
    """Read one POST of Mailgun.

    Args:
        body: as it came.
        headers: of the request; nothing in them is signed, so they are not looked at.
        signing_key: the HTTP webhook signing key.
        now: with its zone.
        is_new: says of a token whether it is seen for the first time; asked only when the signature holds.

    Returns:
        what is told, often nothing.

    Raises:
        BadFeedback: forged, too old, a token for the second time, or unreadable.
    """
    told = json_object(body, SOURCE)
    token = _proven_token(inner(told, "signature"), signing_key, now)
    event = inner(told, "event-data")
    kind = _KINDS.get(text(event, "event"))
    found = [] if kind is None else [_feedback(event, kind)]
    if not is_new(token):
        raise forged(SOURCE, "its token was used before")
    return found


def _proven_token(signature: dict[str, Any], signing_key: str, now: datetime) -> str:
    stamp, token, given = (text(signature, name) for name in ("timestamp", "token", "signature"))
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or not re.fullmatch(r"[0-9A-Za-z]+", token) or not signing_key:
        raise unreadable(SOURCE, "it is not signed")
    expected = hmac.new(signing_key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise forged(SOURCE, "its signature does not hold")
    refuse_stale(moment({"timestamp": int(stamp)}, "timestamp", SOURCE), now, OLDEST, SOURCE)
    return token


def _feedback(event: dict[str, Any], kind: Kind) -> Feedback:
    status, reason = inner(event, "delivery-status"), text(event, "reason")
    words = joined([text(status, "code"), text(status, "message", "description") or reason])
    kind = _OBJECTIONS.get(reason, kind) if kind == "bounced" else kind
    return Feedback(
        kind,
        moment(event, "timestamp", SOURCE),
        SOURCE,
        number(event, "id", SOURCE),
        message_id(inner(inner(event, "message"), "headers").get("message-id")),
        address(event.get("recipient")),
        _severity(event, reason, words) if kind == "bounced" else None,
        words,
    )


def _severity(event: dict[str, Any], reason: str, words: str) -> Severity:
    """Judge a failure: one that is permanent is hard when Mailgun names a bounce, unless the words tell more."""
    said = severity_of(words)
    if said in {"policy", "configuration"}:
        return said
    final = text(event, "severity") == "permanent"
    return "hard" if final and (said == "hard" or reason in {"bounce", "suppress-bounce"}) else "soft"
