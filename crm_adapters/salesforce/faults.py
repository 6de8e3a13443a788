"""What Salesforce's refusals mean.

Some are none: it says 403 when it has been called too often, and 400 when it was too slow.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from crm_adapters.errors import AdapterError, BadSource, Denied, SourceMissing, Unreachable
from crm_adapters.http.wording import FORBIDDEN, UNAUTHORIZED
from crm_adapters.salesforce.soql import CURRENCY

TOO_MANY = "REQUEST_LIMIT_EXCEEDED"
PASSING = ("QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "UNABLE_TO_LOCK_ROW")
"""Refusals that may be none a little later."""
OVER = "INVALID_QUERY_LOCATOR"
GONE = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "NOT_FOUND", "INVALID_ID_FIELD")
NO_FIELD = re.compile(r"No such column '([\w.]+)' on (?:entity|sobject of type) '?(\w+)")
NO_PARENT = re.compile(r"Didn't understand relationship '(\w+)' in")
NO_OBJECT = re.compile(r"sObject type '(\w+)' is not supported")
PLACE = "ERROR at Row"


class Fault(NamedTuple):
    """What a refusal says.

    Attributes:
        code: Salesforce's, e.g. ``INVALID_FIELD``.
        words: the code and Salesforce's own words, on one line.
        missing: what there is not, in words, if that is what it says.
        field: that there is not, if it is one.
    """

    code: str
    words: str
    missing: str = ""
    field: str = ""

    @property
    def is_passing(self) -> bool:
        """Whether the same call may be answered a little later: when a day's calls are spent, it is not."""
        return self.code in PASSING or (self.code == TOO_MANY and "concurrent" in self.words.lower())


def fault_of(told: Any, words: Callable[[Any], str]) -> Fault:
    """Read a refusal: of a call (a list), of a record in it, or the page of a proxy.

    Args:
        told: what was answered.
        words: puts an answer on one line, without what is secret.
    """
    first = told[0] if isinstance(told, list) and told else told
    found: Mapping[str, Any] = first if isinstance(first, Mapping) else {"message": first}
    code, message = str(found.get("errorCode") or found.get("statusCode") or ""), found.get("message")
    if isinstance(message, str) and PLACE in message:  # before that it repeats the question
        message = message[message.index(PLACE) :]
    said = words(message)
    missing, field = _missing(str(message))
    return Fault(code, f"{code}: {said}" if code else said, missing, field)


def _missing(message: str) -> tuple[str, str]:
    if found := NO_FIELD.search(message):
        return f"its {found[2]} has no field {found[1]!r}", found[1]
    if found := NO_PARENT.search(message):
        return f"there is no relationship {found[1]!r}", found[1]
    if found := NO_OBJECT.search(message):
        return f"there is no object {found[1]!r}", ""
    return "", ""


def refusal(status: int, fault: Fault) -> AdapterError:
    """A call that is refused, in our words."""
    if fault.code == TOO_MANY:
        return Unreachable(f"Salesforce takes no more calls ({fault.words})", remedy=TOO_MANY_REMEDY)
    if fault.is_passing or fault.code == OVER:
        return Unreachable(f"Salesforce can't answer now ({fault.words})", remedy="nothing is lost; try again later")
    if status == UNAUTHORIZED:
        return Denied(f"Salesforce lets us in no more ({fault.words})", remedy=LET_IN)
    if fault.missing:
        remedy = ONE_CURRENCY if fault.field == CURRENCY else MISSING if fault.field else NO_SECTION
        return SourceMissing(f"Salesforce says that {fault.missing}, or not for us", remedy=remedy)
    if status == FORBIDDEN:
        return Denied(f"Salesforce does not let us ({fault.words})", remedy=PERMISSION)
    return BadSource(
        f"Salesforce says {status} ({fault.words})", remedy="check the mapping, and what `handpicked sync fields` shows"
    )


TOO_MANY_REMEDY = (
    "nothing is lost; try again later: its limit counts the calls of the last 24 hours, see Setup > System"
)
LET_IN = "let Handpicked in there anew, and put the new refresh token into the connection"
PERMISSION = "give the connection's user that permission, in Setup > Permission Sets; API Enabled is needed in any case"
MISSING = "correct it in the mapping, or let the connection's user see it (Setup > Field Accessibility)"
NO_SECTION = "take its section out of the mapping, or let the connection's user read such records"
ONE_CURRENCY = 'an org of one currency keeps no code: write currency = {default = "EUR"}, with its own, in the mapping'
