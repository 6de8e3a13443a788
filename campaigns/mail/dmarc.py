"""Check what a domain asks receivers to do with forgeries, and that our messages pass for its own (DMARC, RFC 7489)."""

from collections.abc import Sequence
from typing import NamedTuple

from campaigns.errors import BadSettings
from campaigns.mail.resolver import Resolve, look_up, tags, to_put

POLICIES = {"none", "quarantine", "reject"}
_REGISTRIES = {"ac", "co", "com", "edu", "gob", "gov", "gv", "ltd", "me", "mil", "ne", "net", "or", "org", "plc", "sch"}


class Policy(NamedTuple):
    """The DMARC record that counts for a domain.

    Attributes:
        domain: where it stands: the domain itself or the one it belongs to.
        tags: its tags by name.
    """

    domain: str
    tags: dict[str, str]


def check_dmarc(resolve: Resolve, domain: str) -> str:
    """Look at the DMARC record of the sender's domain; Gmail and Yahoo want one from whoever sends much.

    Returns:
        what is there, in words.

    Raises:
        BadSettings: there is no record or more than one, or it has no policy.
    """
    policy = _policy(resolve, domain)
    name = f"_dmarc.{domain}"
    if policy is None:
        reports = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"
        raise BadSettings(f"{domain} has no DMARC record", remedy=to_put(name, "TXT", reports))
    asked = policy.tags.get("p", "").lower()
    if policy.domain != domain:
        asked = policy.tags.get("sp", asked).lower()
    if asked not in POLICIES:
        raise BadSettings(
            f"the DMARC record at _dmarc.{policy.domain} has no policy",
            remedy=to_put(f"_dmarc.{policy.domain}", "TXT", "v=DMARC1; p=none"),
        )
    more = "; when its reports show only your own servers, make it p=quarantine" if asked == "none" else ""
    return f"policy {asked} at _dmarc.{policy.domain}{more}"


def check_alignment(resolve: Resolve, domain: str, signing: Sequence[str], bounces: str) -> str:
    """Look whether a signature or the return path speaks for the sender's domain: DMARC wants one of the two.

    Args:
        resolve: asks DNS.
        domain: of the From address.
        signing: the domains of the signatures, `d=`.
        bounces: the domain of the return path.

    Returns:
        what holds, in words.

    Raises:
        BadSettings: neither does.

    Source: RFC 7489, section 3.1.
    """
    policy = _policy(resolve, domain)
    asked = policy.tags if policy else {}
    by_key = [name for name in signing if _aligned(name, domain, asked.get("adkim", "r"))]
    by_path = _aligned(bounces, domain, asked.get("aspf", "r"))
    if by_key:
        return f"the signature of {by_key[0]} speaks for {domain}" + (
            ", and so does the return path" if by_path else ""
        )
    if by_path:
        return f"only the return path speaks for {domain}: a message that is forwarded loses it; sign messages, too"
    raise BadSettings(
        f"neither a signature nor the return path at {bounces} speaks for {domain}",
        remedy=f"let `return_path` under [mail] end with @{domain}, or add a DKIM key of it under [[mail.signatures]]",
    )


def organisation(domain: str) -> str:
    """Name the domain that somebody registered, of which a domain is a part.

    It is told by its form, without the list of public suffixes: two labels, or three below a country's registry such
    as co.uk. A registry not known here makes two strangers one; a finding may then be too kind, never a message wrong.

    >>> organisation("news.shop.example.com"), organisation("news.shop.co.uk")
    ('example.com', 'shop.co.uk')
    """
    labels = domain.lower().split(".")
    below_registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _REGISTRIES
    return ".".join(labels[-3 if below_registry else -2 :])


def _aligned(other: str, domain: str, mode: str) -> bool:
    if mode.lower() == "s":
        return other.lower() == domain.lower()
    return organisation(other) == organisation(domain)


def _policy(resolve: Resolve, domain: str) -> Policy | None:
    """Find the record: of the domain, or of the one it belongs to (RFC 7489, section 6.6.3)."""
    for place in dict.fromkeys((domain, organisation(domain))):
        found = [text for text in look_up(resolve, f"_dmarc.{place}", "TXT") if _is_dmarc(text)]
        if len(found) > 1:
            raise BadSettings(
                f"_dmarc.{place} has {len(found)} DMARC records, so none counts",
                remedy=f"leave one TXT record at _dmarc.{place}",
            )
        if found:
            return Policy(place, tags(found[0]))
    return None


def _is_dmarc(text: str) -> bool:
    name, _, value = text.partition(";")[0].partition("=")
    return (name.strip(), value.strip()) == ("v", "DMARC1")
