"""PROVIDERS: take in what mail providers tell by webhook, after its signature was checked."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from campaigns.errors import NotFound
from campaigns.feedback import take_in
from campaigns.mail.feedback import Feedback
from campaigns.mail.webhooks import mailgun, postmark, ses
from campaigns.mail.webhooks.sns import Certificates, Subscription, fetch
from campaigns.project import Project
from campaigns.store.tokens import keep_token, token_is_new

KEPT = Certificates()
"""Amazon's certificates, each fetched once in a process."""


def hear(project: Project, provider: str, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Take in one webhook; told again, it changes nothing.

    Raises:
        NotFound: no such provider, or its key is not in the settings.
        BadFeedback: forged, too old, or unreadable; nothing of it was taken in.
        TransportError: what its signature is checked with can't be fetched now.
    """
    if provider == "ses":
        _ses(project, body, headers, now)
    elif provider == "postmark":
        take_in(project, _postmark(project, body, headers), now)
    elif provider == "mailgun":
        _mailgun(project, body, headers, now)
    else:
        raise NotFound(f"no provider {provider!r}", remedy="choose one of: ses, postmark, mailgun")


def _ses(project: Project, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    topic = project.settings.web.ses_topic
    if topic is None:
        raise _not_set("ses_topic")
    told = ses.read(body, headers, topic=topic, certificates=KEPT, now=now)
    if isinstance(told, Subscription):
        fetch(told.url)  # which confirms it
    else:
        take_in(project, told, now)


def _postmark(project: Project, body: bytes, headers: Mapping[str, str]) -> list[Feedback]:
    web = project.settings.web
    if web.postmark_user is None or web.postmark_password is None:
        raise _not_set("postmark_user and postmark_password")
    return postmark.read(body, headers, user=web.postmark_user, password=web.postmark_password.get_secret_value())


def _mailgun(project: Project, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Mailgun signs a token, not what it tells: one that was used before may carry anything, and is refused."""
    key = project.settings.web.mailgun_signing_key
    if key is None:
        raise _not_set("mailgun_signing_key")
    used: list[str] = []

    def is_new(token: str) -> bool:
        used.append(hashlib.sha256(token.encode("utf-8", "replace")).hexdigest())
        return token_is_new(project.store, used[-1])

    told = mailgun.read(body, headers, signing_key=key.get_secret_value(), now=now, is_new=is_new)
    take_in(project, told, now)
    for digest in used:  # only now: what was not taken in may be told again
        keep_token(project.store, digest, now)


def _not_set(names: str) -> NotFound:
    return NotFound("this webhook is not set up", remedy=f"write {names} under [web] in handpicked.toml")
