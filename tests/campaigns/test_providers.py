"""Webhooks of mail providers, as they are posted to us: what is proven is taken in, the rest is refused."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from campaigns import providers
from campaigns.mail.webhooks.sns import Certificates
from campaigns.store.suppression import suppressed_addresses
from campaigns.store.tables import events, suppressions, used_tokens
from campaigns.web.app import make_app
from campaigns.web.webhooks import LONGEST
from tests.campaigns.delivering import open_shop, rows
from tests.campaigns.mail.webhooks.conftest import HOST, Amazon, certificate
from tests.faults.outbox_of import address

DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path):
    """A project with two messages, and the keys of all providers."""
    with open_shop(tmp_path / "shop", 2, "maildir:outbox") as project:
        web = project.settings.web
        web.postmark_user, web.postmark_password = "pm", SecretStr("hunter2")
        web.mailgun_signing_key, web.ses_topic = SecretStr("key-1"), Amazon.topic
        yield project


@pytest.fixture
def post(shop):
    """Posts to the application: `post(provider, body, headers)`; gives status and text."""
    app = make_app(shop)

    async def ask(provider, body, headers):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://shop.example.com") as client:
            return await client.post(f"/webhooks/{provider}", content=body, headers=headers)

    def send(provider, body, headers=None):
        answer = asyncio.run(ask(provider, body if isinstance(body, bytes) else json.dumps(body).encode(), headers))
        return answer.status_code, answer.text

    return send


@pytest.fixture(scope="module")
def amazon():
    """Amazon with a certificate that holds today."""
    made = Amazon()
    made.good = certificate(made.key, datetime.now(UTC) - DAY, datetime.now(UTC) + DAY)
    return made


@pytest.fixture
def fetched(monkeypatch, amazon):
    """What was fetched from Amazon, which these tests do not ask itself."""
    found = []
    monkeypatch.setattr(providers, "KEPT", amazon.certificates(fetched=found))
    return found


def kept(shop, table=events):
    with shop.store.engine.connect() as read:
        return read.execute(select(table)).all()


def taken_in(shop, provider, number=0):
    """Whether the hard bounce of one message is all that is known, and its address suppressed."""
    [event] = kept(shop)
    assert (event.kind, event.system, event.customer_id) == ("bounced", provider, str(number))
    assert event.properties["severity"] == "hard"
    everyone = [address(0), address(1)]
    return suppressed_addresses(shop.store, everyone) == {address(number)}


def nothing(shop):
    return kept(shop) == kept(shop, suppressions) == kept(shop, used_tokens) == []


def message_id(shop, number=0):
    return rows(shop, customer_id=str(number))[0].rfc_message_id


def postmark(shop, number=0):
    return {
        "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": address(number), "Details": "550 nobody",
        "BouncedAt": datetime.now(UTC).isoformat(), "Metadata": {"message-id": message_id(shop, number)},
    }  # fmt: skip


def basic(user="pm", password="hunter2"):
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def mailgun(shop, *, key="key-1", number=0, age_seconds=0, event="failed"):
    stamp, token = str(int(time.time() - age_seconds)), "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    told = {
        "id": f"event-{number}", "timestamp": time.time(), "event": event, "severity": "permanent",
        "recipient": address(number), "message": {"headers": {"message-id": message_id(shop, number).strip("<>")}},
        "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
    }  # fmt: skip
    return {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": told}


def ses(shop, amazon, **changed):
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    recipient = {"emailAddress": address(0), "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 nobody"}
    bounce = {"feedbackId": "f-1", "bounceType": "Permanent", "timestamp": now, "bouncedRecipients": [recipient]}
    mail = {"timestamp": now, "headers": [{"name": "Message-ID", "value": message_id(shop)}]}
    told = {"notificationType": "Bounce", "mail": mail, "bounce": bounce}
    return amazon.letter("2", **{"Message": json.dumps(told), "Timestamp": now} | changed)


def test_postmark_tells_of_a_bounce_and_again_and_it_is_one_event(shop, post):
    for _ in range(2):
        assert post("postmark", postmark(shop), basic()) == (200, "taken in")
    assert taken_in(shop, "postmark")


@pytest.mark.parametrize("headers", [None, basic(password="hunter3"), basic(user="root"), {"Authorization": "Basic ?"}])
def test_who_does_not_know_postmarks_password_is_refused(shop, post, headers):
    assert post("postmark", postmark(shop), headers) == (403, "refused")
    assert nothing(shop)


def test_mailgun_tells_of_a_bounce(shop, post):
    assert post("mailgun", mailgun(shop)) == (200, "taken in")
    assert taken_in(shop, "mailgun")


def test_a_token_of_mailgun_that_was_used_carries_nothing_else(shop, post):
    first = mailgun(shop)
    assert post("mailgun", first)[0] == 200
    forged = mailgun(shop, number=1, event="complained") | {"signature": first["signature"]}
    assert post("mailgun", forged) == (403, "refused")
    assert taken_in(shop, "mailgun")
    assert [row.digest for row in kept(shop, used_tokens)] == [
        hashlib.sha256(first["signature"]["token"].encode()).hexdigest()
    ]


@pytest.mark.parametrize("wrong", [{"key": "key-2"}, {"age_seconds": 14 * 3600}])
def test_what_mailgun_did_not_sign_now_is_refused(shop, post, wrong):
    assert post("mailgun", mailgun(shop, **wrong)) == (403, "refused")
    assert nothing(shop)


def test_a_token_is_not_used_up_by_what_can_not_be_taken_in(shop, post):
    good = mailgun(shop)
    assert post("mailgun", good | {"event-data": {"event": "failed"}}) == (403, "refused")
    assert post("mailgun", good) == (200, "taken in")


def test_ses_tells_of_a_bounce(shop, post, amazon, fetched):
    for _ in range(2):
        assert post("ses", ses(shop, amazon)) == (200, "taken in")
    assert taken_in(shop, "ses")
    assert fetched == [amazon.pem_url]


@pytest.mark.parametrize(
    "wrong", [{"Signature": b64encode(b"x" * 256).decode()}, {"Message": "{}"}, {"Timestamp": "2020-01-01T00:00:00Z"}]
)
def test_what_amazon_did_not_sign_so_is_refused(shop, post, amazon, fetched, wrong):
    assert post("ses", ses(shop, amazon) | wrong) == (403, "refused")
    assert nothing(shop)


def test_a_letter_of_another_topic_is_refused_before_anything_is_fetched(shop, post, amazon, fetched):
    assert post("ses", ses(shop, amazon, TopicArn=f"{amazon.topic}-of-eve")) == (403, "refused")
    assert nothing(shop)
    assert fetched == []


@pytest.fixture
def subscribed(monkeypatch):
    """A server of this machine that stands for Amazon's, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    whole = providers.fetch
    here = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(providers, "fetch", lambda url: whole(url.replace(HOST, here)))
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_subscription_of_our_topic_is_confirmed_and_is_no_event(shop, post, amazon, fetched, subscribed):
    link = {"Type": "SubscriptionConfirmation", "SubscribeURL": f"{HOST}/?Action=Confirm", "Token": "t", "Message": "m"}
    assert post("ses", ses(shop, amazon, **link)) == (200, "taken in")
    assert subscribed == ["/?Action=Confirm"]
    assert post("ses", ses(shop, amazon, **link) | {"Token": "u"}) == (403, "refused")
    assert len(subscribed) == 1
    assert nothing(shop)


def test_what_can_not_be_checked_now_is_to_be_told_again(shop, post, amazon, monkeypatch, free_port):
    url = f"http://127.0.0.1:{free_port()}/"
    monkeypatch.setattr(providers, "KEPT", Certificates(lambda _: providers.fetch(url)))
    assert post("ses", ses(shop, amazon))[0] == 503
    assert nothing(shop)


@pytest.mark.parametrize(
    ("provider", "setting"),
    [
        ("postmark", "postmark_user"),
        ("postmark", "postmark_password"),
        ("mailgun", "mailgun_signing_key"),
        ("ses", "ses_topic"),
    ],
)
def test_a_webhook_that_is_not_set_up_is_not_there(shop, post, amazon, fetched, provider, setting):
    setattr(shop.settings.web, setting, None)
    bodies = {"postmark": postmark(shop), "mailgun": mailgun(shop), "ses": ses(shop, amazon)}
    assert post(provider, bodies[provider], basic()) == (404, "no such webhook")
    assert nothing(shop)


def test_a_provider_that_is_not_known_is_not_there(post):
    assert post("sendgrid", b"{}") == (404, "no such webhook")


@pytest.mark.parametrize("provider", ["postmark", "mailgun", "ses"])
def test_what_is_no_letter_at_all_is_refused(shop, post, fetched, provider):
    for body in (b"", b"\xff\x00", b"[]", b"5", b"[" * 10_000):
        assert post(provider, body, basic()) == (403, "refused")
    assert nothing(shop)


def test_a_body_without_end_is_not_read(post):
    assert post("postmark", b"x" * (LONGEST + 1), basic())[0] == 413
