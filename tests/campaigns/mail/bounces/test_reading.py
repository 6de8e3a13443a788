"""Any mail: what says nothing about a message changes nothing, what nobody foresaw is for a person, nothing crashes."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import BadFeedback
from campaigns.mail.bounces.parts import LONGEST
from campaigns.mail.bounces.reading import read_mail

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
KEY = "0af1c2d3e4f5061728394a5b6c7d8e9f"
BOX = "bounces@example.com"


def mail(subject="unsubscribe", to=f"bounces+{KEY}@example.com", more="", sender="Ada <ada@example.org>"):
    return f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <1@example.org>\n{more}\n\n"


@pytest.mark.parametrize("subject", ["unsubscribe", "Unsubscribe", " UNSUBSCRIBE "])
def test_a_mail_that_asks_for_it_unsubscribes_from_the_message_it_answers(read, subject):
    [told] = read(mail(subject))
    assert (told.kind, told.rfc_message_id, told.source) == ("unsubscribed", f"<{KEY}>", "mailbox")


def test_without_a_key_the_sender_is_unsubscribed(read):
    [told] = read(mail(to=BOX))
    assert (told.rfc_message_id, told.address) == (None, "ada@example.org")


def test_without_key_and_sender_it_is_for_a_person(read):
    with pytest.raises(BadFeedback, match="read it yourself"):
        read(mail(to=BOX, sender="nobody"))


@pytest.mark.parametrize(
    "more",
    ["Auto-Submitted: auto-replied", "Auto-Submitted: Auto-Generated; x", "X-Autoreply: yes", "Precedence: auto_reply"],
)
@pytest.mark.parametrize("subject", ["Out of office", "unsubscribe"])
def test_an_automatic_answer_is_no_bounce_and_unsubscribes_nobody(read, subject, more):
    assert read(mail(subject, more=more)) == []


def test_who_answers_by_hand_is_for_a_person_and_told_by_the_subject(read):
    with pytest.raises(BadFeedback, match="the mail 'Please call me' is no bounce"):
        read(mail("Please call me"))


def test_auto_submitted_no_is_a_person(read):
    assert [told.kind for told in read(mail(more="Auto-Submitted: no"))] == ["unsubscribed"]


def outcome(data):
    """What becomes of bytes: a list, or a refusal; anything else fails the test."""
    try:
        found = read_mail(data, NOW, BOX)
    except BadFeedback:
        return None
    for told in found:
        f"{told}".encode()  # no half characters, which no database takes
        assert "\0" not in (told.rfc_message_id or "") + (told.address or "") + told.words
        assert told.at <= NOW
        assert (told.severity is not None) == (told.kind == "bounced")
    return found


@given(st.binary(max_size=2_000))
def test_bytes_without_sense_are_for_a_person(data):
    assert not outcome(data)


WORDS = st.sampled_from(
    ["Content-Type: multipart/report; boundary=b", "Content-Type: multipart/mixed; boundary=\"b", "--b", "--b--", "",
     "Content-Type: message/delivery-status", "Content-Type: message/feedback-report", "Action: failed", "Action:",
     "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable",
     "Final-Recipient: rfc822; a@example.org", r"Original-Recipient: utf-8; \x{D800}\x{110000}@example.org",
     "Original-Recipient: rfc822;a+00+FF@example.org", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no",
     "Feedback-Type: abuse", "Feedback-Type: \0", "Original-Rcpt-To: a@example.org", f"To: bounces+{KEY}@example.com",
     "To: bounces+\0@example.com", "Date: Mon, 2 Mar 2026 08:00:00 +99999999", "Date: 1 Jan 1 00:00:00 -0000",
     "Date: 31 Dec 9999 23:59:59 -2300", "Subject: unsubscribe", "From: a@example.org", "Message-ID: <1@example.org>",
     "X-Failed-Recipients: a@example.org, b@example.org", "Hi. This is the qmail", "<a@example.org>:", "--- copy",
     " folded", "\t", "QUJD=", "=ZZ=", "\ufffd\u2028", "Auto-Submitted: auto-replied"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_mails_of_pieces_of_reports_are_read_or_for_a_person(lines, end):
    outcome(end.join(lines).encode())


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_report_is_read_or_for_a_person(dsn_text, complaint_text, data):
    whole = data.draw(st.sampled_from([dsn_text, complaint_text]))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    outcome(whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:])


@pytest.fixture(scope="module")
def dsn_text():
    group = "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no"
    return (
        f"To: bounces+{KEY}@example.com\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: "
        f"message/delivery-status\n\nReporting-MTA: dns; x\n\n{group}\n\n--b\nContent-Type: message/rfc822\n\n"
        "Message-ID: <1@example.org>\n\n--b--\n"
    ).encode()


@pytest.fixture(scope="module")
def complaint_text(dsn_text):
    report = b"Feedback-Type: abuse\nOriginal-Rcpt-To: a@example.org\n"
    return dsn_text.replace(b"delivery-status", b"feedback-report").replace(b"Reporting-MTA: dns; x\n", report)


def test_the_whole_reports_that_are_damaged_here_are_reports(dsn_text, complaint_text):
    assert [told.kind for told in outcome(dsn_text)] == ["bounced"]
    assert [told.kind for told in outcome(complaint_text)] == ["complained"]


def nested(kind):
    return b"".join(b"Content-Type: multipart/%s; boundary=b%d\n\n--b%d\n" % (kind, n, n) for n in range(2_000))


FILLINGS = [
    b"\n", b"a", b";", b'"', b"\\", b"a@", b" ", b"\n--b", b"\n--b\n\n", b'; a="', b"\r", b",a@b", b"+", b"\n\n",
    b"A: b\n", b"\n--- x\n", b"550 5", b"5.1.", b"<", b"=\n", b"\xff",
]  # fmt: skip
MULTIPART = b"Content-Type: multipart/report; boundary=b\n\n"
STATUS = MULTIPART + b"--b\nContent-Type: message/delivery-status\n\n"


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", nested(b"mixed"), nested(b"digest"), MULTIPART, STATUS, b"X: ", b"To: ", b"Content-Type: x;",
        b"Hi. This is the qmail\n\n", b"X-Failed-Recipients: a@example.org\n\n", STATUS + b"Action: failed\nStatus: ",
        MULTIPART + b"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: ",
        b'Content-Type: multipart/mixed; boundary="',
    ],
)  # fmt: skip
def test_what_is_long_without_end_takes_no_time(head):
    for filling in FILLINGS:
        data = head + filling * (LONGEST // len(filling))
        start = time.process_time()
        outcome(data)
        assert time.process_time() - start < 2, filling


def test_ten_megabytes_are_read_as_far_as_reports_reach(dsn_text):
    start = time.process_time()
    assert len(outcome(dsn_text.replace(b"\n\n--b--", b"\n\n" + b"a\n" * 5_000_000 + b"--b--"))) == 1
    assert time.process_time() - start < 2
