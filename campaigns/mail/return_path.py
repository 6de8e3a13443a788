"""Give each message a return path of its own (VERP), so that a bounce tells by its address which message it is about.

Source: D. J. Bernstein, "Variable Envelope Return Paths", 1997; sub-addresses as in RFC 5233.
"""

from email.utils import parseaddr
from functools import lru_cache


def return_path(mailbox: str, rfc_message_id: str) -> str:
    """Make the return path of one message from the mailbox for bounces.

    >>> return_path("bounces@example.com", "<0af1@shop.example.com>")
    'bounces+0af1@example.com'
    """
    local, domain = _parts(mailbox)
    return f"{local}+{rfc_message_id.strip('<>').partition('@')[0]}@{domain}"


@lru_cache(maxsize=16)
def _parts(mailbox: str) -> tuple[str, str]:
    local, _, domain = parseaddr(mailbox)[1].rpartition("@")
    return local, domain


def message_key(address: str) -> str | None:
    """Read back which message a return path belongs to: the part of its Message-ID before the @; none if it is none's.

    >>> message_key("bounces+0af1@example.com"), message_key("hello@example.com")
    ('0af1', None)
    """
    local = address.strip("<> ").rpartition("@")[0]
    _, plus, key = local.rpartition("+")
    return key if plus and key else None
