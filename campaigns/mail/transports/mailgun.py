"""Deliver through Mailgun: the raw message, one in each call (POST /v3/DOMAIN/messages.mime).

Our Message-ID is kept and comes back with every webhook. Mailgun is told not to rewrite links or to add a pixel: that
is ours to do, and our DKIM signature would not survive it.

There is no idempotency key for sends: a call whose answer is lost is in doubt, and only the (at most `lanes`) calls of
a killed process are.
Source: Mailgun API Reference, "Messages", "Send an email in MIME format", and "API Response Codes".
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import httpx

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope, Outcome
from campaigns.mail.transports.http import Answer, HttpTransport, Request
from campaigns.mail.transports.provider_url import read_url

REMEDY = (
    "write mailgun://SENDING_KEY@api.mailgun.net/DOMAIN (api.eu.mailgun.net for domains in the EU), "
    "if need be with ?tag=NAME"
)
_NEVER = {
    401: "check the sending key, and whether the domain is in the EU: api.eu.mailgun.net",
    402: "pay Mailgun's bill, or raise the limit of the plan",
    403: "check the sending key, and that the domain is verified and may send",
    404: "check the domain, and whether it is in the EU: api.eu.mailgun.net",
}
_RECIPIENT = re.compile(r"\bto\W+(?:parameter|address)\b|not a valid (?:recipient|address)", re.IGNORECASE)
_SENDER = re.compile(
    r"^\W*from\b|\bfrom parameter|sandbox|not allowed to send|(?:not|un)[ -]?verified|disabled|suspended", re.IGNORECASE
)


@dataclass(kw_only=True)
class Mailgun(HttpTransport):
    """One sending domain of Mailgun."""

    name: ClassVar[str] = "mailgun"
    domain: str
    tag: str | None = None

    def request(self, envelopes: Sequence[Envelope]) -> Request:
        """Write the form that hands over one message; its recipient is the envelope's, whatever its To says."""
        [envelope] = envelopes
        fields = {"to": envelope.recipient, "o:tracking": "no", **({"o:tag": self.tag} if self.tag else {})}
        files = {"message": ("message.mime", envelope.message.raw(), "message/rfc822")}
        form = httpx.Request("POST", f"{self.endpoint}/v3/{self.domain}/messages.mime", data=fields, files=files)
        basic = b64encode(f"api:{self.secret}".encode()).decode()
        headers = {"content-type": form.headers["content-type"], "authorization": f"Basic {basic}"}
        return Request(str(form.url), headers, form.read())

    def judge(self, answer: Answer, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Read the answer for one message."""
        if answer.status < 300:
            return [_accepted(answer)]
        said, words = answer.own_words() or "", self.words(answer)
        remedy = _NEVER.get(answer.status)
        if not remedy and _SENDER.search(said):
            remedy = "send from the domain that the transport names, and verify it in Mailgun's control panel"
        if remedy:
            raise TransportError(f"no message is taken: {words}", remedy=remedy)
        return [Outcome("failed", f"5.1.3 {words}" if _RECIPIENT.search(said) else words)]


def mailgun_from_url(url: str) -> Mailgun:
    """Make the transport of mailgun://SENDING_KEY@HOST/DOMAIN; nothing is connected yet.

    >>> mailgun_from_url("mailgun://key@api.eu.mailgun.net/mg.example.com").domain
    'mg.example.com'

    Raises:
        TransportError: the key, the host or the domain is missing, or an option is not known.
    """
    parts = read_url(url, {"tag"}, REMEDY)
    if not parts.user or parts.password:
        raise TransportError("the mailgun transport names no key alone before its host", remedy=REMEDY)
    if not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", parts.path):
        raise TransportError("the mailgun transport names no sending domain behind its host", remedy=REMEDY)
    return Mailgun(endpoint=parts.endpoint, secret=parts.user, domain=parts.path, tag=parts.options.get("tag"))


def _accepted(answer: Answer) -> Outcome:
    data = answer.data()
    number = data.get("id") if isinstance(data, dict) else None
    if not isinstance(number, str):
        return Outcome("in_doubt", f"mailgun {answer.status}: its answer can't be read")
    return Outcome("sent", f"mailgun took it as {number[:200]}")
