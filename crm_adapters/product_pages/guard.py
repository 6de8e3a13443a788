"""Whom we may call: given hosts alone, and of these none at a private address; checked on the address that is called.

A name may lead anywhere, and elsewhere a moment later (DNS rebinding). So it is resolved here, each address is looked
at, and the call goes to that very address; the name stands only in the `Host` header and in TLS.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from crm_adapters.errors import BadSource

Resolve = Callable[[str, int], Sequence[str]]
PORTS = {"http": 80, "https": 443}
NAT64 = IPv6Network("64:ff9b::/96")
"""Addresses that a network's translator leads to the IPv4 address within (RFC 6052)."""
NEVER = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "2001::/23", "2002::/16", "fec0::/10"))
)
"""For protocols, translators and tunnels; older versions of Python think that some of them are global."""


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which the machine would try them.

    Raises:
        httpx.ConnectError: the name is unknown.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} is not known: {error}") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet; of one within another (mapped, NAT64) the inner counts.

    >>> [is_public(one) for one in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe")]
    [True, False, False, False]
    """
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(read, IPv6Address) and (within := _within(read)):
        read = within
    plain = read.is_global and not (read.is_multicast or read.is_reserved or read.is_unspecified)
    return plain and not any(read in network for network in NEVER)


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a call to an IPv6 address comes out at."""
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address.ipv4_mapped


class Places:
    """The hosts that may be called, each at the ports of the web and at those that were named with it.

    Args:
        source: the url that somebody typed.
        hosts: more hosts, with or without a port.

    Raises:
        BadSource: a host is none.
    """

    def __init__(self, source: httpx.URL, hosts: Iterable[str]) -> None:
        self._ports: dict[str, set[int]] = {}
        for url in (source, *map(_host, hosts)):
            self._ports.setdefault(_name(url), set(PORTS.values())).update({url.port} if url.port else ())

    def refusal(self, url: httpx.URL) -> str:
        """Why a url may not be called, in words; empty: it may."""
        if url.scheme not in PORTS:
            return f"{url.scheme or 'nothing'}:// is neither http nor https"
        ports = self._ports.get(_name(url))
        if ports is None:
            return f"{url.host or 'no host'} is not among the given hosts"
        if port_of(url) not in ports:
            return f"port {url.port} of {url.host} was not given"
        return ""


def port_of(url: httpx.URL) -> int:
    """The port of a url, also where it is the usual one."""
    return url.port or PORTS[url.scheme]


def _name(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _host(entry: str) -> httpx.URL:
    try:
        url = httpx.URL(f"http://{entry.strip()}")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if not url.host or re.search(r"\s", entry.strip()) or url.path != "/" or url.userinfo or url.query or url.fragment:
        raise BadSource(f"{entry!r} is no host", remedy="write hosts like cdn.example.com, without https:// and paths")
    return url


@cache
def _tls() -> ssl.SSLContext:
    """Whom to trust; reading that takes longer than most calls, so it is read once."""
    return httpx.create_ssl_context()


def network() -> httpx.BaseTransport:
    """What carries calls over the network."""
    return httpx.HTTPTransport(verify=_tls())


class Guarded(httpx.BaseTransport):
    """Carries calls to addresses that may be called; what is in between (redirects, names) can't change that.

    Args:
        resolve: the addresses of a host.
        allow_private: whether private addresses may be called too.
        carrier: makes what carries the calls to one host; none is shared, for TLS belongs to a name.
    """

    def __init__(
        self, resolve: Resolve, *, allow_private: bool, carrier: Callable[[], httpx.BaseTransport] = network
    ) -> None:
        self._resolve, self._allow_private, self._carrier = resolve, allow_private, carrier
        self._carriers: dict[str, httpx.BaseTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Call the first address that can be reached.

        Raises:
            BadSource: an address is private.
        """
        host = request.url.host
        addresses = self._addresses(host, port_of(request.url))
        if host not in self._carriers:
            self._carriers[host] = self._carrier()
        carrier = self._carriers[host]
        for address in addresses[:-1]:
            try:
                return carrier.handle_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return carrier.handle_request(_pinned(request, addresses[-1]))

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        addresses = self._resolve(host, port)
        if not addresses:
            raise httpx.ConnectError(f"{host} has no address")
        if not self._allow_private and (bad := next((one for one in addresses if not is_public(one)), None)):
            raise BadSource(
                f"{host} leads to {bad}, which is no address of the internet",
                remedy="if this is your own network, write allow_private = true into the connection",
            )
        return addresses

    def close(self) -> None:
        """Close connections."""
        for carrier in self._carriers.values():
            carrier.close()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """The same request to an address; the `Host` header is the name's already."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address.partition("%")[0]),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
