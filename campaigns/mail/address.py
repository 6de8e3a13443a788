"""Read one mail address of any legal form and write it as mail can carry it, or refuse it and say why.

The domain comes out in ASCII (RFC 5890, mapped as UTS 46 says), a quoted local part in its shortest form; a local part
that is not ASCII stays as it is and needs SMTPUTF8 (RFC 6531). Nothing that comes out can end a header line, an angle
bracket or an SMTP command.
"""

import re
import unicodedata

import idna

from campaigns.errors import BadMessage
from campaigns.mail.headers import has_control

LONGEST_ADDRESS = 254  # octets; RFC 5321, section 4.5.3.1.3, without its angle brackets
LONGEST_LOCAL = 64  # octets; RFC 5321, section 4.5.3.1.1
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"  # RFC 5322, section 3.2.3; RFC 6531, section 3.3
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)+)"')
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}")  # the last label is no number: RFC 3696, section 2


def deliverable(address: str, what: str = "address") -> str:
    r"""Write a bare address as it goes into an envelope or a header.

    Args:
        address: as a CRM has it: any legal form, without name and angle brackets.
        what: whose it is, for the text of a refusal.

    Raises:
        BadMessage: it is no address, or one that no mail server takes; it says which rule is broken.

    Source: RFC 5321, section 4.1.2; RFC 5322, section 3.4.1; RFC 6531, section 3.3.

    >>> deliverable("ada@MÜLLER.example"), deliverable('"ada"@example.com'), deliverable(r'"john\ doe"@example.com')
    ('ada@xn--mller-kva.example', 'ada@example.com', '"john doe"@example.com')
    """
    try:
        return _deliverable(address)
    except ValueError as error:
        raise BadMessage(
            f"the {what} {address[:300]!a} is no address that mail can carry: {error}",
            remedy="mend it where it comes from; it is like name@example.com",
        ) from None


def needs_smtputf8(address: str) -> bool:
    """Say whether a deliverable address can only go to servers that offer SMTPUTF8 (RFC 6531).

    >>> needs_smtputf8(deliverable("zoë@müller.example")), needs_smtputf8(deliverable("zoe@müller.example"))
    (True, False)
    """
    return not address.isascii()


def ascii_domain(domain: str) -> str:
    """Write a domain as DNS knows it, in ASCII and lower case.

    Raises:
        BadMessage: it is no name of a domain.

    >>> ascii_domain("Müller.example")
    'xn--mller-kva.example'
    """
    try:
        return _domain(domain)
    except ValueError as error:
        raise BadMessage(
            f"{domain[:300]!a} is no domain: {error}", remedy="write it like example.com, where it is set"
        ) from None


def _deliverable(address: str) -> str:
    if has_control(address):
        raise ValueError("it has a line break or another control character")
    local, at, domain = unicodedata.normalize("NFC", address).rpartition("@")
    if not at or not local or not domain:
        raise ValueError("it needs one @, with a name before it and a domain behind it")
    written = f"{_local(local)}@{_domain(domain)}"
    if len(written.encode()) > LONGEST_ADDRESS:
        raise ValueError(f"it is longer than {LONGEST_ADDRESS} octets, the longest that servers must take")
    return written


def _local(local: str) -> str:
    if "<" in local or ">" in local:
        raise ValueError("it has an angle bracket; give the bare address, without a name")
    quoted = _QUOTED.fullmatch(local)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else local
    if not plain.isprintable():  # spaces of other scripts, signs that can't be seen, half characters
        raise ValueError("it has a character that can't be seen")
    written = plain
    if not _DOT_ATOM.fullmatch(plain):
        if not quoted:
            raise ValueError(_why(local))
        written = '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'
    if len(written.encode()) > LONGEST_LOCAL:
        raise ValueError(f"the part before the @ is longer than {LONGEST_LOCAL} octets")
    return written


def _why(local: str) -> str:
    """Say which rule a local part without quotes breaks."""
    if "@" in local:
        return "it has more than one @"
    if "(" in local or ")" in local:
        return "it has a comment in brackets; leave it out"
    if ".." in local or local.startswith(".") or local.endswith("."):
        return "a dot begins or ends its name, or two follow each other; such a name stands in quotes"
    return "a space, a quote or another special sign stands in its name without quotes around the whole name"


def _domain(domain: str) -> str:
    if domain.startswith("["):
        raise ValueError("it names a machine by its number in brackets; give the name of a domain")
    if domain.endswith("."):
        raise ValueError("a dot ends its domain; leave it out")
    written = domain.lower() if domain.isascii() else _encoded(domain)
    if not _DOMAIN.fullmatch(written):
        raise ValueError("its domain is not made of letters, digits, hyphens and single dots, or is a number")
    return written


def _encoded(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode()
    except UnicodeError as error:  # idna's own errors, and its dependence on Python's codecs
        raise ValueError("its domain holds a sign that no domain may have") from error
