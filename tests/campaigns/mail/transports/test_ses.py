"""SES takes what is signed as Amazon signs, and each of its errors has one meaning."""

import email
import email.policy
import json
from base64 import b64decode, urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from campaigns.errors import TransportError
from campaigns.mail.feedback import severity_of
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import RECIPIENT, TEXT, check_transport, trial
from campaigns.mail.transports.ses import Ses, ses_from_url

ACCESS, SECRET, REGION = "AKIATEST", "hunter2/+=", "eu-west-1"


@pytest.fixture
def ses(provider):
    made = ses_from_url(f"ses://{ACCESS}:{quote(SECRET, safe='')}@{REGION}?endpoint={quote(provider.url)}")
    return replace(made, timeout_seconds=5)


def holds(call, url):
    """Say whether botocore makes the same signature of what came."""
    request = AWSRequest("POST", url + call.path, data=call.body)
    request.headers["Content-Type"] = call.headers["content-type"]
    request.headers["X-Amz-Date"] = request.context["timestamp"] = call.headers["x-amz-date"]
    auth = SigV4Auth(Credentials(ACCESS, SECRET), "ses", REGION)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return call.headers["authorization"].endswith(f"Signature={signature}")


def accept(provider, reply):
    def answer(call):
        if call.path != "/v2/email/outbound-emails" or not holds(call, provider.url):
            return reply(403, {"message": "The request signature we calculated does not match"})
        return reply(200, {"MessageId": f"0100-{len(provider.calls)}"})

    provider.answer = answer


def raw(call):
    data = b64decode(json.loads(call.body)["Content"]["Raw"]["Data"])
    return email.message_from_bytes(data, policy=email.policy.default)


def test_it_is_a_transport(provider, ses, reply):
    accept(provider, reply)
    check_transport(ses, lambda: [raw(call)["message-id"] for call in provider.calls])


def test_the_message_goes_whole_to_the_envelopes_recipient(provider, ses, reply, deliver):
    accept(provider, reply)
    assert deliver(ses, trial()) == [Outcome("sent", "ses took it as 0100-1")]
    sent = json.loads(provider.calls[0].body)
    assert sent["Destination"] == {"ToAddresses": [RECIPIENT]}
    assert raw(provider.calls[0]).get_body(["plain"]).get_content() == TEXT.replace("\n", "\r\n")
    assert "ConfigurationSetName" not in sent


def test_our_message_id_travels_as_a_tag(provider, ses, reply, deliver):
    accept(provider, reply)
    deliver(ses, trial())
    [tag] = json.loads(provider.calls[0].body)["EmailTags"]
    assert tag["Name"] == "handpicked"
    assert urlsafe_b64decode(tag["Value"] + "==").decode() == "<1@example.com>"


def test_an_id_too_long_for_a_tag_goes_without(ses):
    long = trial()._replace(key=f"<{'x' * 250}@example.com>")
    assert "EmailTags" not in json.loads(ses.request([long]).body)


def test_no_signature_goes_along_that_would_not_hold(ses):
    class Stamp:
        def sign(self, head, hashed):
            return "DKIM-Signature: v=1"

    signed = trial()._replace(message=trial().message._replace(signers=(Stamp(),)))
    assert b"DKIM-Signature" in signed.message.raw()
    assert b"DKIM-Signature" not in b64decode(json.loads(ses.request([signed]).body)["Content"]["Raw"]["Data"])


def test_a_configuration_set_is_named(ses):
    assert json.loads(replace(ses, configuration_set="news").request([trial()]).body)["ConfigurationSetName"] == "news"


def error(kind, status=400, message="in its words"):
    return {"status": status, "body": {"message": message}, "headers": {"x-amzn-errortype": f"{kind}:http://x/"}}


@pytest.mark.parametrize(
    ("how", "status", "severity"),
    [
        (error("TooManyRequestsException", 429), "retry", None),
        (error("LimitExceededException"), "retry", None),
        (error("ThrottlingException"), "retry", None),
        (error("InternalFailure", 500), "retry", None),
        (error("ServiceUnavailable", 503), "retry", None),
        (error("BadRequestException", message="Illegal address"), "failed", "hard"),
        (error("BadRequestException"), "failed", "soft"),
        (error("MessageRejected", message="Transaction failed: virus"), "failed", "policy"),
    ],
)
def test_an_error_about_one_message_is_its_outcome(provider, ses, deliver, how, status, severity):
    provider.answers(**how)
    [outcome] = deliver(ses, trial())
    assert outcome.status == status
    assert how["body"]["message"] in outcome.answer
    assert severity is None or severity_of(outcome.answer) == severity


@pytest.mark.parametrize(
    ("how", "remedy"),
    [
        (error("AccountSuspendedException"), "ask its support"),
        (error("SendingPausedException"), "resume it in the SES console"),
        (error("MailFromDomainNotVerifiedException"), "verify the MAIL FROM domain"),
        (error("NotFoundException", 404), "name a configuration set"),
        (error("UnknownOperation", 404), "check the region"),
        (error("MessageRejected", message="Email address is not verified. x@example.com"), "out of the sandbox"),
        (error("SignatureDoesNotMatch", 403), "check both keys"),
        (error("AccessDeniedException", 403), "allow them ses:SendEmail"),
        (error("RequestExpired", 400), "set this machine's clock"),
        (
            error("InvalidSignatureException", 403, "Signature expired: 1 is now earlier than 2"),
            "set this machine's clock",
        ),
    ],
)
def test_an_error_about_the_account_stops_all(provider, ses, deliver, how, remedy):
    provider.answers(**how)
    with pytest.raises(TransportError, match=f"no message is taken: ses {how['status']}: .*; .*{remedy}"):
        deliver(ses, trial())


def test_an_error_is_named_in_the_body_too(provider, ses, deliver):
    provider.answers(400, {"__type": "com.amazonaws.ses#SendingPausedException", "message": "paused"})
    with pytest.raises(TransportError, match="resume it"):
        deliver(ses, trial())


@pytest.mark.parametrize("body", [b"garbage", {}, [], {"MessageId": 5}])
def test_an_acceptance_that_can_not_be_read_leaves_a_doubt(provider, ses, deliver, body):
    provider.answers(200, body)
    assert deliver(ses, trial()) == [Outcome("in_doubt", "ses 200: its answer can't be read")]


def test_a_wrong_key_does_not_pass(provider, ses, reply, deliver):
    accept(provider, reply)
    with pytest.raises(TransportError, match="check both keys"):
        deliver(replace(ses, secret="another"), trial())


def test_the_clock_is_the_machines():
    ses = Ses(endpoint="https://x", secret="s", access_key="a", region=REGION)
    assert abs((ses.clock() - datetime.now(UTC)).total_seconds()) < 60
