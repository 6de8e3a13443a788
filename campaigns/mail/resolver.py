"""Ask DNS, and say what to put there; who asks is given, so that any zone can be tried."""

from collections.abc import Sequence
from typing import Protocol

import dns.exception
import dns.rdata
import dns.resolver

from campaigns.errors import BadSettings

LONGEST_STRING = 255  # RFC 1035, section 3.3: a longer text is written as several


class Resolve(Protocol):
    """Looks a name up."""

    def __call__(self, name: str, kind: str, /) -> list[str]:
        """Give the records of one kind (TXT, MX, A, AAAA) at a name; none if there are none.

        Returns:
            a TXT record in one piece, the others as a zone file writes them: "10 mail.example.com.".

        Raises:
            OSError: nobody answers.
        """


def dns_resolver(nameservers: Sequence[str] = (), port: int = 53, timeout_seconds: float = 5.0) -> Resolve:
    """Make the one that asks the real DNS.

    Args:
        nameservers: their IP addresses; the machine's own if none is given.
        port: theirs.
        timeout_seconds: for one name, all attempts together.
    """

    def resolve(name: str, kind: str, /) -> list[str]:
        try:
            asked = dns.resolver.Resolver(configure=not nameservers)
            if nameservers:
                asked.nameservers, asked.port = list(nameservers), port
            return [_text(record) for record in asked.resolve(name, kind, lifetime=timeout_seconds)]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise OSError(str(error)) from error

    return resolve


def look_up(resolve: Resolve, name: str, kind: str) -> list[str]:
    """Ask for the records at a name.

    Raises:
        BadSettings: nobody answers.
    """
    try:
        return resolve(name, kind)
    except OSError as error:
        raise BadSettings(
            f"DNS does not answer for {name} {kind}: {error}", remedy="look at this machine's network and try again"
        ) from error


def to_put(name: str, kind: str, value: str) -> str:
    """Say what DNS should hold, as a zone file writes it (RFC 1035, section 5.1).

    >>> to_put("_dmarc.example.com", "TXT", "v=DMARC1; p=none")
    'put into DNS: _dmarc.example.com. TXT "v=DMARC1; p=none"'
    """
    if kind == "TXT":
        pieces = [value[at : at + LONGEST_STRING] for at in range(0, len(value), LONGEST_STRING)]
        value = " ".join(f'"{piece}"' for piece in pieces)
    return f"put into DNS: {name}. {kind} {value}"


def tags(record: str) -> dict[str, str]:
    """Read the tags of a record (RFC 6376, section 3.2).

    >>> tags("v=DKIM1; k=rsa; p=MIIB IjAN;")
    {'v': 'DKIM1', 'k': 'rsa', 'p': 'MIIBIjAN'}
    """
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def _text(record: dns.rdata.Rdata) -> str:
    strings: Sequence[bytes] | None = getattr(record, "strings", None)
    return record.to_text() if strings is None else b"".join(strings).decode("ascii", "replace")
