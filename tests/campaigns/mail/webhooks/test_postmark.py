"""Postmark may speak only with our name and password; then its words become ours."""

import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import BadFeedback
from campaigns.mail.feedback import Feedback
from campaigns.mail.webhooks.postmark import read

AT = datetime(2026, 1, 5, 13, 28, 10, 273539, tzinfo=UTC)
BOUNCE = {
    "RecordType": "Bounce",
    "MessageStream": "broadcast",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "TypeCode": 1,
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Metadata": {"message-id": "<1@example.com>"},
    "Details": "smtp;550 5.1.1 no such user",
    "Email": "ada@example.com",
    "BouncedAt": "2026-01-05T08:28:10.2735393-05:00",
    "Inactive": True,
}
DELIVERY = {
    "RecordType": "Delivery",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Recipient": "ada@example.com",
    "DeliveredAt": "2026-01-05T08:28:10.2735393-05:00",
    "Details": "250 ok",
    "Metadata": {"message-id": "<1@example.com>"},
}
CHANGE = {
    "RecordType": "SubscriptionChange",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Recipient": "ada@example.com",
    "ChangedAt": "2026-01-05T13:28:10.273539Z",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "ManualSuppression",
    "Metadata": {},
}


def basic(user="pm", password="hunter2:ü", name="Authorization"):
    return {name: f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def told(body, headers=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(body, basic() if headers is None else headers, user="pm", password="hunter2:ü")


def test_a_hard_bounce_is_told_whole():
    assert told(BOUNCE) == [
        Feedback(
            kind="bounced",
            at=AT,
            source="postmark",
            source_id="Bounce/4323372036854775807",
            rfc_message_id="<1@example.com>",
            address="ada@example.com",
            severity="hard",
            words="HardBounce smtp;550 5.1.1 no such user",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("BadEmailAddress", "hard"),
        ("Transient", "soft"),
        ("SoftBounce", "soft"),
        ("DnsError", "soft"),
        ("Unknown", "soft"),
        ("SpamNotification", "policy"),
        ("VirusNotification", "policy"),
        ("Blocked", "policy"),
        ("DMARCPolicy", "configuration"),
    ],
)
def test_each_type_of_bounce_has_its_severity(kind, severity):
    [found] = told(BOUNCE | {"Type": kind})
    assert (found.kind, found.severity) == ("bounced", severity)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BOUNCE | {"RecordType": "SpamComplaint", "Type": "SpamComplaint"}, "complained"),
        (BOUNCE | {"Type": "SpamComplaint"}, "complained"),
        (BOUNCE | {"Type": "Unsubscribe"}, "unsubscribed"),
        (BOUNCE | {"Type": "ManuallyDeactivated"}, "unsubscribed"),
        (CHANGE, "unsubscribed"),
        (CHANGE | {"SuppressionReason": "SpamComplaint"}, "complained"),
        (CHANGE | {"SuppressionReason": "HardBounce"}, "bounced"),
        (DELIVERY, "delivered"),
    ],
)
def test_each_record_becomes_one_of_ours(body, kind):
    [found] = told(body)
    assert (found.kind, found.address) == (kind, "ada@example.com")
    assert found.at.replace(microsecond=0) == AT.replace(microsecond=0)
    assert found.severity == ("hard" if kind == "bounced" else None)


@pytest.mark.parametrize(
    "body",
    [
        BOUNCE | {"Type": "AutoResponder"},
        BOUNCE | {"Type": "Subscribe"},
        CHANGE | {"SuppressSending": False},
        {"RecordType": "Open"},
        {},
    ],
)
def test_what_is_nothing_to_us_is_nothing(body):
    assert told(body) == []


def test_the_same_told_twice_has_the_same_id_and_another_one_another():
    [first], [again] = told(DELIVERY), told(DELIVERY)
    [other] = told(DELIVERY | {"Recipient": "bob@example.com"})
    assert first.source_id == again.source_id != other.source_id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(user="other"),
        basic(password="other"),
        basic(password=""),
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ***"},
        {"Authorization": "Basic \ud800"},
        {"Authorization": "Bearer " + basic()["Authorization"].partition(" ")[2]},
    ],
    ids=ascii,
)
def test_another_name_or_password_is_refused_and_ours_is_not_shown(headers):
    with pytest.raises(BadFeedback, match="its name and password are not ours; check the settings") as refused:
        told(BOUNCE, headers)
    assert "hunter2" not in str(refused.value)


def test_without_a_password_of_ours_nobody_may_speak():
    with pytest.raises(BadFeedback, match="not ours"):
        read(json.dumps(BOUNCE).encode(), basic("", ""), user="", password="")


def test_the_header_may_be_written_in_any_case():
    assert told(BOUNCE, basic(name="authorization"))


@pytest.mark.parametrize("body", [b"no", [], BOUNCE | {"BouncedAt": None}, DELIVERY | {"MessageID": None}])
def test_what_can_not_be_read_is_refused(body):
    with pytest.raises(BadFeedback, match="webhook of postmark"):
        told(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda kept: st.lists(kept, max_size=2) | st.dictionaries(st.text(max_size=3), kept, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from([BOUNCE, DELIVERY, CHANGE]), st.data())
def test_any_field_may_be_anything(record, data):
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(record)), JSON, max_size=4))
    try:
        found = told(record | changed)
    except BadFeedback:
        return
    assert all(isinstance(each, Feedback) and each.source_id for each in found)


@given(st.binary(max_size=100), st.text(max_size=50))
def test_any_body_under_any_name_is_refused_or_read(body, authorization):
    with pytest.raises(BadFeedback):
        told(body, {"Authorization": authorization})
