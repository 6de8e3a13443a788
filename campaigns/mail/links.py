"""Sign the links in a message, and its name: who forges one, learns and changes nothing."""

import json
import time
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from hmac import compare_digest
from typing import Any

from campaigns.errors import BadLink

LINK, VIEW, NAME = b"handpicked-link", b"handpicked-view", b"handpicked-name"
CUSTOMER_DATA = timedelta(days=90)
"""How long a link that shows a customer's data works. An unsubscribe link works for ever."""


@dataclass(frozen=True)
class Link:
    """What a signed link says.

    Attributes:
        kind: unsubscribe, preferences, view, click, open or more.
        values: the parts it was made of, by name.
    """

    kind: str
    values: dict[str, str]


class Links:
    """Makes and reads signed links, and names messages, under one secret."""

    def __init__(self, secret: str, base_url: str, clock: Callable[[], float] = time.time) -> None:
        key = sha256(secret.encode()).digest()
        self._link, self._view, self._name = (_keyed(key, use) for use in (LINK, VIEW, NAME))
        self._base = base_url.rstrip("/")
        self._clock = clock

    def unsubscribe(self, customer_id: str, campaign: str) -> str:
        """Link that unsubscribes one customer; never expires (RFC 8058 one-click posts to it)."""
        return self._url("unsubscribe", f'"customer":{_text(customer_id)},"campaign":{_text(campaign)}')

    def preferences(self, customer_id: str) -> str:
        """Link to the page where one customer chooses what to get; never expires."""
        return self._url("preferences", f'"customer":{_text(customer_id)}')

    def view(self, run_id: str, customer_id: str, made_at: datetime) -> str:
        """Link that shows one message in the browser; expires, counted from the message's own time."""
        made = int(made_at.timestamp())
        said = f'{{"run":{_text(run_id)},"customer":{_text(customer_id)},"made":{made}}}'
        return f"{self._base}/view/{_token(self._view, said)}"

    def click(self, run_id: str, customer_id: str, product_id: str, target: str) -> str:
        """Link that counts a click and leads to `target`, which is signed too: no open redirect."""
        to = f'"run":{_text(run_id)},"customer":{_text(customer_id)}'
        return self._url("click", f'{to},"product":{_text(product_id)},"target":{_text(target)}')

    def open(self, run_id: str, customer_id: str) -> str:
        """Link of a picture of one dot, fetched when a message is opened; only for who agreed to be tracked."""
        return self._url("open", f'"run":{_text(run_id)},"customer":{_text(customer_id)}') + ".gif"

    def honeypot(self, run_id: str, customer_id: str) -> str:
        """Link that no reader sees: whoever follows it is a program. Its path says nothing of that."""
        return self._url("more", f'"run":{_text(run_id)},"customer":{_text(customer_id)}')

    def message_id(self, run_id: str, customer_id: str, domain: str) -> str:
        """Fix the Message-ID of a message before it is ever sent (RFC 5322, section 3.6.4).

        Nobody else can make it, for bounces, complaints and unsubscribing by mail name a message by it.
        """
        named = self._name.copy()
        named.update(f"{run_id}\x1f{customer_id}".encode("utf-8", "replace"))
        return f"<{named.hexdigest()}@{domain}>"

    def read(self, token: str, kind: str | None = None) -> Link:
        """Read a token, the last part of a link's path.

        Args:
            token: without the ending of an open link.
            kind: the only kind that is welcome; none: any.

        Raises:
            BadLink: forged, cut short, or of another kind.
        """
        found, values = _load(self._link, token)
        if kind not in (None, found):
            raise _not_ours()
        return Link(found, values)

    def read_view(self, token: str) -> Link:
        """Read the token of a view link.

        Raises:
            BadLink: forged, cut short, or expired.
        """
        values = _load(self._view, token)
        if self._clock() - values.pop("made") > CUSTOMER_DATA.total_seconds():
            raise BadLink("this link has expired", remedy="open a newer message")
        return Link("view", values)

    def _url(self, kind: str, values: str) -> str:
        said = f'["{kind}",{{{values}}}]'
        return f"{self._base}/{kind}/{_token(self._link, said)}"


# JSON and tokens are put together by hand, for a dozen links stand in each message.
_text = json.encoder.encode_basestring_ascii


def _keyed(key: bytes, use: bytes) -> blake2b:
    """Keyed BLAKE2b (RFC 7693, section 2.9), 128 bits, to be copied; a token of one use is none of another."""
    return blake2b(digest_size=16, key=key, person=use)


def _sign(signer: blake2b, payload: bytes) -> str:
    digest = signer.copy()
    digest.update(payload)
    return _base64(digest.digest()).decode()


def _base64(data: bytes) -> bytes:
    """Base64 for a URL, without its padding (RFC 4648, section 5)."""
    return b2a_base64(data, newline=False).replace(b"+", b"-").replace(b"/", b"_").rstrip(b"=")


def _token(signer: blake2b, said: str) -> str:
    """Write JSON as PAYLOAD.SIGNATURE."""
    payload = _base64(said.encode())
    return f"{payload.decode()}.{_sign(signer, payload)}"


def _load(signer: blake2b, token: str) -> Any:
    payload, _, signature = token.rpartition(".")
    # Compared as text: base64 has bits that say nothing, and one link is to have one token.
    expected = _sign(signer, payload.encode("utf-8", "replace"))
    if not compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise _not_ours()
    return json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _not_ours() -> BadLink:
    return BadLink("this link was not made here", remedy="copy the whole link from the message")
