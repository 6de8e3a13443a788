"""Turn the `transport` setting, a URL, into a transport."""

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Transport
from campaigns.mail.transports.maildir import Maildir
from campaigns.mail.transports.smtp import Server, Smtp

REMEDY = "use maildir:FOLDER, smtp://[user:password@]host:port or smtps://[user:password@]host:port"


def open_transport(url: str, project: Path) -> Transport:
    """Make the transport of a URL; a Maildir's folder counts from the project's. `with` opens it.

    Raises:
        TransportError: a kind that is not known, or no host.
    """
    kind, _, rest = url.partition(":")
    if kind == "maildir" and rest:
        return Maildir(project / rest)
    if kind in {"smtp", "smtps"}:
        return Smtp(_server(urlsplit(url)))
    raise TransportError(f"no transport of the kind {kind!r}", remedy=REMEDY)


def _server(parts: SplitResult) -> Server:
    try:
        port = parts.port
    except ValueError as error:
        raise TransportError(f"the port of the {parts.scheme} transport is no number", remedy=REMEDY) from error
    if not parts.hostname:
        raise TransportError(f"the {parts.scheme} transport names no host", remedy=REMEDY)
    tls = parts.scheme == "smtps"
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Server(parts.hostname, port or (465 if tls else 587), tls, user, password)
