"""Find a rendered message's own faults before anyone is sent it."""

import re
from dataclasses import dataclass
from html import unescape

from campaigns.mail.render import Rendered

GMAIL_CLIP_BYTES = 102 * 1024
"""Gmail cuts a longer HTML part, and with it the unsubscribe link at its end."""


@dataclass(frozen=True)
class Fault:
    """One fault, in words; `what` is its short name."""

    what: str
    detail: str


def faults(rendered: Rendered, unsubscribe_url: str) -> list[Fault]:
    """List the faults of a message; an empty list is a clean one."""
    found = []
    if not rendered.subject.strip():
        found.append(Fault("no subject", "the subject is empty"))
    if not rendered.text.strip():
        found.append(Fault("no text", "the plain-text part is empty; some readers show nothing"))
    if not rendered.html.strip():
        found.append(Fault("no html", "the html part is empty; most readers show nothing"))
    for part, body in (("html", unescape(rendered.html)), ("text", rendered.text)):
        if body.strip() and unsubscribe_url not in body:
            found.append(Fault("no unsubscribe link", f"the {part} part has no unsubscribe link"))
    for part, body in (("subject", rendered.subject), ("html", rendered.html), ("text", rendered.text)):
        if brace := re.search(r"\{\{[^}]*\}\}|\{%[^%]*%\}", body):
            found.append(Fault("unrendered braces", f"the {part} shows {brace.group()!r}"))
    size = len(rendered.html.encode())
    if size > GMAIL_CLIP_BYTES:
        found.append(Fault("too long", f"the html part has {size:,} bytes; Gmail clips at {GMAIL_CLIP_BYTES:,}"))
    return found
