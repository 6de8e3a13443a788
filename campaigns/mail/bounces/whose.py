"""Find which message a mail is about."""

import re
from dataclasses import dataclass
from email.utils import parseaddr

from campaigns.mail.bounces.parts import Part, take_apart
from campaigns.mail.return_path import message_key

RETURNED = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}
_ARRIVED_AT = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_ADDRESS = re.compile(r"[^\s<>,;:\"@\x00-\x1f]{1,64}@[^\s<>,;:\"@\x00-\x1f]{1,255}")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")


@dataclass(frozen=True, slots=True)
class Whose:
    """Reads whose message a mail is about.

    Attributes:
        box: the mailbox that return paths are made from; without one, no address tells.
    """

    box: str | None

    def message_id(self, mail: Part, sent_from: str = "") -> str | None:
        """The Message-ID of the message that a mail is about, as far as it tells.

        First by the return path that it came to (or that `sent_from`, an address, repeats): nobody on the way rewrites
        it. Then by the message that it returns.

        Returns:
            the Message-ID in angle brackets; `<KEY>`, without a domain, where only the key is known; or none.
        """
        told = message_id_of(returned(mail))
        key = self.key(mail) or self._key_of([sent_from])
        if key is None:
            return told
        return told if told and told.startswith(f"<{key}@") else f"<{key}>"

    def key(self, mail: Part) -> str | None:
        """The message's key in the address that a mail came to."""
        return self._key_of([value for name in _ARRIVED_AT for value in mail.fields.get(name, [])])

    def _key_of(self, values: list[str]) -> str | None:
        if self.box is None:
            return None
        local = parseaddr(self.box)[1].rpartition("@")[0].lower() + "+"
        found = (address for value in values for address in _ADDRESS.findall(value))
        keys = (message_key(address) for address in found if address.lower().startswith(local))
        return next((key for key in keys if key), None)


def returned(mail: Part) -> Part | None:
    """The message that a report returns, whole or its header."""
    inside = next((part for part in mail.walk() if part.kind in RETURNED), None)
    return take_apart(inside.body) if inside else None


def message_id_of(mail: Part | None) -> str | None:
    """The Message-ID of a mail."""
    found = _MESSAGE_ID.search(mail.first("message-id")) if mail else None
    return found[0] if found else None


def address_in(value: str) -> str | None:
    """The first address in a value, bare.

    >>> address_in("rfc822; <ada@example.com>"), address_in("nobody")
    ('ada@example.com', None)
    """
    found = _ADDRESS.search(value)
    return found[0] if found else None
