"""FEEDBACK: take in what the world says about messages, whoever says it, and read the mailbox where bounces arrive."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from campaigns.errors import BadFeedback, BadSettings
from campaigns.mail.bounces.mailbox import REMEDY, Mailbox, Page, open_box
from campaigns.mail.bounces.reading import read_mail
from campaigns.mail.feedback import Feedback, enhanced_status, severity_of
from campaigns.project import Project, real_now
from campaigns.store.events import Recorded, record

BATCH = 1_000
_REFUSAL = re.compile(r"[45]\d\d\b")


@dataclass
class FeedbackCounts:
    """What was taken in.

    Attributes:
        mails: read from the mailbox; 0 where it came another way.
        flagged: of these, left for a person: they are something else, or could not be read.
        recorded: what came of what was said.
    """

    mails: int = 0
    flagged: int = 0
    recorded: Recorded = field(default_factory=Recorded)

    def as_json(self) -> dict[str, object]:
        """The same as plain values."""
        told = self.recorded
        return {
            "mails": self.mails,
            "flagged": self.flagged,
            "events": dict(told.new),
            "repeated": told.repeated,
            "unknown": told.unknown,
            "suppressed": told.suppressed,
        }


def take_in(project: Project, feedback: Iterable[Feedback], now: datetime) -> FeedbackCounts:
    """Write down what was said about messages, one event each, and suppress whom it says not to write to.

    Told again, it changes nothing.

    Args:
        project: the open project.
        feedback: from any source.
        now: the moment.
    """
    counts = FeedbackCounts()
    rest = iter(feedback)
    while batch := list(islice(rest, BATCH)):
        with project.store.writing() as write:
            counts.recorded.add(record(write, batch, now, project.settings.mail.soft_bounces))
    return counts


def feedback_of_failure(rfc_message_id: str, address: str, attempt: int, answer: str, at: datetime) -> Feedback | None:
    """Read the server's last word on a message that failed as a bounce; none where no server said it.

    Args:
        rfc_message_id: the message's id.
        address: its recipient.
        attempt: which attempt failed.
        answer: the outcome's words.
        at: when.
    """
    if not _REFUSAL.match(answer) and enhanced_status(answer) is None:
        return None
    source_id = f"{rfc_message_id}#{attempt}"
    return Feedback("bounced", at, "smtp", source_id, rfc_message_id, address, severity_of(answer), answer)


def read_mailbox(project: Project) -> FeedbackCounts:
    """Read what is new in the mailbox for bounces, and take it in; a mail is marked only when that is committed.

    Raises:
        BadSettings: no mailbox is set, or one that can't be.
        BadFeedback: it can't be reached, or does not let us in.
    """
    mail = project.settings.mail
    if mail.mailbox is None:
        raise BadSettings("no mailbox for bounces is set", remedy=REMEDY)
    counts = FeedbackCounts()
    with open_box(mail.mailbox, project.folder) as box, project.progress.track("read mailbox", None) as bar:
        for page in Mailbox(box).pages():
            now = real_now()
            told = list(_said(page, now, mail.return_path))
            counts.recorded.add(take_in(project, told, now).recorded)
            page.done()
            counts.mails, counts.flagged = counts.mails + len(page.mails), counts.flagged + len(page.flagged)
            bar.advance(len(page.mails))
    return counts


def _said(page: Page, now: datetime, box: str | None) -> Iterator[Feedback]:
    for key, mail in page.mails.items():
        if mail is None:
            continue
        try:
            yield from read_mail(mail, now, box)
        except BadFeedback:
            page.flag(key)
