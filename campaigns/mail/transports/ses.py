"""Deliver through Amazon SES (API version 2, SendEmail with the raw message).

SES puts a Message-ID and a Date of its own into each message, so a DKIM signature of ours would no longer hold: the
message goes there without one, and SES signs it for the verified domain. Our Message-ID travels as a tag, which comes
back with every event of a configuration set (see webhooks/ses.py). Bounces come back that way too, not to our return
path: SES takes only verified addresses there.

SendEmail has no idempotency token: a call whose answer is lost is in doubt, and only the (at most `lanes`) calls of a
killed process are.
Source: Amazon SES API v2 Reference, SendEmail, and its service model (no member is an idempotency token).
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from campaigns.errors import TransportError
from campaigns.mail.transports.aws_signature import Signer
from campaigns.mail.transports.base import Envelope, Outcome
from campaigns.mail.transports.http import Answer, HttpTransport, Request
from campaigns.mail.transports.provider_url import read_url

REMEDY = (
    "write ses://ACCESS_KEY:SECRET_KEY@REGION, if need be with ?configuration_set=NAME; "
    "write / ? # @ % inside a key as %2F %3F %23 %40 %25"
)
TAG = "handpicked"
LONGEST_TAG = 256
_LATER = {"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"}
_NEVER = {
    "AccountSuspendedException": "Amazon has closed this account for sending: ask its support",
    "SendingPausedException": "sending is paused for this account or configuration set: resume it in the SES console",
    "MailFromDomainNotVerifiedException": "verify the MAIL FROM domain in the SES console",
    "NotFoundException": "name a configuration set that exists in this region",
}
_CLOCK = {"RequestExpired", "RequestTimeTooSkewed"}
_UNVERIFIED = re.compile(r"not verified|not authorized", re.IGNORECASE)
_ADDRESS = re.compile(r"illegal address|(?:domain|local address) (?:contains|starts|ends)", re.IGNORECASE)
FORBIDDEN = {401, 403}


@dataclass(kw_only=True)
class Ses(HttpTransport):
    """Amazon SES in one region."""

    name: ClassVar[str] = "ses"
    access_key: str
    region: str
    configuration_set: str | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False, compare=False)

    def request(self, envelopes: Sequence[Envelope]) -> Request:
        """Write a signed SendEmail of one message; its recipient is the envelope's, whatever its To says."""
        [envelope] = envelopes
        content = {
            "Destination": {"ToAddresses": [envelope.recipient]},
            "Content": {"Raw": {"Data": b64encode(envelope.message._replace(signers=()).raw()).decode()}},
        }
        tag = urlsafe_b64encode(envelope.key.encode()).decode().rstrip("=")
        tags = {"EmailTags": [{"Name": TAG, "Value": tag}]} if len(tag) <= LONGEST_TAG else {}
        events = {"ConfigurationSetName": self.configuration_set} if self.configuration_set else {}
        body = json.dumps(content | tags | events).encode()
        url = f"{self.endpoint}/v2/email/outbound-emails"
        signer = Signer(self.access_key, self.secret, self.region, "ses")
        return Request(url, signer.headers(url, {"content-type": "application/json"}, body, self.clock()), body)

    def judge(self, answer: Answer, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Read the answer to one SendEmail."""
        if answer.status < 300:
            return [_accepted(answer)]
        kind, words = _kind(answer), answer.own_words() or ""
        if kind in _LATER:
            return [Outcome("retry", self._told(kind, answer))]
        self._refuse_all(kind, answer)
        if kind == "MessageRejected":  # for what is in it, such as a virus
            return [Outcome("failed", f"5.7.1 {self._told(kind, answer)}")]
        status = "5.1.3 " if _ADDRESS.search(words) else ""
        return [Outcome("failed", f"{status}{self._told(kind, answer)}")]

    def _refuse_all(self, kind: str, answer: Answer) -> None:
        remedy = _NEVER.get(kind)
        if kind == "MessageRejected" and _UNVERIFIED.search(answer.own_words() or ""):
            remedy = "verify the sender's domain in this region, and ask Amazon to take the account out of the sandbox"
        elif answer.status in FORBIDDEN or kind in _CLOCK:
            late = kind in _CLOCK or "expired" in self.words(answer) or "not yet current" in self.words(answer)
            remedy = "set this machine's clock" if late else "check both keys, and allow them ses:SendEmail"
        elif answer.status == 404:
            remedy = remedy or "check the region"
        if remedy:
            raise TransportError(f"no message is taken: {self._told(kind, answer)}", remedy=remedy)

    def _told(self, kind: str, answer: Answer) -> str:
        return f"{self.words(answer)} ({self.shown(kind)})" if kind else self.words(answer)


def ses_from_url(url: str) -> Ses:
    """Make the transport of ses://ACCESS_KEY:SECRET_KEY@REGION; nothing is connected yet.

    >>> ses_from_url("ses://AKIA:secret@eu-west-1").endpoint
    'https://email.eu-west-1.amazonaws.com'

    Raises:
        TransportError: a key or the region is missing, or an option is not known.
    """
    parts = read_url(url, {"configuration_set"}, REMEDY)
    if not parts.user or not parts.password:
        raise TransportError("the ses transport names no access key with its secret key", remedy=REMEDY)
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", parts.host) or parts.path:
        raise TransportError("the ses transport names no region, such as eu-west-1", remedy=REMEDY)
    home = f"https://email.{parts.host}.amazonaws.com{'.cn' if parts.host.startswith('cn-') else ''}"
    return Ses(
        endpoint=parts.endpoint if "endpoint" in parts.options else home,
        access_key=parts.user,
        secret=parts.password,
        region=parts.host,
        configuration_set=parts.options.get("configuration_set"),
    )


def _accepted(answer: Answer) -> Outcome:
    data = answer.data()
    number = data.get("MessageId") if isinstance(data, dict) else None
    if not isinstance(number, str):
        return Outcome("in_doubt", f"ses {answer.status}: its answer can't be read")
    return Outcome("sent", f"ses took it as {number[:100]}")


def _kind(answer: Answer) -> str:
    """Find the name of an error: in a header, or in the body behind a namespace."""
    data = answer.data()
    fields = data if isinstance(data, dict) else {}
    named = answer.headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code") or ""
    return str(named).partition(":")[0].rpartition("#")[2]
