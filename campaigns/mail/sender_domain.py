"""Check that the sender's domain lets providers believe its messages: SPF, DKIM, DMARC, and a place for bounces.

Each check says in words what is there, or raises what is wrong and what exactly to put into DNS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from campaigns.errors import BadSettings
from campaigns.mail.dkim import DomainSigner
from campaigns.mail.dkim_key import GOOD_RSA, MAKE_ONE, Key
from campaigns.mail.dmarc import check_alignment, check_dmarc
from campaigns.mail.resolver import Resolve, look_up, tags, to_put
from campaigns.mail.spf import check_spf


@dataclass(frozen=True)
class SenderDomain:
    """What is known of how messages leave.

    Attributes:
        domain: of the From address, in ASCII.
        bounces: the domain of the return path, in ASCII.
        signers: our own signatures.
        sends: the SPF term that lets our server send.
        signed_elsewhere: the provider that takes our messages signs them.
    """

    domain: str
    bounces: str
    signers: Sequence[DomainSigner]
    sends: str
    signed_elsewhere: bool = False


def sender_checks(resolve: Resolve, sender: SenderDomain) -> Mapping[str, Callable[[], str]]:
    """List the checks by what they look at; a call gives what is there, in words, or raises BadSettings."""
    keys = {f"DKIM {signer.selector}": partial(check_key, resolve, signer) for signer in sender.signers}
    signing = [signer.domain for signer in sender.signers]
    return {
        "SPF": partial(check_spf, resolve, sender.bounces, sender.sends),
        **(keys or {"DKIM": partial(_without_key, sender)}),
        "DMARC": partial(check_dmarc, resolve, sender.domain),
        "alignment": partial(check_alignment, resolve, sender.domain, signing, sender.bounces),
        "bounces": partial(check_bounces, resolve, sender.bounces),
    }


def check_key(resolve: Resolve, signer: DomainSigner) -> str:
    """Look whether DNS holds the public half of a key (RFC 6376, sections 3.6.1 and 6.1.2).

    Raises:
        BadSettings: it holds none, several, another or a withdrawn one; or the key is shorter than providers like.
    """
    name, key = signer.record_name, signer.key
    if problem := _problem(look_up(resolve, name, "TXT"), key):
        raise BadSettings(f"{name} {problem}", remedy=to_put(name, "TXT", key.record))
    if key.kind == "rsa" and key.bits < GOOD_RSA:
        raise BadSettings(f"the key of {name} has only {key.bits} bits", remedy=f"{MAKE_ONE}, under another selector")
    return f"{name} holds our key: {key.kind}, {key.bits} bits"


def check_bounces(resolve: Resolve, domain: str) -> str:
    """Look whether mail to the return path arrives anywhere (RFC 5321, section 5.1; RFC 7505).

    Raises:
        BadSettings: the domain takes no mail.
    """
    servers = [record.split()[-1].rstrip(".") for record in look_up(resolve, domain, "MX")]
    if any(servers):
        return f"bounces go to {', '.join(sorted(filter(None, servers)))}"
    if not servers and (look_up(resolve, domain, "A") or look_up(resolve, domain, "AAAA")):
        return f"{domain} has no MX record: bounces go to the machine of that name"
    raise BadSettings(
        f"{domain} takes no mail, so no bounce arrives",
        remedy=f"{to_put(domain, 'MX', '10 MAILSERVER.')} with the name of the server that keeps your mail, "
        "or set `return_path` under [mail] to a mailbox that is read",
    )


def _problem(records: Sequence[str], key: Key) -> str | None:
    if len(records) != 1:
        return f"holds {len(records)} records, so receivers may take any" if records else "holds no key"
    told = tags(records[0])
    if told.get("v", "DKIM1") != "DKIM1":
        return "is not of version DKIM1"
    if told.get("p") == "":
        return "withdraws its key (p= is empty)"
    if told.get("k", "rsa") != key.kind or not key.matches(told.get("p", "")):
        return "holds another key than ours"
    return "says that it is only a trial (t=y)" if "y" in told.get("t", "").split(":") else None


def _without_key(sender: SenderDomain) -> str:
    if sender.signed_elsewhere:
        return "the provider signs; its page for this domain says what to put into DNS"
    raise BadSettings(
        "messages leave unsigned, and most providers turn them away",
        remedy=f'{MAKE_ONE} and name it: [[mail.signatures]] selector = "s1", key = "dkim.pem"',
    )
