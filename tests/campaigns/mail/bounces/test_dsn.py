"""Delivery status notifications as Postfix, Exchange, Gmail and others write them."""

from datetime import UTC, datetime

import pytest

from campaigns.errors import BadFeedback

KEY = "0af1c2d3e4f5061728394a5b6c7d8e9f"
ID = f"<{KEY}@shop.example.com>"
GONE = """Final-Recipient: rfc822; ada@example.org
Original-Recipient: rfc822;ada@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <ada@example.org>: Recipient address
    rejected: User unknown"""


def group(action="failed", status="5.1.1", said="smtp; 550 5.1.1 no such user", to="rfc822; ada@example.org"):
    return f"Final-Recipient: {to}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: {said}"


def test_an_unknown_mailbox_is_a_hard_bounce_of_the_message_that_it_returns(read, dsn):
    [told] = read(dsn(GONE))
    assert (told.kind, told.severity, told.source) == ("bounced", "hard", "mailbox")
    assert (told.rfc_message_id, told.address) == (ID, "ada@example.org")
    assert told.words == "550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown"
    assert told.at == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_the_same_notification_read_again_has_the_same_id_and_each_recipient_its_own(read, dsn):
    both = dsn(group(), group(to="rfc822; bob@example.org"))
    first, second = read(both)
    assert first.source_id != second.source_id
    assert [told.source_id for told in read(both)] == [first.source_id, second.source_id]
    assert [told.address for told in (first, second)] == ["ada@example.org", "bob@example.org"]


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "Delayed (will retry)"])
def test_what_is_no_final_word_is_no_feedback(read, dsn, action):
    assert read(dsn(group(action, "4.4.1", "smtp; 451 4.4.1 try again"))) == []


def test_a_notification_of_no_recipient_is_for_a_person(read, dsn):
    with pytest.raises(BadFeedback, match="tells of no recipient; read it yourself"):
        read(dsn("X-Sense: none"))


def test_a_delivery_is_told_as_such(read, dsn):
    [told] = read(dsn(group("delivered", "2.0.0", "smtp; 250 2.0.0 ok")))
    assert (told.kind, told.severity) == ("delivered", None)


def test_one_notification_may_tell_of_several_recipients_each_in_its_own_way(read, dsn):
    groups = group(), group("delayed", "4.2.0", "smtp; 450 4.2.0"), group("failed", "5.2.2", "smtp; 552 5.2.2 full")
    assert [told.severity for told in read(dsn(*groups))] == ["hard", "soft"]


@pytest.mark.parametrize(
    ("status", "said", "severity", "words"),
    [
        ("5.1.1", "smtp; 550 no such user", "hard", "550 5.1.1 no such user"),
        ("5.0.0", "smtp; 550 no such user", "hard", "550 no such user"),
        ("5.1.10", "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound", "hard", None),
        ("5.1.1", "X-Notes; user not listed", "hard", "5.1.1 user not listed"),
        ("5.2.2", "smtp; 552-5.2.2 over quota 552 5.2.2 more", "soft", None),
        ("4.4.7", "smtp; delivery time expired", "soft", "4.4.7 delivery time expired"),
        ("5.7.1", "smtp; 550 5.7.1 message looks like spam", "policy", None),
        ("5.7.26", "smtp; 550-5.7.26 unauthenticated mail", "configuration", None),
        ("5.1.1", "", "hard", "5.1.1"),
        ("", "", "soft", ""),
    ],
)
def test_how_bad_it_is_stands_in_the_servers_words_or_in_the_status(read, dsn, status, said, severity, words):
    [told] = read(dsn(group("failed", status, said)))
    assert told.severity == severity
    if words is not None:
        assert told.words == words


def test_without_an_action_a_final_status_is_a_bounce_and_a_temporary_one_is_not(read, dsn):
    assert len(read(dsn("Final-Recipient: rfc822; ada@example.org\nStatus: 5.1.1"))) == 1
    assert read(dsn("Final-Recipient: rfc822; ada@example.org\nStatus: 4.4.1")) == []


def test_the_return_path_tells_where_the_message_is_not_returned(read, dsn):
    [told] = read(dsn(GONE, returned=" "))
    assert told.rfc_message_id == f"<{KEY}>"


def test_the_return_path_is_believed_before_the_returned_message(read, dsn):
    [told] = read(dsn(GONE, returned="Message-ID: <another@shop.example.com>"))
    assert told.rfc_message_id == f"<{KEY}>"


def test_the_header_that_the_mailbox_wrote_tells_where_the_mail_arrived(read, dsn):
    mail = dsn(GONE, to="list@example.com", head=f"X-Original-To: bounces+{KEY}@example.com\n", returned=" ")
    assert read(mail)[0].rfc_message_id == f"<{KEY}>"


def test_a_detail_of_another_mailbox_is_no_key(read, dsn):
    assert read(dsn(GONE, to="team+bounces@example.com"))[0].rfc_message_id == ID
    assert read(dsn(GONE, to="x+bounces+1@example.com", returned=" "))[0].rfc_message_id is None


def test_without_a_return_path_of_ours_the_returned_header_tells(read, dsn):
    mail = dsn(GONE, to="shop@example.com", kind="text/rfc822-headers")
    assert read(mail, box=None)[0].rfc_message_id == ID


def test_the_original_recipient_is_the_address_that_we_wrote_to(read, dsn):
    fields = "Original-Recipient: rfc822;ada+2Bshop@example.org\n" + group(to="rfc822; inner@host.example")
    assert read(dsn(fields))[0].address == "ada+shop@example.org"


def test_an_international_address_is_read(read, dsn):
    assert read(dsn(group(to=r"utf-8; \x{FC}ber@example.org")))[0].address == "über@example.org"


def test_line_ends_of_mail_change_nothing(read, dsn):
    unix, mail = read(dsn(GONE, group())), read(dsn(GONE, group()).replace("\n", "\r\n"))
    assert unix == mail
    assert len(unix) == 2


def test_a_report_in_base64_is_read(read, dsn):
    import base64

    coded = base64.encodebytes(f"Reporting-MTA: dns; x\n\n{GONE}\n".encode()).decode()
    head = "Content-Type: message/delivery-status\n"
    begin, _, rest = dsn("ROOM").partition(head)
    mail = f"{begin}{head}Content-Transfer-Encoding: base64\n\n{coded}{rest[rest.index('--=_b') :]}"
    assert [told.severity for told in read(mail)] == ["hard"]


def test_a_bounce_of_our_message_that_is_quoted_by_a_person_is_none(read, dsn):
    inner = dsn(GONE)
    mail = f"From: ada@example.org\nSubject: help\nContent-Type: message/rfc822\n\n{inner}"
    with pytest.raises(BadFeedback, match="no bounce"):
        read(mail)


def test_a_notification_that_claims_to_be_of_tomorrow_is_of_now(read, dsn):
    mail = dsn(GONE).replace("2 Mar 2026", "2 Mar 2036")
    assert read(mail)[0].at == datetime(2026, 3, 3, 9, tzinfo=UTC)


def test_two_notifications_without_an_id_are_told_apart_by_what_they_say(read, dsn):
    plain = dsn(GONE).replace("Message-ID: <dsn1@mx.example.org>\n", "")
    assert read(plain)[0].source_id == read(plain)[0].source_id
    assert read(plain)[0].source_id != read(plain.replace("User unknown", "gone"))[0].source_id
