"""Postmark takes batches, and answers for each message in them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from campaigns.errors import TransportError
from campaigns.mail.feedback import severity_of
from campaigns.mail.message import build
from campaigns.mail.transports import postmark as module
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import RECIPIENT, SENDER, TEXT, check_transport, trial
from campaigns.mail.transports.postmark import postmark_from_url

TOKEN = "hunter2"
TAKEN = {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a"}


@pytest.fixture
def postmark(provider):
    return replace(postmark_from_url(f"postmark://{TOKEN}@host?endpoint={provider.url}&stream=news"), timeout_seconds=5)


def accept(provider, reply):
    def answer(call):
        if call.path != "/email/batch" or call.headers["x-postmark-server-token"] != TOKEN:
            return reply(401, {"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied"})
        return reply(200, [TAKEN] * len(json.loads(call.body)))

    provider.answer = answer


def messages(provider):
    return [message for call in provider.calls for message in json.loads(call.body)]


def header(message, name):
    return next(row["Value"] for row in message["Headers"] if row["Name"] == name)


def error(code, words="in its words"):
    return {"ErrorCode": code, "Message": words}


def test_it_is_a_transport(provider, postmark, reply):
    accept(provider, reply)
    check_transport(postmark, lambda: [header(message, "Message-ID") for message in messages(provider)])


def test_the_message_goes_in_its_parts(provider, postmark, reply, deliver):
    accept(provider, reply)
    assert deliver(postmark, trial()) == [Outcome("sent", "postmark took it as b7bc2f4a")]
    [message] = messages(provider)
    assert (message["From"], message["To"]) == (SENDER, f'"Ada" <{RECIPIENT}>')
    assert (message["Subject"], message["TextBody"]) == ("Trial 1: ☕", TEXT)
    assert message["HtmlBody"] == trial().message.html
    assert (message["MessageStream"], message["TrackOpens"], message["TrackLinks"]) == ("news", False, "None")
    assert header(message, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert "ReplyTo" not in message


def test_our_message_id_is_kept_and_comes_back_as_metadata(postmark):
    [message] = json.loads(postmark.request([trial()]).body)
    assert header(message, "X-PM-KeepID") == "true"
    assert message["Metadata"] == {"message-id": "<1@example.com>"}
    [message] = json.loads(postmark.request([trial()._replace(key=f"<{'x' * 80}@example.com>")]).body)
    assert "Metadata" not in message


def test_odd_names_and_half_characters_can_be_said(postmark):
    odd = build(
        sender=SENDER,
        to_name='Ada "Countess" \\',
        to_address=RECIPIENT,
        subject="x",
        html="half a character: \ud83d",
        text="x",
        rfc_message_id="<1@example.com>",
        date=datetime(2026, 1, 5, tzinfo=UTC),
        list_id="x.example.com",
        unsubscribe_url="https://example.com/u",
        reply_to="help@example.com",
    )
    [message] = json.loads(postmark.request([trial()._replace(message=odd)]).body)
    assert message["To"] == f'"Ada \\"Countess\\" \\\\" <{RECIPIENT}>'
    assert message["HtmlBody"] == "half a character: ?"
    assert message["ReplyTo"] == "help@example.com"
    [message] = json.loads(postmark.request([trial()._replace(message=odd._replace(to_name=""))]).body)
    assert message["To"] == RECIPIENT


def test_a_batch_is_one_call_and_each_message_has_its_own_outcome(provider, postmark, deliver):
    answers = [
        TAKEN,
        error(406),
        error(300, "Error parsing 'To': Illegal email address"),
        error(100),
        error(411),
        TAKEN,
    ]
    provider.answers(200, answers)
    outcomes = deliver(postmark, *map(trial, range(6)))
    assert [outcome.status for outcome in outcomes] == ["sent", "failed", "failed", "retry", "failed", "sent"]
    assert [severity_of(outcomes[at].answer) for at in (1, 2, 4)] == ["hard", "hard", "soft"]
    assert outcomes[1].answer == "5.1.1 postmark 406: in its words"
    assert len(provider.calls) == 1


@pytest.mark.parametrize("limit", ["MOST_MESSAGES", "MOST_BYTES"])
def test_what_is_too_much_for_one_call_goes_in_several(provider, postmark, reply, deliver, monkeypatch, limit):
    accept(provider, reply)
    monkeypatch.setattr(
        module, limit, {"MOST_MESSAGES": 2, "MOST_BYTES": 2 * len(postmark.request([trial()]).body)}[limit]
    )
    assert [outcome.status for outcome in deliver(postmark, *map(trial, range(5)))] == ["sent"] * 5
    assert [len(json.loads(call.body)) for call in provider.calls] == [2, 2, 1]


def test_one_message_too_long_for_a_call_is_still_tried(postmark, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert [len(group) for group in postmark.groups([trial(1), trial(2)])] == [1, 1]


@pytest.mark.parametrize(
    ("code", "words", "remedy"),
    [
        (10, "x", "give the token of the server"),
        (400, "x", "add the sender as a sender signature"),
        (300, "Invalid 'From' address", "add the sender as a sender signature"),
        (401, "x", "confirm the sender signature"),
        (405, "x", "buy credits"),
        (412, "x", "wait for Postmark to approve"),
        (413, "x", "ask Postmark why"),
        (1235, "x", "name a message stream of this server"),
    ],
)
def test_an_error_about_the_account_stops_all(provider, postmark, deliver, code, words, remedy):
    provider.answers(200, [error(406), error(code, words)])
    with pytest.raises(TransportError, match=f"no message is taken: postmark {code}: {words}; {remedy}"):
        deliver(postmark, trial(1), trial(2))


def test_such_an_error_beside_messages_that_were_taken_is_tried_again(provider, postmark, deliver):
    provider.answers(200, [TAKEN, error(405)])
    outcomes = deliver(postmark, trial(1), trial(2))
    assert [outcome.status for outcome in outcomes] == ["sent", "retry"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, error(10), "postmark 401: in its words; give the token of the server"),
        (422, error(402), "postmark 422: in its words; look the code up"),
        (422, error(1235), "postmark 422: in its words; name a message stream"),
        (404, b"<h1>", "postmark 404: <h1>; look the code up"),
        (413, b"", "postmark 413: no words; ask Postmark why"),
    ],
)
def test_a_batch_refused_whole_stops_all(provider, postmark, deliver, status, body, words):
    provider.answers(status, body)
    with pytest.raises(TransportError, match=words):
        deliver(postmark, trial())


@pytest.mark.parametrize(
    "body",
    [b"garbage", [], [TAKEN], [TAKEN] * 3, [TAKEN, {}], [TAKEN, 5], {"ErrorCode": 0}, [TAKEN, {"ErrorCode": "0"}]],
)
def test_an_answer_that_does_not_fit_the_batch_leaves_a_doubt(provider, postmark, deliver, body):
    provider.answers(200, body)
    outcomes = deliver(postmark, trial(1), trial(2))
    assert outcomes == [Outcome("in_doubt", "postmark 200: its answer can't be read")] * 2


def test_a_wrong_token_does_not_pass(provider, postmark, reply, deliver):
    accept(provider, reply)
    with pytest.raises(TransportError, match="give the token of the server"):
        deliver(replace(postmark, secret="another"), trial())
