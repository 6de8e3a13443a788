"""Mails as servers, providers and people send them."""

from datetime import UTC, datetime

import pytest

from campaigns.mail.bounces.reading import read_mail

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
BOX = "bounces@example.com"
KEY = "0af1c2d3e4f5061728394a5b6c7d8e9f"
ID = f"<{KEY}@shop.example.com>"


@pytest.fixture
def read():
    """Reads a mail, given as text, for the mailbox bounces@example.com."""
    return lambda text, box=BOX: read_mail(text.encode(), NOW, box)


@pytest.fixture
def dsn():
    """A function that writes a delivery status notification about recipients, each a group of fields."""

    def write(*groups, to=f"bounces+{KEY}@example.com", head="", returned=None, kind="message/rfc822"):
        fields = "\n\n".join(["Reporting-MTA: dns; mx.example.org", *groups])
        back = f"Message-ID: {ID}\nTo: ada@example.org\nSubject: Picks" if returned is None else returned
        return f"""Delivered-To: {to}
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 2 Mar 2026 08:00:00 +0000
Message-ID: <dsn1@mx.example.org>
Auto-Submitted: auto-replied
MIME-Version: 1.0
{head}Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_b"

This is a MIME-encapsulated message.

--=_b
Content-Type: text/plain

Your message could not be delivered. 550 5.7.1 is not what counts here.

--=_b
Content-Type: message/delivery-status

{fields}

--=_b
Content-Type: {kind}

{back}

Hello
--=_b--
"""

    return write


@pytest.fixture
def complaint():
    """A function that writes a complaint of a type, with fields."""

    def write(kind="abuse", fields="Original-Rcpt-To: <ada@example.org>", back=f"Message-ID: {ID}", to=BOX):
        return f"""From: <feedback@isp.example>
To: {to}
Date: Mon, 2 Mar 2026 08:00:00 +0000
Subject: FW: Picks
Message-ID: <arf1@isp.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part"

--part
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{fields}

--part
Content-Type: message/rfc822
Content-Disposition: inline

{back}
From: <shop@shop.example.com>

Picks
--part--
"""

    return write
