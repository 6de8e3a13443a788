"""Turn the `transport` setting, a URL, into a transport."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Transport
from campaigns.mail.transports.maildir import Maildir
from campaigns.mail.transports.smtp import Smtp, machine_name
from campaigns.mail.transports.smtp_connect import Server

if TYPE_CHECKING:
    from campaigns.mail.transports.http import HttpTransport

PROVIDERS = ("ses", "postmark", "mailgun")
REMEDY = (
    "use maildir:FOLDER, smtp://[user:password@]host:port, smtps://[user:password@]host:port, ses://key:secret@region, "
    "postmark://token@api.postmarkapp.com or mailgun://key@api.mailgun.net/domain; "
    "write : / ? # @ % inside user or password as %3A %2F %3F %23 %40 %25"
)


@dataclass(frozen=True)
class Pace:
    """How a transport is used.

    Attributes:
        lanes: connections of one process.
        per_connection: messages after which a connection is opened anew.
        timeout_seconds: how long an answer may take.
    """

    lanes: int = 20
    per_connection: int = 1000
    timeout_seconds: float = 60.0


DEFAULT_PACE = Pace()


def open_transport(url: str, project: Path, pace: Pace = DEFAULT_PACE) -> Transport:
    """Make the transport of a URL; a Maildir's folder counts from the project's. `async with` opens it.

    Raises:
        TransportError: a kind that is not known, no folder, no host, or a port that is none.
    """
    kind, _, rest = url.partition(":")
    if kind == "maildir":
        if not rest:
            raise TransportError("the maildir transport names no folder", remedy=REMEDY)
        return Maildir(project / rest)
    if kind in {"smtp", "smtps"}:
        return Smtp(_server(url, kind, pace.timeout_seconds), pace.lanes, pace.per_connection)
    if kind in PROVIDERS:
        provider = _provider(kind, url)
        provider.timeout_seconds = pace.timeout_seconds
        return provider
    # Only what looks like a kind is repeated: of a URL in disorder, any part may be the password.
    named = f"kind {kind!r}" if rest and re.fullmatch(r"[a-z][a-z+-]{0,15}", kind) else "kind that its setting names"
    raise TransportError(f"no transport of the {named}", remedy=REMEDY)


def _provider(kind: str, url: str) -> "HttpTransport":
    """Make the transport of a provider; only who uses one loads what they share."""
    if kind == "ses":
        from campaigns.mail.transports.ses import ses_from_url  # noqa: PLC0415 - see above

        return ses_from_url(url)
    if kind == "postmark":
        from campaigns.mail.transports.postmark import postmark_from_url  # noqa: PLC0415

        return postmark_from_url(url)
    from campaigns.mail.transports.mailgun import mailgun_from_url  # noqa: PLC0415

    return mailgun_from_url(url)


def _server(url: str, kind: str, timeout_seconds: float) -> Server:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its words may hold a piece of the password
        raise TransportError(f"the {kind} transport is no URL with a port", remedy=REMEDY) from None
    if not host:
        raise TransportError(f"the {kind} transport names no host", remedy=REMEDY)
    tls = kind == "smtps"
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Server(host, port or (465 if tls else 587), tls, user, password, timeout_seconds, machine_name())
