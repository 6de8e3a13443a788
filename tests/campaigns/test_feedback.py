"""From a mail in the mailbox to a customer who is not written to again, on each database."""

import time
from datetime import UTC, datetime

import pandas as pd
import pytest
from sqlalchemy import delete, insert, select

from campaigns.errors import BadSettings
from campaigns.feedback import feedback_of_failure, read_mailbox, take_in
from campaigns.init import init
from campaigns.mail.feedback import Feedback
from campaigns.plan import decide, read_audience
from campaigns.project import Project
from campaigns.store.events import record
from campaigns.store.suppression import suppressed_addresses
from campaigns.store.tables import customers, events, messages, runs
from campaigns.sync import pull

NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)
KEYS = [f"{n:032x}" for n in range(4)]


@pytest.fixture
def shop(tmp_path, database, monkeypatch, write_shop):
    """A small shop that wrote to four customers, with a Maildir for bounces."""
    monkeypatch.setenv("HANDPICKED_DATABASE", database)
    init(tmp_path, pretend_now=NOW.isoformat().replace("+00:00", "Z"))
    write_shop(tmp_path / "data", customers=4, consent=["subscribed"])
    for part in ("tmp", "new", "cur"):
        (tmp_path / "bounces" / part).mkdir(parents=True)
    with Project.open(tmp_path) as project:
        project.settings.mail.mailbox = "maildir:bounces"
        project.settings.mail.return_path = "bounces@example.com"
        pull(project, "shop")
        _send(project)
        yield project


def _send(project):
    row = {"run_id": "weekly_digest@1", "state": "sent", "reason": "delivered", "changed_at": NOW}
    each = [
        {"customer_id": f"c{n}", "address": f"c{n}@example.com", "rfc_message_id": f"<{key}@shop.example.com>"}
        for n, key in enumerate(KEYS)
    ]
    with project.store.writing() as write:
        common = {"campaign": "weekly_digest", "scheduled_at": NOW, "as_of": NOW, "state": "finished"}
        write.execute(insert(runs).values(id="weekly_digest@1", **common))
        write.execute(insert(messages), [{**row, **more} for more in each])


def arrive(project, name, text):
    (project.folder / "bounces" / "new" / name).write_text(text)


def bounce(n, status="5.1.1", action="failed"):
    return f"""To: bounces+{KEYS[n]}@example.com
Message-ID: <dsn{n}@mx.example.org>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; c{n}@example.com
Action: {action}
Status: {status}
--b--
"""


def complaint(n):
    return f"""To: bounces@example.com
Message-ID: <arf{n}@isp.example>
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse

--b
Content-Type: message/rfc822

Message-ID: <{KEYS[n]}@shop.example.com>
--b--
"""


UNSUBSCRIBE = f"From: c2@example.com\nTo: bounces+{KEYS[2]}@example.com\nSubject: unsubscribe\n\n"
PERSON = "From: c3@example.com\nTo: bounces@example.com\nSubject: Thanks for the picks\n\nBye"
HOLIDAY = f"From: c3@example.com\nTo: bounces+{KEYS[3]}@example.com\nAuto-Submitted: auto-replied\n\n"


def planned(project):
    """Customer -> (state, reason), as the next run decides before it makes slates."""
    campaign = project.campaign("weekly_digest")
    campaign = campaign.model_copy(update={"audience": "everyone", "holdout": 0.0})
    rows = decide(project, campaign, "weekly_digest@2", read_audience(project, campaign))
    return {row.customer_id: (row.state, row.reason) for row in rows.itertuples()}


def fill(project):
    for name, text in enumerate([bounce(0), complaint(1), UNSUBSCRIBE, PERSON, HOLIDAY, bounce(3, "4.4.1", "delayed")]):
        arrive(project, f"{name}.x", text)


def test_bounce_complaint_and_unsubscribe_mail_end_in_no_more_mail_and_the_rest_changes_nothing(shop):
    fill(shop)
    counts = read_mailbox(shop)
    assert (counts.mails, counts.flagged) == (6, 1)
    assert counts.recorded.new == {"hard bounce": 1, "complained": 1, "unsubscribed": 1}
    assert counts.as_json()["suppressed"] == 3
    stopped = ("suppressed", "on the suppression list")
    assert planned(shop) == {"c0": stopped, "c1": stopped, "c2": stopped, "c3": ("waiting", "planned")}
    assert read_mailbox(shop).mails == 0


def test_a_crash_before_the_mails_are_marked_repeats_them_and_changes_nothing(shop, monkeypatch):
    from campaigns.mail.bounces import mailbox

    fill(shop)
    with monkeypatch.context() as broken:
        broken.setattr(mailbox.Page, "done", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            read_mailbox(shop)
    again = read_mailbox(shop)
    assert (again.mails, again.recorded.repeated, again.recorded.suppressed) == (6, 3, 0)
    assert not again.recorded.new
    with shop.store.engine.connect() as read:
        assert len(read.execute(select(events.c.id).where(events.c.system == "mailbox")).all()) == 3


def test_a_mail_is_not_marked_when_what_it_says_can_not_be_written(shop, monkeypatch):
    fill(shop)
    with monkeypatch.context() as broken:
        broken.setattr("campaigns.feedback.record", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            read_mailbox(shop)
    assert len(list((shop.folder / "bounces" / "new").iterdir())) == 6


def test_without_a_mailbox_it_says_what_to_set(shop):
    shop.settings.mail.mailbox = None
    with pytest.raises(BadSettings, match=r"no mailbox for bounces is set; set `mailbox` in \[mail\] to maildir:"):
        read_mailbox(shop)


def test_an_import_with_consent_does_not_lift_a_suppression(shop):
    arrive(shop, "1.x", bounce(0))
    read_mailbox(shop)
    people = pd.read_csv(shop.folder / "data" / "customers.csv")
    people.loc[people["id"] == "c0", ["id", "email"]] = ["new-id", " C0@EXAMPLE.com"]
    people.assign(consent_email="subscribed").to_csv(shop.folder / "data" / "customers.csv", index=False)
    with shop.store.writing() as write:  # erased, with all that is known of them
        write.execute(delete(messages).where(messages.c.customer_id == "c0"))
        write.execute(delete(events).where(events.c.customer_id == "c0"))
        write.execute(delete(customers).where(customers.c.id == "c0"))
    pull(shop, "shop", full=True)
    assert planned(shop)["new-id"] == ("suppressed", "on the suppression list")
    assert planned(shop)["c1"] == ("waiting", "planned")


def test_many_words_are_taken_in_by_batches(shop):
    many = [
        Feedback("complained", NOW, "ses", str(n), f"<{KEYS[n % 4]}@shop.example.com>", words="x") for n in range(2_500)
    ]
    start = time.perf_counter()
    counts = take_in(shop, iter(many), NOW)
    assert time.perf_counter() - start < 10
    assert (counts.recorded.new, counts.recorded.suppressed) == ({"complained": 2_500}, 4)
    assert take_in(shop, many, NOW).recorded.repeated == 2_500


@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        ("550 5.1.1 no such user", "hard"),
        ("450 4.2.1 busy", "soft"),
        ("5.7.1 spam", "policy"),
        ("535 5.7.8 wrong password", "configuration"),
    ],
)
def test_the_servers_last_word_on_a_failed_message_is_a_bounce(answer, severity):
    told = feedback_of_failure("<1@example.com>", "c0@example.com", 2, answer, NOW)
    assert (told.kind, told.source, told.severity, told.words) == ("bounced", "smtp", severity, answer)
    other = feedback_of_failure("<1@example.com>", "c0@example.com", 3, answer, NOW)
    assert told.source_id != other.source_id


@pytest.mark.parametrize("answer", ["", "connection refused", "the recipient 'x' is no address", "5500 things"])
def test_a_failure_that_no_server_told_is_no_bounce(answer):
    assert feedback_of_failure("<1@example.com>", "c0@example.com", 2, answer, NOW) is None


def test_a_refusal_counts_in_the_transaction_that_writes_it_down(shop):
    told = feedback_of_failure(f"<{KEYS[0]}@shop.example.com>", "c0@example.com", 1, "550 5.1.1 no such user", NOW)
    with shop.store.writing() as write:
        assert record(write, [told], NOW).suppressed == 1
    assert suppressed_addresses(shop.store, ["c0@example.com"])
