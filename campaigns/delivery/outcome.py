"""What becomes of a message after a transport said what became of it: at an end, or tried again after a while."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from campaigns.mail.feedback import severity_of
from campaigns.mail.transports.base import Outcome
from campaigns.store.outbox import ANSWER_LOST, TOO_LATE, Ended, MessageRow

REASONS = {
    "hard": "no such mailbox",
    "soft": "refused by the server",
    "policy": "refused by the server",
    "configuration": "refused by the server",
}
SPREAD = 0.2
"""A back-off is longer by up to this share, so that what failed together does not come back together."""


def ended(
    row: MessageRow, outcome: Outcome, *, resends: bool, retry_after: Sequence[timedelta], now: datetime
) -> Ended:
    """Turn an outcome into the next state of the message.

    Args:
        row: the message, as it was claimed.
        outcome: what the transport says.
        resends: its run sends again what is in doubt.
        retry_after: how long to wait after the first, second, ... temporary failure; the last counts for all further.
        now: the moment.
    """
    if outcome.status == "sent":
        return Ended(row, "sent", "delivered", outcome.answer)
    if outcome.status == "failed":
        return Ended(row, "failed", REASONS[severity_of(outcome.answer)], outcome.answer)
    if outcome.status == "in_doubt" and not resends:
        return Ended(row, "in_doubt", ANSWER_LOST, outcome.answer)
    due_at = now + back_off(row.key, row.attempts, retry_after)
    if row.expires_at is not None and due_at > row.expires_at:
        return Ended(row, "expired", TOO_LATE, outcome.answer)
    reason = ANSWER_LOST if outcome.status == "in_doubt" else "to be tried again"
    return Ended(row, "waiting", reason, outcome.answer, due_at)


def back_off(key: str, attempts: int, retry_after: Sequence[timedelta]) -> timedelta:
    """Say how long to wait after so many attempts before this one; the same for the same message.

    >>> back_off("<1@example.com>", 0, [timedelta(minutes=1)]) < timedelta(minutes=1.2)
    True
    """
    wait = retry_after[min(attempts, len(retry_after) - 1)]
    drawn = int.from_bytes(hashlib.blake2b(f"{key}{attempts}".encode(), digest_size=4).digest(), "big") / 2**32
    return wait * (1 + SPREAD * drawn)
