"""Mailgun signs a time and a token; only while they are fresh, and once, what it tells is taken."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaigns.errors import BadFeedback
from campaigns.mail.feedback import Feedback
from campaigns.mail.webhooks.mailgun import read

KEY = "hunter2"
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
STAMP, TOKEN = str(int(NOW.timestamp())), "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
FAILED = {
    "id": "G9Bn5sl1TC6nu79C8C0bwg",
    "timestamp": NOW.timestamp() + 0.25,
    "event": "failed",
    "severity": "permanent",
    "reason": "generic",
    "log-level": "error",
    "recipient": "ada@example.com",
    "message": {"headers": {"message-id": "1@example.com", "to": "Ada <ada@example.com>"}},
    "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": "", "attempt-no": 1},
}


def sign(stamp=STAMP, token=TOKEN, key=KEY):
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": signature}


def told(event, signature=None, now=NOW, **how):
    body = json.dumps({"signature": sign() if signature is None else signature, "event-data": event}).encode()
    return read(body, {}, signing_key=KEY, now=now, **how)


def failed(status=None, **changed):
    [found] = told(FAILED | changed | ({"delivery-status": status} if status else {}))
    return found.kind, found.severity


def test_a_failure_is_told_whole():
    assert told(FAILED) == [
        Feedback(
            kind="bounced",
            at=NOW + timedelta(seconds=0.25),
            source="mailgun",
            source_id="G9Bn5sl1TC6nu79C8C0bwg",
            rfc_message_id="<1@example.com>",
            address="ada@example.com",
            severity="hard",
            words="550 5.1.1 no such user",
        )
    ]


@pytest.mark.parametrize("kind", ["delivered", "complained", "unsubscribed"])
def test_each_event_becomes_one_of_ours(kind):
    [found] = told(FAILED | {"event": kind})
    assert (found.kind, found.severity) == (kind, None)


def test_a_permanent_failure_is_as_bad_as_its_words():
    assert failed({"code": 550, "message": "5.7.1 spam"}) == ("bounced", "policy")
    assert failed({"code": 550, "message": "5.7.26 DMARC"}) == ("bounced", "configuration")
    assert failed({"code": 550, "message": "go away"}) == ("bounced", "soft")
    assert failed({"code": 550, "message": "go away"}, reason="bounce") == ("bounced", "hard")
    assert failed({"code": 605}, reason="suppress-bounce") == ("bounced", "hard")
    assert failed({"code": 606}, reason="suppress-unsubscribe") == ("unsubscribed", None)
    assert failed({"code": 607}, reason="suppress-complaint") == ("complained", None)


def test_a_temporary_failure_is_soft():
    assert failed({"code": 452, "message": "4.2.2 full"}, severity="temporary") == ("bounced", "soft")
    assert failed({"code": 550, "message": "5.1.1 nobody"}, severity="temporary") == ("bounced", "soft")


@pytest.mark.parametrize("event", [{"event": "opened"}, {"event": "clicked"}, {"event": "accepted"}, {}, None])
def test_what_is_nothing_to_us_is_nothing(event):
    assert told(event) == []


@pytest.mark.parametrize(
    "signature",
    [
        sign(key="another"),
        sign() | {"timestamp": str(int(STAMP) - 1)},
        sign() | {"token": TOKEN[::-1]},
        sign() | {"signature": sign()["signature"].upper()},
        sign() | {"signature": ""},
        sign() | {"signature": "ü\ud800"},
    ],
    ids=ascii,
)
def test_a_forged_signature_is_refused(signature):
    with pytest.raises(BadFeedback, match="its signature does not hold") as refused:
        told(FAILED, signature)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("signature", [{}, None, 5, sign() | {"timestamp": None}, sign() | {"token": ""}, sign("1e9")])
def test_what_is_not_signed_is_refused(signature):
    with pytest.raises(BadFeedback, match="it is not signed"):
        read(json.dumps({"signature": signature, "event-data": FAILED}).encode(), {}, signing_key=KEY, now=NOW)


def test_without_a_key_of_ours_nobody_may_speak():
    body = json.dumps({"signature": sign(key=""), "event-data": FAILED}).encode()
    with pytest.raises(BadFeedback, match="not signed"):
        read(body, {}, signing_key="", now=NOW)


@pytest.mark.parametrize("off", [timedelta(hours=13), timedelta(minutes=-6)])
def test_what_was_signed_too_far_from_now_is_refused(off):
    with pytest.raises(BadFeedback, match="too far from now"):
        told(FAILED, now=NOW + off)


@pytest.mark.parametrize(("stamp", "token"), [(STAMP[:-1], STAMP[-1] + TOKEN), (STAMP + "1", TOKEN)])
def test_moving_digits_between_time_and_token_gains_nothing(stamp, token):
    signature = sign(STAMP, "1" + TOKEN if stamp == STAMP + "1" else TOKEN)["signature"]
    with pytest.raises(BadFeedback, match="too far from now"):
        told(FAILED, {"timestamp": stamp, "token": token, "signature": signature})


def test_a_token_is_let_in_once():
    spent = set()

    def is_new(token):
        return token not in spent and not spent.add(token)

    assert told(FAILED, is_new=is_new)
    with pytest.raises(BadFeedback, match="its token was used before"):
        told(FAILED | {"event": "complained"}, is_new=is_new)


def test_a_forged_request_and_one_that_can_not_be_read_spend_no_token():
    spent = []
    for event, signature in [(FAILED, sign(key="another")), (FAILED | {"id": None}, None)]:
        with pytest.raises(BadFeedback):
            told(event, signature, is_new=lambda token: bool(spent.append(token)))
    assert spent == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda kept: st.lists(kept, max_size=2) | st.dictionaries(st.text(max_size=3), kept, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(FAILED)), JSON, max_size=4))
def test_any_field_may_be_anything(changed):
    try:
        found = told(FAILED | changed)
    except BadFeedback:
        return
    assert all(isinstance(each, Feedback) and each.source_id for each in found)


@given(st.binary(max_size=200))
def test_any_body_is_refused(body):
    with pytest.raises(BadFeedback):
        read(body, {}, signing_key=KEY, now=NOW)


@given(st.sampled_from(["timestamp", "token", "signature"]), st.data())
def test_no_changed_byte_is_taken(field, data):
    signature = sign()
    at = data.draw(st.integers(0, len(signature[field]) - 1))
    character = data.draw(st.characters(max_codepoint=127))
    changed = signature[field][:at] + character + signature[field][at + 1 :]
    assume(changed != signature[field])
    with pytest.raises(BadFeedback):
        told(FAILED, signature | {field: changed})
