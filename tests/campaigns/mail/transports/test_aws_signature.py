"""Our signature is the one that Amazon's own library makes."""

from datetime import UTC, datetime, timedelta, timezone

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mail.transports.aws_signature import Signer


def theirs(url, body, access, secret, region):
    request = AWSRequest(method="POST", url=url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(access, secret), "ses", region).add_auth(request)
    return request.headers


KEY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789/+=", min_size=1, max_size=40)


@settings(max_examples=50)
@given(
    KEY,
    KEY,
    st.binary(max_size=200),
    st.sampled_from(["/", "/v2/email/outbound-emails", "/a b", "/%C3%BC/~x"]),
    st.sampled_from(["eu-west-1", "us-gov-east-1"]),
)
def test_it_is_the_same_as_botocores(access, secret, body, path, region):
    url = f"https://email.{region}.amazonaws.com:8443{path}"
    expected = theirs(url, body, access, secret, region)
    at = datetime.strptime(expected["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = Signer(access, secret, region, "ses").headers(url, {"content-type": "application/json"}, body, at)
    assert ours["authorization"] == expected["Authorization"]
    assert ours["host"] == f"email.{region}.amazonaws.com:8443"


def test_the_zone_of_the_clock_changes_nothing():
    signer = Signer("a", "s", "eu-west-1", "ses")
    at = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=9)))
    assert signer.headers("https://x/", {}, b"", at) == signer.headers("https://x/", {}, b"", elsewhere)


def test_the_secret_key_never_stands_in_a_repr():
    assert "hunter2" not in repr(Signer("a", "hunter2", "eu-west-1", "ses"))
