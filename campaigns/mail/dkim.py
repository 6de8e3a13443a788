"""Sign messages with DKIM (RFC 6376): RSA-2048, and Ed25519 beside it (RFC 8463).

Headers are made canonical as "relaxed", for servers fold and space them anew; the body as "simple", for that costs one
hash and no look at its lines. A signature has no length and no end: it holds for the whole body.
"""

import hashlib
import re
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from campaigns.errors import BadSettings
from campaigns.mail.address import ascii_domain
from campaigns.mail.dkim_key import Key, load_key

ONCE = (b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"content-type")
"""A second one of these would change what is read: signed once more than they stand there (RFC 6376, section 8.15)."""
_SIGNED = {
    *ONCE,
    *(b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id", b"precedence"),
    *(b"mime-version", b"content-transfer-encoding"),
}
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")


class Signer(Protocol):
    """Signs one message."""

    def sign(self, head: Sequence[str], hashed: str) -> str:
        """Make the DKIM-Signature field of a message.

        Args:
            head: its header fields, each once: "Name: value", folded with CRLF as they are sent, without the last CRLF.
            hashed: the `body_hash` of its body.

        Returns:
            the field, folded, without the last CRLF.
        """


class DomainSigner:
    """Signs for one domain with one key.

    Attributes:
        domain: the domain that answers for the message, `d=`; in ASCII.
        selector: which of its keys, `s=`.
        key: the private key.
    """

    def __init__(self, domain: str, selector: str, key: Key, clock: Callable[[], float] = time.time) -> None:
        self.domain, self.selector, self.key = domain, selector, key
        self._clock = clock
        self._start = (
            f"DKIM-Signature: v=1; a={key.kind}-sha256; c=relaxed/simple;\r\n d={domain};\r\n s={selector}; t="
        )

    @property
    def record_name(self) -> str:
        """Where DNS must hold `key.record`, as TXT (RFC 6376, section 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    def sign(self, head: Sequence[str], hashed: str) -> str:
        """Make the DKIM-Signature field of a message (RFC 6376, sections 3.5 and 3.7)."""
        covered = {name: field for name, field in map(_relaxed, head) if name in _SIGNED}
        names = _names(tuple(covered))
        field = f"{self._start}{int(self._clock())};\r\n {names};\r\n bh={hashed};\r\n b="
        text = b"\r\n".join([*covered.values(), _relaxed(field)[1]])
        signature = b64encode(self.key.sign(text)).decode()
        return field + "\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))


def load_signer(domain: str, selector: str, pem: bytes | Path) -> DomainSigner:
    """Make the signer of a domain.

    Args:
        domain: of the sender's address.
        selector: the name under which DNS holds the key.
        pem: the private key itself, or its file.

    Raises:
        BadSettings: the selector is no name in DNS, or the key can't be used.
        BadMessage: the domain is none.
    """
    if not _SELECTOR.fullmatch(selector):
        raise BadSettings(
            f"the DKIM selector {selector!r} is no name in DNS", remedy="give letters, digits and hyphens, such as s1"
        )
    return DomainSigner(ascii_domain(domain), selector, load_key(pem))


def body_hash(pieces: Sequence[bytes]) -> str:
    """Hash a body without the empty lines at its end (RFC 6376, section 3.4.3), in base64; the same for all signers.

    Args:
        pieces: the body as it is sent; the last piece begins no later than those empty lines.
    """
    *most, last = pieces
    digest = hashlib.sha256()
    for piece in most:
        digest.update(piece)
    end = len(last)
    while last[end - 2 : end] == b"\r\n":
        end -= 2
    digest.update(last[:end] + b"\r\n")
    return b64encode(digest.digest()).decode()


@lru_cache(maxsize=64)  # the messages of a campaign have the same headers
def _names(present: tuple[bytes, ...]) -> str:
    """Write `h=`: each header that is there, and those of `ONCE` once more (RFC 6376, section 5.4.2)."""
    names = [name.decode() for name in (*present, *ONCE)]
    lines = (":".join(names[at : at + 3]) for at in range(0, len(names), 3))  # three fit a line, however long
    return "h=" + ":\r\n ".join(lines)


@lru_cache(maxsize=64)  # half of a message's headers are those of the message before
def _relaxed(field: str) -> tuple[bytes, bytes]:
    """Make a header canonical: its name small, its value on one line, single spaces (RFC 6376, section 3.4.2).

    Returns:
        its name, and the whole of it.
    """
    name, _, value = field.encode().partition(b":")
    small = name.lower()
    return small, b"%b:%b" % (small, b" ".join(value.split()))
