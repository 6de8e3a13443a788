"""Read bounces that keep no standard: those of qmail, and those that name the address in a header (Exim, old Gmail)."""

import re
from collections.abc import Iterator
from datetime import datetime

from campaigns.mail.bounces.dsn import MOST_RECIPIENTS, from_reply, told_id
from campaigns.mail.bounces.parts import Part, moment, plain, take_apart
from campaigns.mail.bounces.whose import Whose, address_in, message_id_of
from campaigns.mail.feedback import Feedback, severity_of

LONGEST_TEXT = 20_000
_QMAIL = re.compile(r"\s*Hi\. This is the ")
_COPY = re.compile(rb"\r?\n-{3,6} [^\n]*\n\s*")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_RECIPIENT = re.compile(r"<([^<>\s]{1,320})>:\n(.*)", re.DOTALL)
_SAYS_NO = re.compile(r"\b5\d\d[ -]|\b5\.\d{1,3}\.\d{1,3}\b")


def read_informal(mail: Part, received: datetime, whose: Whose) -> list[Feedback] | None:
    """Read a bounce that is no standard notification, where its form is sure.

    Returns:
        none where it has neither form: then it is no bounce that we may act on.

    Source: D. J. Bernstein, "The qmail-send Bounce Message Format", 1997; Exim specification, chapter 50
    (X-Failed-Recipients).
    """
    refusals = list(_qmail(mail)) or list(_failed_recipients(mail))
    if not refusals:
        return None
    about, at = _about(mail, whose), moment(mail.first("date"), received)
    return [
        Feedback("bounced", at, "mailbox", told_id(mail, address), about, address, severity_of(words), words)
        for address, words in refusals
    ]


def _body(mail: Part) -> bytes:
    return next((part.body for part in mail.walk() if part.kind == "text/plain"), b"")


def _about(mail: Part, whose: Whose) -> str | None:
    """The message's id; such mails return the message as text, below a line of hyphens."""
    known = whose.message_id(mail)
    if known:
        return known
    copies = _COPY.split(_body(mail), 3)[1:]
    return next((told for copy in copies if (told := message_id_of(take_apart(copy)))), None)


def _qmail(mail: Part) -> Iterator[tuple[str, str]]:
    text = plain(_body(mail)[:LONGEST_TEXT]).replace("\r\n", "\n")
    if not _QMAIL.match(text):
        return
    for paragraph in _PARAGRAPH.split(text, MOST_RECIPIENTS)[1:]:
        if paragraph.startswith("---"):
            return
        if found := _RECIPIENT.match(paragraph.strip("\n")):
            yield found[1], from_reply(found[2])


def _failed_recipients(mail: Part) -> Iterator[tuple[str, str]]:
    named = ",".join(mail.fields.get("x-failed-recipients", [])).split(",", MOST_RECIPIENTS)[:MOST_RECIPIENTS]
    addresses = [address for address in map(address_in, named) if address]
    if addresses:
        lines = plain(_body(mail)[:LONGEST_TEXT]).splitlines()
        says = next((line for line in lines if _SAYS_NO.search(line)), "")
        yield from ((address, from_reply(says)) for address in addresses)
