"""Deliver through Postmark: up to 500 messages in one call (POST /email/batch).

A killed process leaves at most lanes times batch messages in doubt, which is why a batch is 50 here and not 500.
Postmark builds and signs the message itself, from its parts; our Message-ID is kept (X-PM-KeepID), and travels as
metadata too, which comes back with every webhook.

There is no idempotency key for sends: a call whose answer is lost is in doubt.
Source: Postmark Developer Documentation, "Email API", "API error codes" and "Webhooks".
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from campaigns.errors import TransportError
from campaigns.mail.message import Message
from campaigns.mail.transports.base import Envelope, Outcome
from campaigns.mail.transports.http import Answer, HttpTransport, Request
from campaigns.mail.transports.provider_url import read_url

REMEDY = "write postmark://SERVER_TOKEN@api.postmarkapp.com, if need be with ?stream=NAME"
MOST_MESSAGES = 500
MOST_BYTES = 49 * 1000 * 1000  # its limit is 50 MB
LONGEST_METADATA = 80
METADATA = "message-id"
INVALID, INACTIVE = 300, 406
_LATER = {100, 429}
_NEVER = {
    10: "give the token of the server, not of the account",
    400: "add the sender as a sender signature or a verified domain",
    401: "confirm the sender signature",
    405: "buy credits, or let the account send again",
    412: "wait for Postmark to approve the account",
    413: "ask Postmark why the account may not send",
}
_STREAM = "name a message stream of this server, of the kind broadcast: ?stream=NAME"
_SENDER = re.compile(r"'From'|\bsender\b", re.IGNORECASE)
_RECIPIENT = re.compile(r"'To'|(?:illegal|invalid) email (?:address|domain)", re.IGNORECASE)


@dataclass(kw_only=True)
class Postmark(HttpTransport):
    """One server and one message stream of Postmark."""

    name: ClassVar[str] = "postmark"
    stream: str = "broadcast"
    lanes: int = 4
    batch: int = 50

    def groups(self, envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
        """Cut so that no call is longer than Postmark takes."""
        group: list[Envelope] = []
        size = 0
        for envelope in envelopes:
            more = len(json.dumps(self._written(envelope))) + 1
            if group and (len(group) == MOST_MESSAGES or size + more > MOST_BYTES):
                yield group
                group, size = [], 0
            group.append(envelope)
            size += more
        if group:
            yield group

    def request(self, envelopes: Sequence[Envelope]) -> Request:
        """Write the call for a batch."""
        body = json.dumps([self._written(envelope) for envelope in envelopes]).encode()
        kinds = {"content-type": "application/json", "accept": "application/json"}
        return Request(f"{self.endpoint}/email/batch", kinds | {"x-postmark-server-token": self.secret}, body)

    def judge(self, answer: Answer, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Read the answer to a batch: 200 holds an error code for each message, all else refuses the batch whole."""
        if answer.status >= 300:
            data = answer.data()
            code = data.get("ErrorCode") if isinstance(data, dict) else None
            raise self._refusal(code if isinstance(code, int) else answer.status, self.words(answer))
        items = answer.data()
        if not _well_formed(items, len(envelopes)):
            return [Outcome("in_doubt", f"postmark {answer.status}: its answer can't be read")] * len(envelopes)
        return self._each(items)

    def _each(self, items: list[dict[str, Any]]) -> list[Outcome]:
        codes = [item["ErrorCode"] for item in items]
        told = [self._told(item) for item in items]
        never = [self._refusal(code, words) for code, words in zip(codes, told, strict=True) if _hopeless(code, words)]
        if never and 0 not in codes:
            raise never[0]
        return [_outcome(code, words) for code, words in zip(codes, told, strict=True)]

    def _told(self, item: dict[str, Any]) -> str:
        if item["ErrorCode"] == 0:
            return f"postmark took it as {self.shown(str(item.get('MessageID')))}"
        return f"postmark {item['ErrorCode']}: {self.shown(str(item.get('Message')))}"

    def _refusal(self, code: int, words: str) -> TransportError:
        return TransportError(f"no message is taken: {words}", remedy=_remedy(code, words))

    def _written(self, envelope: Envelope) -> dict[str, Any]:
        message = envelope.message
        headers = {**message.extra, "Message-ID": envelope.key, "X-PM-KeepID": "true"}
        fields = {
            "From": message.sender,
            "To": _mailbox(message, envelope.recipient),
            "Subject": message.subject,
            "HtmlBody": message.html,
            "TextBody": message.text,
            **({"ReplyTo": message.reply_to} if message.reply_to else {}),
        }
        return {
            **{name: value.encode("utf-8", "replace").decode() for name, value in fields.items()},
            "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            "MessageStream": self.stream,
            "TrackOpens": False,
            "TrackLinks": "None",
            **({"Metadata": {METADATA: envelope.key}} if len(envelope.key) <= LONGEST_METADATA else {}),
        }


def postmark_from_url(url: str) -> Postmark:
    """Make the transport of postmark://SERVER_TOKEN@HOST; nothing is connected yet.

    >>> postmark_from_url("postmark://token@api.postmarkapp.com?stream=news").stream
    'news'

    Raises:
        TransportError: the token or the host is missing, or an option is not known.
    """
    parts = read_url(url, {"stream"}, REMEDY)
    if not parts.user or parts.password or parts.path:
        raise TransportError("the postmark transport names no token alone before its host", remedy=REMEDY)
    return Postmark(endpoint=parts.endpoint, secret=parts.user, stream=parts.options.get("stream") or "broadcast")


def _mailbox(message: Message, address: str) -> str:
    name = message.to_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{address}>' if name else address


def _well_formed(items: Any, count: int) -> bool:
    return (
        isinstance(items, list)
        and len(items) == count
        and all(isinstance(item, dict) and isinstance(item.get("ErrorCode"), int) for item in items)
    )


def _hopeless(code: int, words: str) -> bool:
    return code in _NEVER or _about_streams(code) or (code == INVALID and bool(_SENDER.search(words)))


def _about_streams(code: int) -> bool:
    return 1200 <= code < 1300


def _remedy(code: int, words: str) -> str:
    if code == INVALID and _SENDER.search(words):
        return _NEVER[400]
    return _STREAM if _about_streams(code) else _NEVER.get(code, "look the code up in Postmark's API error codes")


def _outcome(code: int, words: str) -> Outcome:
    if code == 0:
        return Outcome("sent", words)
    if code in _LATER or _hopeless(code, words):
        return Outcome("retry", words)
    if code == INACTIVE:  # it bounced, complained or was taken off the list before
        return Outcome("failed", f"5.1.1 {words}")
    return Outcome("failed", f"5.1.3 {words}" if code == INVALID and _RECIPIENT.search(words) else words)
