"""A provider's URL is read whole or refused, and a refusal shows no part of it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import TransportError
from campaigns.mail.transports.mailgun import mailgun_from_url
from campaigns.mail.transports.postmark import postmark_from_url
from campaigns.mail.transports.provider_url import read_url
from campaigns.mail.transports.ses import ses_from_url

MAKERS = {"ses": ses_from_url, "postmark": postmark_from_url, "mailgun": mailgun_from_url}


def test_a_url_is_taken_apart_and_unquoted():
    parts = read_url("mailgun://us%40er:p%2Fw@HOST:99/some.domain/?tag=a%2Bb", {"tag"}, "mend it")
    assert (parts.user, parts.password, parts.host, parts.path) == ("us@er", "p/w", "host", "some.domain")
    assert (parts.options, parts.endpoint) == ({"tag": "a+b"}, "https://host:99")


def test_a_private_gateway_is_named_by_an_option():
    assert read_url("x://k@host?endpoint=http://127.0.0.1:80/", (), "").endpoint == "http://127.0.0.1:80"


def test_providers_urls_become_transports():
    ses = ses_from_url("ses://AKIA:a%2Fb@eu-west-1?configuration_set=news")
    assert (ses.access_key, ses.secret, ses.region, ses.configuration_set) == ("AKIA", "a/b", "eu-west-1", "news")
    assert ses_from_url("ses://a:b@cn-north-1").endpoint == "https://email.cn-north-1.amazonaws.com.cn"
    postmark = postmark_from_url("postmark://token@api.postmarkapp.com")
    assert (postmark.endpoint, postmark.stream) == ("https://api.postmarkapp.com", "broadcast")
    mailgun = mailgun_from_url("mailgun://key@api.eu.mailgun.net/mg.example.com?tag=weekly")
    assert (mailgun.endpoint, mailgun.domain, mailgun.tag) == ("https://api.eu.mailgun.net", "mg.example.com", "weekly")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ses://hunter2@eu-west-1", "names no access key with its secret key"),
        ("ses://a:hunter2@mail.example.com", "names no region"),
        ("ses://a:hunter2@eu-west-1/path", "names no region"),
        ("ses://a:hunter2/x@eu-west-1", "is no URL"),
        ("ses://a:hunter2#x@eu-west-1", "is no URL"),
        ("ses://a:hunter2@eu-west-1#x", "names no host, or more"),
        ("ses://a:hunter2?x@eu-west-1", "is no URL"),
        ("ses://a:hunter2@eu-west-1?hunter2=1", "takes each of these options once: configuration_set, endpoint"),
        ("ses://a:hunter2@eu-west-1?endpoint=ftp://x", "endpoint of the ses transport is no http"),
        ("ses://a:hunter2@eu-west-1?endpoint=http://[::1", "endpoint of the ses transport is no http"),
        ("ses://a:hunter2@eu-west-1?endpoint=http://x&endpoint=http://y", "takes each of these options once"),
        ("ses://a:hunter2%0d%0a@eu-west-1", "characters that no key has"),
        ("ses://a:hunter2ü@eu-west-1", "characters that no key has"),
        ("postmark://api.postmarkapp.com", "names no token alone"),
        ("postmark://token:hunter2@api.postmarkapp.com", "names no token alone"),
        ("postmark://hunter2@", "names no host"),
        ("mailgun://hunter2@api.mailgun.net", "names no sending domain"),
        ("mailgun://hunter2@api.mailgun.net/a/b.c", "names no sending domain"),
        ("mailgun://api.mailgun.net/example.com", "names no key alone"),
        ("mailgun://api:hunter2@api.mailgun.net/example.com", "names no key alone"),
    ],
    ids=ascii,
)
def test_a_url_that_is_none_is_refused_with_its_remedy_and_without_its_secret(url, words):
    kind = url.partition(":")[0]
    with pytest.raises(TransportError, match=f"{words}.*; write {kind}://") as refused:
        MAKERS[kind](url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("kind", MAKERS)
@given(rest=st.text(max_size=60))
def test_any_url_is_read_or_refused(kind, rest):
    with contextlib.suppress(TransportError):
        assert MAKERS[kind](f"{kind}://{rest}").secret


@pytest.mark.parametrize(
    "url",
    ["ses://a:hunter2@eu-west-1", "postmark://hunter2@api.postmarkapp.com", "mailgun://hunter2@api.mailgun.net/a.b"],
)
def test_a_key_never_stands_in_a_repr(url):
    assert "hunter2" not in repr(MAKERS[url.partition(":")[0]](url))
