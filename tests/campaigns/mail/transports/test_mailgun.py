"""Mailgun takes the raw message in a form, and each of its errors has one meaning."""

import email
import email.policy
from base64 import b64encode
from dataclasses import replace

import pytest

from campaigns.errors import TransportError
from campaigns.mail.feedback import severity_of
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import RECIPIENT, check_transport, trial
from campaigns.mail.transports.mailgun import mailgun_from_url

KEY = "hunter2"
TAKEN = {"id": "<1@example.com>", "message": "Queued. Thank you."}


@pytest.fixture
def mailgun(provider):
    made = mailgun_from_url(f"mailgun://{KEY}@api.mailgun.net/mg.example.com?tag=weekly&endpoint={provider.url}")
    return replace(made, timeout_seconds=5)


def form(call):
    """The fields of a posted form, by the standard library's reading."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + call.body, policy=email.policy.HTTP).iter_parts()
    return {part.get_param("name", header="content-disposition"): part for part in parts}


def message(call):
    [inner] = form(call)["message"].get_payload()
    return inner


def accept(provider, reply):
    def answer(call):
        if call.headers["authorization"] != f"Basic {b64encode(f'api:{KEY}'.encode()).decode()}":
            return reply(401, b"Forbidden")
        return reply(200 if call.path == "/v3/mg.example.com/messages.mime" else 404, TAKEN)

    provider.answer = answer


def test_it_is_a_transport(provider, mailgun, reply):
    accept(provider, reply)
    check_transport(mailgun, lambda: [message(call)["message-id"] for call in provider.calls])


def test_the_message_goes_as_it_is_to_the_envelopes_recipient(provider, mailgun, reply, deliver):
    accept(provider, reply)
    assert deliver(mailgun, trial()) == [Outcome("sent", "mailgun took it as <1@example.com>")]
    fields = form(provider.calls[0])
    assert {name: fields[name].get_content() for name in fields if name != "message"} == {
        "to": RECIPIENT,
        "o:tracking": "no",
        "o:tag": "weekly",
    }
    assert trial().message.raw() in provider.calls[0].body


def test_without_a_tag_none_is_sent(mailgun):
    assert b"o:tag" not in replace(mailgun, tag=None).request([trial()]).body


@pytest.mark.parametrize(
    ("status", "words", "outcome", "severity"),
    [
        (400, "'to' parameter is not a valid address. please check documentation", "failed", "hard"),
        (400, "to parameter is not a valid address. please check documentation", "failed", "hard"),
        (400, "Too many recipients", "failed", "soft"),
        (400, "something odd", "failed", "soft"),
        (413, "too large", "failed", "soft"),
        (429, "slow down", "retry", None),
        (500, "Internal Server Error", "retry", None),
    ],
)
def test_an_error_about_one_message_is_its_outcome(provider, mailgun, deliver, status, words, outcome, severity):
    provider.answers(status, {"message": words})
    [found] = deliver(mailgun, trial())
    assert found.status == outcome
    assert f"mailgun {status}: {words}" in found.answer
    assert severity is None or severity_of(found.answer) == severity


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (401, b"Forbidden", "check the sending key"),
        (402, {"message": "x"}, "pay Mailgun's bill"),
        (403, {"message": "x"}, "the domain is verified"),
        (404, {"message": "Domain not found: mg.example.com"}, "check the domain"),
        (400, {"message": "'from' parameter is not a valid address."}, "send from the domain"),
        (400, {"message": "Sandbox subdomains are for test purposes only."}, "send from the domain"),
        (400, {"message": "Domain mg.example.com is not allowed to send: disabled"}, "send from the domain"),
    ],
)
def test_an_error_about_the_account_stops_all(provider, mailgun, deliver, status, body, remedy):
    provider.answers(status, body)
    with pytest.raises(TransportError, match=f"no message is taken: mailgun {status}: .*; .*{remedy}"):
        deliver(mailgun, trial())


@pytest.mark.parametrize("body", [b"garbage", {}, [], {"id": None}])
def test_an_acceptance_that_can_not_be_read_leaves_a_doubt(provider, mailgun, deliver, body):
    provider.answers(200, body)
    assert deliver(mailgun, trial()) == [Outcome("in_doubt", "mailgun 200: its answer can't be read")]


def test_a_wrong_key_does_not_pass(provider, mailgun, reply, deliver):
    accept(provider, reply)
    with pytest.raises(TransportError, match="check the sending key"):
        deliver(replace(mailgun, secret="another"), trial())
