"""Sign the links in a message: who forges one, learns and changes nothing."""

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from hmac import compare_digest
from typing import Any

from campaigns.errors import BadLink

LINK, VIEW = b"handpicked-link", b"handpicked-view"
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
    """Makes and reads signed links under one secret."""

    def __init__(self, secret: str, base_url: str, clock: Callable[[], float] = time.time) -> None:
        self._key = sha256(secret.encode()).digest()
        self._base = base_url.rstrip("/")
        self._clock = clock

    def unsubscribe(self, customer_id: str, campaign: str) -> str:
        """Link that unsubscribes one customer; never expires (RFC 8058 one-click posts to it)."""
        return self._url("unsubscribe", customer=customer_id, campaign=campaign)

    def preferences(self, customer_id: str) -> str:
        """Link to the page where one customer chooses what to get; never expires."""
        return self._url("preferences", customer=customer_id)

    def view(self, run_id: str, customer_id: str, made_at: datetime) -> str:
        """Link that shows one message in the browser; expires, counted from the message's own time."""
        values = {"run": run_id, "customer": customer_id, "made": int(made_at.timestamp())}
        return f"{self._base}/view/{_dump(self._key, VIEW, values)}"

    def click(self, run_id: str, customer_id: str, product_id: str, target: str) -> str:
        """Link that counts a click and leads to `target`, which is signed too: no open redirect."""
        return self._url("click", run=run_id, customer=customer_id, product=product_id, target=target)

    def open(self, run_id: str, customer_id: str) -> str:
        """Link of a picture of one dot, fetched when a message is opened; only for who agreed to be tracked."""
        return self._url("open", run=run_id, customer=customer_id) + ".gif"

    def honeypot(self, run_id: str, customer_id: str) -> str:
        """Link that no reader sees: whoever follows it is a program. Its path says nothing of that."""
        return self._url("more", run=run_id, customer=customer_id)

    def read(self, token: str, kind: str | None = None) -> Link:
        """Read a token, the last part of a link's path.

        Args:
            token: without the ending of an open link.
            kind: the only kind that is welcome; none: any.

        Raises:
            BadLink: forged, cut short, or of another kind.
        """
        found, values = _load(self._key, LINK, token)
        if kind not in (None, found):
            raise _not_ours()
        return Link(found, values)

    def read_view(self, token: str) -> Link:
        """Read the token of a view link.

        Raises:
            BadLink: forged, cut short, or expired.
        """
        values = _load(self._key, VIEW, token)
        if self._clock() - values.pop("made") > CUSTOMER_DATA.total_seconds():
            raise BadLink("this link has expired", remedy="open a newer message")
        return Link("view", values)

    def _url(self, kind: str, **values: str) -> str:
        return f"{self._base}/{kind}/{_dump(self._key, LINK, [kind, values])}"


_WRITE = json.JSONEncoder(separators=(",", ":")).encode


def _sign(key: bytes, use: bytes, payload: str) -> str:
    """Keyed BLAKE2b (RFC 7693, section 2.9), 128 bits; a token of one use is none of another."""
    return _base64(blake2b(payload.encode("utf-8", "replace"), digest_size=16, key=key, person=use).digest())


def _base64(data: bytes) -> str:
    """Base64 for a URL, without its padding (RFC 4648, section 5)."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def _dump(key: bytes, use: bytes, values: Any) -> str:
    """Write values as PAYLOAD.SIGNATURE; by hand, as a dozen links stand in each message."""
    payload = _base64(_WRITE(values).encode())
    return f"{payload}.{_sign(key, use, payload)}"


def _load(key: bytes, use: bytes, token: str) -> Any:
    payload, _, signature = token.rpartition(".")
    # Compared as text: base64 has bits that say nothing, and one link is to have one token.
    if not compare_digest(_sign(key, use, payload).encode(), signature.encode("utf-8", "replace")):
        raise _not_ours()
    return json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _not_ours() -> BadLink:
    return BadLink("this link was not made here", remedy="copy the whole link from the message")
