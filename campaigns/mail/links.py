"""Sign the links in a message: who forges one, learns and changes nothing."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from campaigns.errors import BadLink

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
        self._signer = _signer(secret, "handpicked-link")
        self._views = _signer(secret, "handpicked-view")
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
        return f"{self._base}/view/{_dump(self._views, values)}"

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
        found, values = _load(self._signer, token)
        if kind not in (None, found):
            raise _not_ours()
        return Link(found, values)

    def read_view(self, token: str) -> Link:
        """Read the token of a view link.

        Raises:
            BadLink: forged, cut short, or expired.
        """
        values = _load(self._views, token)
        if self._clock() - values.pop("made") > CUSTOMER_DATA.total_seconds():
            raise BadLink("this link has expired", remedy="open a newer message")
        return Link("view", values)

    def _url(self, kind: str, **values: str) -> str:
        return f"{self._base}/{kind}/{_dump(self._signer, [kind, values])}"


def _signer(secret: str, salt: str) -> Signer:
    """HMAC-SHA256 under a key of its own (RFC 2104). Nothing is compressed: a dozen links stand in each message."""
    key = hmac.digest(secret.encode(), salt.encode(), "sha256")  # derived once, not for every link
    return Signer(key, key_derivation="none", digest_method=hashlib.sha256)


_WRITE = json.JSONEncoder(separators=(",", ":")).encode


def _dump(signer: Signer, values: Any) -> str:
    return signer.sign(base64_encode(_WRITE(values))).decode()


def _load(signer: Signer, token: str) -> Any:
    try:
        payload = signer.unsign(token)
        signature = token.rpartition(".")[2]
        # Base64 has bits that say nothing: one link is to have one token, or a changed one could pass for new.
        if base64_encode(base64_decode(signature)).decode() != signature:
            raise _not_ours()
        return json.loads(base64_decode(payload))
    except (BadData, ValueError) as error:  # UnicodeError is a ValueError
        raise _not_ours() from error


def _not_ours() -> BadLink:
    return BadLink("this link was not made here", remedy="copy the whole link from the message")
