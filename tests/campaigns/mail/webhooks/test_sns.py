"""Only what Amazon signed, for our topic and lately, is read."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaigns.errors import BadFeedback, TransportError
from campaigns.mail.webhooks.sns import Certificates, Subscription, fetch, open_letter, subscription


def opened(amazon, body, *, pem=None, fetched=None, now=None, topic=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return open_letter(body, topic or amazon.topic, amazon.certificates(pem, fetched), now or amazon.now)


def refusal(amazon, body, **how):
    with pytest.raises(BadFeedback) as refused:
        opened(amazon, body, **how)
    return refused.value.problem.removeprefix("webhook of ses: ")


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("more", [{}, {"Subject": "A subject"}])
def test_a_signed_letter_is_read(amazon, version, more):
    fields = opened(amazon, amazon.letter(version, Message="two\nlines, ü", **more))
    assert fields["Message"] == "two\nlines, ü"
    assert "UnsubscribeURL" not in fields  # nobody signed it


def test_a_certificate_is_fetched_once(amazon):
    fetched = []
    kept = amazon.certificates(fetched=fetched)
    for _ in range(3):
        open_letter(amazon.post(), amazon.topic, kept, amazon.now)
    assert fetched == [amazon.pem_url]


def test_only_so_many_certificates_are_kept(amazon):
    fetched = []
    kept = amazon.certificates(fetched=fetched)
    for number in range(Certificates.MOST + 1):
        kept.key(f"https://x/{number}.pem", amazon.now)
    kept.key("https://x/0.pem", amazon.now)
    assert len(fetched) == Certificates.MOST + 2


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "Subject"])
def test_a_changed_field_is_refused(amazon, name):
    letter = amazon.letter(Subject="A subject")
    changed = letter | {name: "2026-01-05T07:59:59.000Z" if name == "Timestamp" else letter[name] + "x"}
    assert refusal(amazon, changed) == "its signature does not hold"


def test_a_field_left_out_or_added_is_refused(amazon):
    letter = amazon.letter(Subject="A subject")
    assert refusal(amazon, amazon.letter() | {"Subject": "added"}) == "its signature does not hold"
    assert (
        refusal(amazon, {name: letter[name] for name in letter if name != "Subject"}) == "its signature does not hold"
    )


@pytest.mark.parametrize("signature", ["", "AAAA", "no base64!", "ü", "\ud800"], ids=ascii)
def test_a_signature_that_is_none_is_refused(amazon, signature):
    assert refusal(amazon, amazon.letter() | {"Signature": signature}) == "its signature does not hold"


def test_half_a_character_is_refused(amazon):
    assert refusal(amazon, amazon.letter() | {"Message": "\ud800"}) == "its signature does not hold"


@pytest.mark.parametrize("version", ["3", "", None, 1])
def test_an_unknown_way_of_signing_is_refused(amazon, version):
    assert "neither 1 nor 2" in refusal(amazon, amazon.letter() | {"SignatureVersion": version})


def test_the_hash_of_the_other_version_does_not_hold(amazon):
    assert refusal(amazon, amazon.letter("2") | {"SignatureVersion": "1"}) == "its signature does not hold"


def test_another_topic_is_refused_before_anything_is_fetched(amazon):
    fetched = []
    theirs = amazon.letter(TopicArn=f"{amazon.topic}s")
    assert refusal(amazon, theirs, fetched=fetched) == "it comes from a topic that is not ours"
    assert fetched == []


@pytest.mark.parametrize("off", [timedelta(hours=25), timedelta(minutes=-6)])
def test_what_was_signed_too_far_from_now_is_refused(amazon, off):
    assert "too far from now" in refusal(amazon, amazon.letter(), now=amazon.now + off)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://x@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.txt",
        "https://sns.eu-west-1.amazonaws.com/?x=SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com\\.evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com\n/SimpleNotificationService-1.pem",
        "https://[::1/SimpleNotificationService-1.pem",
        "file:///SimpleNotificationService-1.pem",
        "",
    ],
    ids=ascii,
)
def test_a_certificate_from_elsewhere_is_refused_and_not_fetched(amazon, url):
    fetched = []
    assert refusal(amazon, amazon.letter(SigningCertURL=url), fetched=fetched) == "its certificate is not Amazon's"
    assert fetched == []


def test_china_has_its_own_hosts(amazon):
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:bounces"
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem"
    assert opened(amazon, amazon.letter(TopicArn=topic, SigningCertURL=url), topic=topic)


def test_a_topic_of_ours_that_is_none_lets_nobody_in(amazon):
    assert refusal(amazon, amazon.letter(TopicArn="bounces"), topic="bounces") == "its certificate is not Amazon's"


def test_a_certificate_that_does_not_hold_is_refused(amazon):
    assert refusal(amazon, amazon.letter(), pem=amazon.expired) == "its certificate does not hold now"
    assert refusal(amazon, amazon.letter(), pem=amazon.elliptic) == "its certificate has no RSA key"
    assert refusal(amazon, amazon.letter(), pem=b"<html>") == "its certificate can't be read"


@pytest.mark.parametrize(
    "name", ["Type", "Message", "MessageId", "Timestamp", "TopicArn", "Signature", "SigningCertURL"]
)
@pytest.mark.parametrize("value", [None, 5, {}])
def test_a_letter_with_a_field_missing_is_refused(amazon, name, value):
    assert refusal(amazon, amazon.letter() | {name: value}) == "SNS did not write it"


def test_a_letter_of_an_unknown_type_is_refused(amazon):
    assert refusal(amazon, amazon.letter(Type="Other")) == "SNS did not write it"


ASKED = {"Type": "SubscriptionConfirmation", "Token": "2336412f37", "Message": "You have chosen to subscribe"}


def test_a_subscription_can_be_confirmed(amazon):
    url = f"{amazon.host}/?Action=ConfirmSubscription&TopicArn={amazon.topic}&Token=2336412f37"
    fields = opened(amazon, amazon.letter(**ASKED, SubscribeURL=url))
    assert subscription(fields) == Subscription(amazon.topic, url)


@pytest.mark.parametrize("url", ["https://evil.example/", "http://sns.eu-west-1.amazonaws.com/", "https://127.0.0.1/"])
def test_a_subscription_that_leads_elsewhere_is_refused(amazon, url):
    fields = opened(amazon, amazon.letter(**ASKED, SubscribeURL=url))
    with pytest.raises(BadFeedback, match="its SubscribeURL is not Amazon's"):
        subscription(fields)


@pytest.mark.parametrize("name", ["Token", "SubscribeURL"])
def test_what_confirms_is_signed(amazon, name):
    letter = amazon.letter(**ASKED, SubscribeURL=f"{amazon.host}/")
    assert refusal(amazon, letter | {name: letter[name] + "x"}) == "its signature does not hold"


@given(st.data())
def test_no_changed_byte_is_taken(amazon, data):
    letter = amazon.letter(Subject="A subject", Message='{"notificationType":"Bounce"}')
    name = data.draw(st.sampled_from(["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]))
    at = data.draw(st.integers(0, len(letter[name]) - 1))
    changed = letter[name][:at] + data.draw(st.characters()) + letter[name][at + 1 :]
    assume(changed != letter[name])
    assert refusal(amazon, letter | {name: changed})


@given(st.binary(max_size=200))
def test_any_body_is_refused(amazon, body):
    assert refusal(amazon, body)


@pytest.fixture
def site():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/pem": 200, "/moved": 302}.get(self.path, 404))
            self.send_header("location", "/pem")
            self.end_headers()
            self.wfile.write(b"a certificate")

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_is_there_is_fetched(site):
    assert fetch(f"{site}/pem") == b"a certificate"


@pytest.mark.parametrize("path", ["/moved", "/none"])
def test_a_redirect_and_a_missing_page_are_no_certificate(site, path):
    with pytest.raises(TransportError, match=r"Amazon SNS: it answers [34]0[24]; it tells the same again later"):
        fetch(site + path)


def test_who_can_not_be_reached_is_asked_again_later(free_port):
    with pytest.raises(TransportError, match="tells the same again later"):
        fetch(f"http://127.0.0.1:{free_port()}/pem")
