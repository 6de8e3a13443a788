"""A message as it leaves: what the settings of mail add to it."""

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from campaigns.compose import envelope
from campaigns.errors import BadSettings
from campaigns.mail.dkim_key import load_key
from campaigns.project import Project
from campaigns.store.outbox import MessageRow
from tests.faults.outbox_of import RUN, lay_out, row_of

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
MAIL = '[mail]\nreturn_path = "bounces@example.com"\nsignatures = [{ selector = "hp1", key = "dkim.pem" }]\n'
KEY = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def made(tmp_path):
    """Composes a message of a project with more settings, from a sender."""

    def make(extra="", sender="hello@example.com"):
        lay_out(tmp_path, 0, transport="maildir:outbox", extra=extra)
        (tmp_path / "dkim.pem").write_bytes(KEY)
        settings = tmp_path / "handpicked.toml"
        settings.write_text(settings.read_text().replace("<hello@example.com>", f"<{sender}>"))
        with Project.open(tmp_path) as project:
            campaign = project.campaign("weekly_digest")
            row = row_of(project, 1, NOW)
            key, written = row["rfc_message_id"], json.dumps(row["content"])
            claimed = MessageRow(RUN, "1", row["address"], key, written, 0, row["expires_at"])
            return envelope(project, campaign, project.template(campaign.template), claimed, NOW)

    return make


def headers(found):
    return message_from_bytes(found.message.raw(), policy=policy.default)


def test_without_settings_bounces_go_to_the_sender_and_nothing_is_signed(made):
    found = made()
    assert found.return_path == "hello@example.com"
    assert headers(found)["DKIM-Signature"] is None
    assert "mailto:" not in headers(found)["List-Unsubscribe"]


def test_each_message_has_a_return_path_of_its_own_and_can_be_left_by_mail(made):
    found = made(MAIL)
    key = found.key.strip("<>").partition("@")[0]
    assert found.return_path == f"bounces+{key}@example.com"
    assert f"mailto:bounces+{key}@example.com?subject=unsubscribe" in headers(found)["List-Unsubscribe"]


@pytest.mark.parametrize("eight_bit", [False, True])
def test_it_is_signed_for_the_senders_domain(made, eight_bit):
    raw = made(MAIL).message.raw(eight_bit=eight_bit)
    record = load_key(KEY).record.encode()
    names = []
    assert dkim.verify(raw, dnsfunc=lambda name, **_: names.append(name) or record)
    assert names == [b"hp1._domainkey.example.com."]


@pytest.mark.parametrize("domain", ["example.com", "t.co", "a-very-long-name-of-a-shop.example.com"])
def test_complaints_are_counted_by_campaign_run_and_sender(made, domain):
    campaign, run, _, sender = headers(made(sender=f"hello@{domain}"))["Feedback-ID"].split(":")
    assert (campaign, run) == ("weekly_digest", RUN.replace("@", "-"))
    assert domain.startswith(sender.rstrip("-"))
    assert 5 <= len(sender) <= 15


def test_a_key_that_is_not_there_is_told(made):
    with pytest.raises(BadSettings, match=r"other\.pem can't be read"):
        made(MAIL.replace("dkim.pem", "other.pem"))
