"""What adapters refuse, each with what is wrong, where, and the next step.

AdapterError
├── Unsupported    the system can't do this; never skipped in silence
├── BadMapping     a mapping file is wrong: file, line, and what was probably meant
├── BadCursor      a stored cursor is of another version or another query
├── SourceMissing  a file, table or column that must be there is not
├── BadSource      a file or table is there, but can't be read as it is; a system refuses what it is asked
├── Denied         a system does not know us, or does not let us
├── BatchRefused   a system refuses updates together, for the sake of some of them
└── Unreachable    the system does not answer
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"


class AdapterError(Exception):
    """Base of all refusals of adapters; `remedy` is the next step, in words."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class Unsupported(AdapterError):
    """The system can't do what was asked."""


class BadMapping(AdapterError):
    """A mapping file has an unknown key, converter or value."""


class BadCursor(AdapterError):
    """A cursor can't be continued; pull in full instead."""


class SourceMissing(AdapterError):
    """A file, table or column is not there."""


class BadSource(AdapterError):
    """A file or table can't be read as it is: no text, scattered orders, columns twice."""


class Denied(AdapterError):
    """The system does not know us (a wrong or expired token), or does not let us (a missing scope)."""


class BatchRefused(AdapterError):
    """The system refuses a batch as a whole; sent in parts, the good ones may go through."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, remedy="send it in parts")


class Unreachable(AdapterError):
    """The system does not answer."""


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """Put *** for each secret in words that come from elsewhere, e.g. a driver's error text; the longest first.

    It is found as it is, and as it stands in JSON, in a url and in what Python shows of it.

    >>> without_secrets("no host 'pass:word@db'", ["word", "pass:word"])
    "no host '***@db'"
    """
    forms = {form for secret in secrets if secret.strip() for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        words = words.replace(form, HIDDEN)
    return words


def _forms(secret: str) -> set[str]:
    written = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return {secret, secret.strip(), *written, quote(secret, safe=""), quote_plus(secret)}


def secrets_of(url: str) -> set[str]:
    """The password of a url, also in the pieces that a driver makes of one whose signs are not encoded.

    >>> sorted(secrets_of("postgresql://shop:pass/word@db/shop?sslkey=abc"))
    ['abc', 'pass', 'pass/word', 'word']
    """
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    given = re.findall(r"[?&][^=&]*(?:pass|secret|token|key)[^=&]*=([^&]+)", url)
    pieces = [piece for piece in re.split(r"[:/?#@]", password) if len(piece) > 2]
    return {form for secret in (password, *pieces, *given) if secret for form in (secret, unquote(secret))}
