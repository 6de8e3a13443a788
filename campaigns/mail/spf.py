"""Check which servers a domain lets send for it (SPF, RFC 7208)."""

import ipaddress
import re

from campaigns.errors import BadSettings
from campaigns.mail.resolver import Resolve, look_up, to_put

MOST_LOOKUPS = 10  # RFC 7208, section 4.6.4: with more, receivers take the record for broken
_ASKING = {"include", "a", "mx", "ptr", "exists", "redirect"}
_MECHANISM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:([:/])(\S*))?", re.IGNORECASE)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(\S*)")


def check_spf(resolve: Resolve, domain: str, sends: str) -> str:
    """Look at the SPF record of the domain that bounces go to.

    Args:
        resolve: asks DNS.
        domain: of the return path.
        sends: the term that lets our server send, such as `include:amazonses.com`, for a record to start with.

    Returns:
        what is there, in words.

    Raises:
        BadSettings: no record or more than one, one that lets anybody send, or that receivers don't read to its end.
    """
    record = _record(resolve, domain)
    if record is None:
        raise BadSettings(f"{domain} has no SPF record", remedy=to_put(domain, "TXT", f"v=spf1 {sends} ~all"))
    walk = _Walk(resolve)
    rest = walk.visit(domain, record)
    if rest not in {"-", "~"}:
        raise BadSettings(f"the SPF record of {domain} lets anybody send for it", remedy=_closed(domain, record))
    return f"{record!r} at {domain}: {walk.lookups} of {MOST_LOOKUPS} lookups"


def server_term(host: str) -> str:
    """Write the term that lets one server send (RFC 7208, sections 5.3 and 5.6).

    >>> server_term("mail.example.com"), server_term("192.0.2.1")
    ('a:mail.example.com', 'ip4:192.0.2.1')
    """
    for kind in ("ip4", "ip6"):
        if _network(kind, host):
            return f"{kind}:{host}"
    return f"a:{host}"


def _closed(domain: str, record: str) -> str:
    """Say how to end a record with ~all."""
    if "redirect=" in record.lower():
        return f"let the record that the one at {domain} redirects to end with ~all"
    kept = [word for word in record.split() if not re.fullmatch(r"[+?]?all", word, re.IGNORECASE)]
    return to_put(domain, "TXT", " ".join([*kept, "~all"]))


class _Walk:
    """One reading of a record and of all that it includes.

    Attributes:
        lookups: how many questions to DNS it took a receiver so far.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self.lookups = 0

    def visit(self, domain: str, record: str) -> str:
        """Read one record; says what is done with all other servers: - ~ ? or + (RFC 7208, section 4.6.2)."""
        onward = None
        for word in record.split()[1:]:
            if modifier := _MODIFIER.fullmatch(word):
                onward = modifier[2] if modifier[1].lower() == "redirect" else onward
                continue
            sign, name, value = _term(domain, word)
            if name == "all":
                return sign or "+"
            self._count(domain, name)
            if name == "include":
                self._follow(domain, value)
        if onward is None:
            return "?"
        self._count(domain, "redirect")
        return self._follow(domain, onward)

    def _count(self, domain: str, name: str) -> None:
        self.lookups += name in _ASKING
        if self.lookups > MOST_LOOKUPS:
            raise BadSettings(
                f"the SPF record takes more than {MOST_LOOKUPS} lookups, the last at {domain}",
                remedy="remove an include that nobody sends by, or name its addresses with ip4: and ip6:",
            )

    def _follow(self, domain: str, target: str) -> str:
        if "%" in target:  # a macro: what it names is known only when a message comes
            return "-"
        record = _record(self._resolve, target)
        if record is None:
            raise BadSettings(
                f"the SPF record of {domain} leads to {target!r}, which has none",
                remedy=f"remove {target!r} from the TXT record at {domain}, or mend its name",
            )
        return self.visit(target, record)


def _record(resolve: Resolve, domain: str) -> str | None:
    """Find the one SPF record of a domain (RFC 7208, section 4.5)."""
    found = [text for text in look_up(resolve, domain, "TXT") if re.match(r"v=spf1(?: |\Z)", text, re.IGNORECASE)]
    if len(found) > 1:
        raise BadSettings(
            f"{domain} has {len(found)} SPF records, so none counts",
            remedy=f"make one TXT record of them at {domain}: v=spf1, the terms of all, one ~all",
        )
    return found[0] if found else None


def _term(domain: str, word: str) -> tuple[str, str, str]:
    """Read one mechanism: its sign, its name, what stands behind it (RFC 7208, section 5)."""
    found = _MECHANISM.fullmatch(word)
    name, value = (found[2].lower(), found[4] or "") if found else ("", "")
    if not found or (name in {"include", "exists"} and not value) or (name[:2] == "ip" and not _network(name, value)):
        raise BadSettings(
            f"the SPF record of {domain} has a word that receivers do not know: {word!r}",
            remedy=f"mend or remove {word!r} in the TXT record at {domain}",
        )
    return found[1], name, value


def _network(name: str, value: str) -> bool:
    try:
        return ipaddress.ip_network(value, strict=False).version == int(name[-1])
    except ValueError:
        return False
