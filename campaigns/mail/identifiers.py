"""Check the ids, links and mailboxes that stand in a message's header: one that could forge a header is refused."""

import re
from email.utils import getaddresses
from functools import lru_cache
from urllib.parse import quote, urlsplit

from campaigns.errors import BadMessage
from campaigns.mail.address import deliverable
from campaigns.mail.headers import has_control
from campaigns.mail.return_path import return_path

LONGEST_VALUE = 900  # so that its line stays below the 998 of RFC 5322, section 2.1.1
LONGEST_LIST_NAME = 255  # RFC 2919, section 2
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_MESSAGE_ID = re.compile(rf"{_DOT_ATOM}@{_DOT_ATOM}")
_LIST_NAME = re.compile(rf"{_ATOM}(?:\.{_ATOM})+")
_FEEDBACK_ID = re.compile(r"(?:[A-Za-z0-9_.@-]*:){0,3}[A-Za-z0-9_.-]{5,15}")
_SHOWN = re.compile(r"[!-;=?-~]+")
"""ASCII without spaces, control characters and angle brackets."""
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


def message_key(value: str) -> str:
    """Write a Message-ID.

    Raises:
        BadMessage: it is not left@right (RFC 5322, section 3.6.4).

    >>> message_key("1@example.com")
    '<1@example.com>'
    """
    bare = _bare(value, "message id")
    if not _MESSAGE_ID.fullmatch(bare):
        raise BadMessage(f"the message id {bare!r} is not left@right", remedy="give one like 0af1@example.com")
    return f"<{bare}>"


@lru_cache(maxsize=64)  # the same few for a million messages
def list_name(value: str) -> str:
    """Write a List-Id.

    Raises:
        BadMessage: it is not a name and a domain, or is longer than RFC 2919, section 2, lets it be.

    >>> list_name("weekly_digest.example.com")
    '<weekly_digest.example.com>'
    """
    bare = _bare(value, "list id")
    if not _LIST_NAME.fullmatch(bare) or len(bare) > LONGEST_LIST_NAME:
        raise BadMessage(
            f"the list id {bare[:300]!r} is no name before a domain",
            remedy=f"give one like weekly.example.com, of at most {LONGEST_LIST_NAME} characters",
        )
    return f"<{bare}>"


def one_click_link(value: str) -> str:
    """Write the link of List-Unsubscribe; plain http is only for trials on this machine.

    Raises:
        BadMessage: it is not https, which one-click wants (RFC 8058, section 3.1).
    """
    bare = _bare(value, "unsubscribe link")
    if not _one_click("/".join(bare.split("/", 3)[:3])):
        raise BadMessage(
            f"the unsubscribe link {bare!r} is not https", remedy="let `base_url` under [shop] begin with https://"
        )
    return f"<{bare}>"


def unsubscribe_by_mail(box: str, rfc_message_id: str) -> str:
    """Write the mail way of List-Unsubscribe: the message is known by the address (RFC 2369, section 3.2; RFC 6068).

    Raises:
        BadMessage: the mailbox is no address, or too long with the message's key behind it.

    >>> unsubscribe_by_mail("leave@example.com", "<0af1@shop.example.com>")
    '<mailto:leave+0af1@example.com?subject=unsubscribe>'
    """
    address = deliverable(return_path(deliverable(box, "unsubscribe mailbox"), rfc_message_id), "unsubscribe mailbox")
    return f"<mailto:{quote(address, safe='@+')}?subject=unsubscribe>"


@lru_cache(maxsize=64)
def bulk_sender_id(value: str) -> str:
    """Write a Feedback-ID: up to three ids of ours, then the sender's own, 5 to 15 characters long.

    Raises:
        BadMessage: it is not of that form.

    Source: Gmail's help, "Feedback Loop".

    >>> bulk_sender_id("weekly:2026-03-02::cornermarket")
    'weekly:2026-03-02::cornermarket'
    """
    if not _FEEDBACK_ID.fullmatch(value) or len(value) > LONGEST_VALUE:
        raise BadMessage(
            f"the feedback id {value[:300]!r} is not a:b:c:sender",
            remedy="give letters, digits, dots, hyphens and underscores between colons; the sender has 5 to 15 of them",
        )
    return value


@lru_cache(maxsize=64)
def mailbox(value: str, what: str) -> tuple[str, str, str]:
    """Read "Name <address>".

    Returns:
        the value with its address as mail carries it; the name; that address.

    Raises:
        BadMessage: not one address, or one that mail can't carry.

    >>> mailbox("Shop <hello@müller.example>", "sender")[1:]
    ('Shop', 'hello@xn--mller-kva.example')
    """
    if has_control(value):
        raise BadMessage(f"the {what} {value!r} has a line break", remedy="write it on one line")
    found = getaddresses([value])
    if len(found) != 1:
        raise BadMessage(f"the {what} {value!r} is not one address", remedy='write it as "Name <name@example.com>"')
    name, address = found[0]
    written = deliverable(address, what)
    return value.replace(address, written), name, written


@lru_cache(maxsize=64)  # the same few for a million messages
def _one_click(origin: str) -> bool:
    try:
        kind, host = urlsplit(origin).scheme, urlsplit(origin).hostname
    except ValueError:
        return False
    return bool(host) and (kind == "https" or (kind == "http" and host in _THIS_MACHINE))


def _bare(value: str, what: str) -> str:
    bare = value[1:-1] if value.startswith("<") and value.endswith(">") else value
    if not _SHOWN.fullmatch(bare):
        raise BadMessage(
            f"the {what} {value!r} can't stand in a header",
            remedy="give it in ASCII, without spaces, line breaks and angle brackets",
        )
    if len(bare) > LONGEST_VALUE:
        raise BadMessage(
            f"the {what} has {len(bare)} characters",
            remedy=f"give one of at most {LONGEST_VALUE}: a mail line ends there",
        )
    return bare
