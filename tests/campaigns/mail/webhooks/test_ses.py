"""What SES tells becomes ours, about the message as we named it."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import BadFeedback
from campaigns.mail.feedback import Feedback
from campaigns.mail.transports.checks import trial
from campaigns.mail.transports.ses import ses_from_url
from campaigns.mail.webhooks.ses import read
from campaigns.mail.webhooks.sns import Subscription

AT = datetime(2026, 1, 5, 7, 59, 39, tzinfo=UTC)
MAIL = {
    "timestamp": "2026-01-05T07:59:39.000Z",
    "messageId": "0102019b8d1c",
    "destination": ["ada@example.com"],
    "headers": [{"name": "From", "value": "x"}, {"name": "Message-ID", "value": "<1@example.com>"}],
    "commonHeaders": {"messageId": "0102019b8d1c"},
}
BOUNCE = {
    "notificationType": "Bounce",
    "mail": MAIL,
    "bounce": {
        "feedbackId": "0102-bounce",
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "timestamp": "2026-01-05T07:59:39.000Z",
        "bouncedRecipients": [
            {
                "emailAddress": "Ada <ada@example.com>",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 no such user",
            }
        ],
    },
}
COMPLAINT = {
    "eventType": "Complaint",
    "mail": MAIL,
    "complaint": {
        "feedbackId": "0102-complaint",
        "complainedRecipients": [{"emailAddress": "ada@example.com"}],
        "complaintFeedbackType": "abuse",
        "timestamp": "2026-01-05T07:59:39.000Z",
    },
}
DELIVERY = {
    "eventType": "Delivery",
    "mail": MAIL,
    "delivery": {
        "timestamp": "2026-01-05T07:59:39.000Z",
        "recipients": ["ada@example.com"],
        "smtpResponse": "250 ok",
    },
}
REJECT = {"eventType": "Reject", "mail": MAIL, "reject": {"reason": "Bad content"}}


@pytest.fixture(scope="module")
def told(amazon):
    """What is read from a message that Amazon signed."""

    def reading(message, **changed):
        message = message if isinstance(message, str) else json.dumps(message)
        body = amazon.post("2", Message=message, **changed)
        return read(body, {}, topic=amazon.topic, certificates=amazon.certificates(), now=amazon.now)

    return reading


def bounce(**changed):
    return BOUNCE | {"bounce": BOUNCE["bounce"] | changed}


def test_a_hard_bounce_is_told_whole(told):
    assert told(BOUNCE) == [
        Feedback(
            kind="bounced",
            at=AT,
            source="ses",
            source_id="0102-bounce/ada@example.com",
            rfc_message_id="<1@example.com>",
            address="ada@example.com",
            severity="hard",
            words="smtp; 550 5.1.1 no such user",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "detail", "words", "severity"),
    [
        ("Permanent", "Suppressed", "", "hard"),
        ("Permanent", "NoEmail", "smtp; 550 go away", "hard"),
        ("Permanent", "General", "smtp; 550 5.7.1 spam", "policy"),
        ("Permanent", "General", "smtp; 550 5.7.26 DMARC", "configuration"),
        ("Transient", "MailboxFull", "smtp; 552 5.2.2 full", "soft"),
        ("Transient", "General", "smtp; 550 5.1.1 nobody", "soft"),
        ("Transient", "ContentRejected", "", "policy"),
        ("Transient", "General", "smtp; 550 5.7.26 DMARC", "configuration"),
        ("Undetermined", "Undetermined", "", "soft"),
    ],
)
def test_each_kind_of_bounce_has_its_severity(told, kind, detail, words, severity):
    row = {"emailAddress": "ada@example.com"} | ({"diagnosticCode": words} if words else {})
    [found] = told(bounce(bounceType=kind, bounceSubType=detail, bouncedRecipients=[row]))
    assert found.severity == severity
    assert found.words == (words or f"{kind} {detail}")


def test_each_recipient_is_an_event_of_its_own(told):
    rows = [{"emailAddress": "ada@example.com"}, {"emailAddress": "bob@example.com"}]
    assert len({found.source_id for found in told(bounce(bouncedRecipients=rows))}) == 2


@pytest.mark.parametrize(
    ("message", "kind", "severity", "words"),
    [
        (COMPLAINT, "complained", None, "abuse"),
        (DELIVERY, "delivered", None, "250 ok"),
        (REJECT, "bounced", "policy", "SES took it and did not send it: Bad content"),
    ],
)
def test_each_event_becomes_one_of_ours(told, message, kind, severity, words):
    [found] = told(message)
    assert (found.kind, found.at, found.address, found.severity) == (kind, AT, "ada@example.com", severity)
    assert (found.rfc_message_id, found.words) == ("<1@example.com>", words)


@pytest.mark.parametrize(
    "message",
    [
        COMPLAINT | {"complaint": COMPLAINT["complaint"] | {"complaintFeedbackType": "not-spam"}},
        {"eventType": "Open"},
        {"eventType": "Send"},
        {},
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ],
)
def test_what_is_nothing_to_us_is_nothing(told, message):
    assert told(message) == []


def named(told, **mail):
    [found] = told(BOUNCE | {"mail": mail})
    return found.rfc_message_id


def test_the_tag_that_we_gave_names_the_message(told):
    tag = json.loads(ses_from_url("ses://a:b@eu-west-1").request([trial(7)]).body)["EmailTags"][0]
    assert named(told, **MAIL | {"tags": {tag["Name"]: [tag["Value"]]}}) == "<7@example.com>"


def test_else_a_header_does_but_not_one_that_ses_wrote(told):
    theirs = {"name": "Message-ID", "value": "<0102@eu-west-1.amazonses.com>"}
    assert named(told, headers=[theirs]) is None
    assert named(told, headers=[theirs], commonHeaders={"messageId": "1@example.com"}) == "<1@example.com>"
    assert named(told, headers=[{"name": "message-id", "value": "1@example.com"}]) == "<1@example.com>"
    assert named(told, commonHeaders={"messageId": "0102019b8d1c"}) is None
    assert named(told) is None


@pytest.mark.parametrize("tag", [None, [], [5], "x", ["!"], ["w"], [urlsafe_b64encode(b"\xff").decode()], ["ü"]])
def test_a_tag_that_is_not_ours_is_passed_over(told, tag):
    assert named(told, **MAIL | {"tags": {"handpicked": tag}}) == "<1@example.com>"


def test_a_subscription_waits_to_be_confirmed(told, amazon):
    url = f"{amazon.host}/?Action=ConfirmSubscription"
    found = told("You have chosen", Type="SubscriptionConfirmation", Token="2336", SubscribeURL=url)
    assert found == Subscription(amazon.topic, url)


def test_a_farewell_is_not_passed_over_in_silence(told, amazon):
    with pytest.raises(BadFeedback, match="its subscription was ended; subscribe again"):
        told("Bye", Type="UnsubscribeConfirmation", Token="2336", SubscribeURL=f"{amazon.host}/")


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        "[]",
        bounce(timestamp="yesterday"),
        bounce(feedbackId=None),
        DELIVERY | {"mail": None},
        REJECT | {"mail": MAIL | {"messageId": ""}},
    ],
)
def test_what_can_not_be_read_is_refused(told, message):
    with pytest.raises(BadFeedback, match="webhook of ses"):
        told(message)


def test_a_forged_bounce_is_refused(amazon):
    forged = amazon.letter(Message="{}") | {"Message": json.dumps(BOUNCE)}
    with pytest.raises(BadFeedback, match="its signature does not hold"):
        read(
            json.dumps(forged).encode(),
            {},
            topic=amazon.topic,
            certificates=amazon.certificates(),
            now=amazon.now,
        )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda kept: st.lists(kept, max_size=2) | st.dictionaries(st.text(max_size=3), kept, max_size=2),
    max_leaves=4,
)
EVENTS = [(BOUNCE, "bounce"), (COMPLAINT, "complaint"), (DELIVERY, "delivery"), (REJECT, "reject")]


@given(st.sampled_from(EVENTS), st.data())
def test_any_field_may_be_anything(told, event, data):
    message, part = event
    inner = data.draw(st.dictionaries(st.sampled_from(sorted(message[part])), JSON, max_size=2))
    mail = data.draw(st.dictionaries(st.sampled_from([*sorted(MAIL), "tags"]), JSON, max_size=2))
    outer = data.draw(st.dictionaries(st.sampled_from(sorted(message)), JSON, max_size=1))
    try:
        found = told(message | {part: message[part] | inner, "mail": MAIL | mail} | outer)
    except BadFeedback:
        return
    assert all(isinstance(each, Feedback) and each.source_id for each in found)
