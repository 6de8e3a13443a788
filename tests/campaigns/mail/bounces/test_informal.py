"""Bounces without a standard."""

import pytest

from campaigns.errors import BadFeedback

KEY = "0af1c2d3e4f5061728394a5b6c7d8e9f"
ID = f"<{KEY}@shop.example.com>"
QMAIL = """Return-Path: <>
Date: 2 Mar 2026 08:00:00 -0000
From: MAILER-DAEMON@mx.example.org
To: {to}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

<bob@example.net>:
192.0.2.7 does not like recipient.
Remote host said: 552 5.2.2 Mailbox full
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

Return-Path: <bounces@example.com>
Message-ID: {id}
Subject: Picks

<eve@example.org>:
never a recipient
"""
EXIM = """X-Failed-Recipients: ada@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.org>
To: {to}
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1@mx.example.org>
Date: Mon, 02 Mar 2026 08:00:00 +0000

This message was created automatically by mail delivery software.

  ada@example.org
    host mx.example.org [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<ada@example.org>:
    550 5.1.1 Unknown user

------ This is a copy of the message, including all the headers. ------

Return-path: <bounces@example.com>
Message-ID: {id}
Subject: Picks

Hello
"""


def test_qmail_tells_of_each_recipient_in_a_paragraph(read):
    first, second = read(QMAIL.format(to="bounces@example.com", id=ID))
    assert (first.address, first.severity, first.rfc_message_id) == ("ada@example.org", "hard", ID)
    assert (second.address, second.severity) == ("bob@example.net", "soft")
    assert second.words == "552 5.2.2 Mailbox full Giving up on 192.0.2.7."


def test_exim_names_the_recipient_in_its_header(read):
    [told] = read(EXIM.format(to="bounces@example.com", id=ID))
    assert (told.address, told.severity, told.rfc_message_id) == ("ada@example.org", "hard", ID)
    assert told.words == "550 5.1.1 Unknown user"


@pytest.mark.parametrize("mail", [QMAIL, EXIM])
def test_the_return_path_tells_which_message(read, mail):
    assert {told.rfc_message_id for told in read(mail.format(to=f"bounces+{KEY}@example.com", id="none"))} == {
        f"<{KEY}>"
    }


def test_a_failure_without_a_reason_is_a_soft_one(read):
    mail = EXIM.format(to="bounces@example.com", id=ID).replace("550 5.1.1 Unknown user", "retry timeout exceeded")
    assert [told.severity for told in read(mail)] == ["soft"]


def test_a_person_who_greets_like_qmail_has_not_bounced(read):
    with pytest.raises(BadFeedback, match="no bounce"):
        read("From: ada@example.org\nSubject: Hello\n\nHi. This is the best digest.\n\nThank you!\n")
