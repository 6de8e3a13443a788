"""Read the URL of a provider: KIND://USER:PASSWORD@HOST/PATH?OPTIONS. No refusal repeats a part of it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from campaigns.errors import TransportError


@dataclass(frozen=True, slots=True)
class ProviderUrl:
    """The parts of a provider's URL, unquoted.

    Attributes:
        user: before the colon; empty if there is none.
        password: behind the colon; empty if there is none.
        host: in lower case.
        path: without slashes around it.
        options: what stands behind the question mark.
        endpoint: https://host, or what the option of that name says: for trials and private gateways.
    """

    user: str = field(repr=False)
    password: str = field(repr=False)
    host: str
    path: str
    options: dict[str, str]
    endpoint: str


def read_url(url: str, options: Collection[str], remedy: str) -> ProviderUrl:
    """Take a URL apart.

    Args:
        url: as it stands in the setting.
        options: the names that may stand behind the question mark, apart from `endpoint`.
        remedy: how such a URL is written.

    Raises:
        TransportError: it names no host, an option twice or one that is not known, an endpoint that is none, or holds
            characters that can't stand in a request.
    """
    kind = url.partition(":")[0]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:  # its words may hold a piece of the secret
        raise TransportError(f"the {kind} transport is no URL", remedy=remedy) from None
    given = dict(pairs)
    if not host or parts.fragment:
        raise TransportError(f"the {kind} transport names no host, or more than a URL has", remedy=remedy)
    if len(given) < len(pairs) or not given.keys() <= {*options, "endpoint"}:
        known = ", ".join(sorted({*options, "endpoint"}))
        raise TransportError(f"the {kind} transport takes each of these options once: {known}", remedy=remedy)
    endpoint = given.get("endpoint") or f"https://{host}{f':{port}' if port else ''}"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    for what in (user, password, unquote(parts.path), *given.values()):
        if not what.isascii() or not what.isprintable() or " " in what:
            raise TransportError(f"the {kind} transport holds characters that no key has", remedy=remedy)
    path = unquote(parts.path).strip("/")
    return ProviderUrl(user, password, host, path, given, _endpoint(endpoint, kind, remedy))


def _endpoint(endpoint: str, kind: str, remedy: str) -> str:
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.query or parts.fragment:
        raise TransportError(f"the endpoint of the {kind} transport is no http(s)://host:port", remedy=remedy)
    return endpoint.rstrip("/")
