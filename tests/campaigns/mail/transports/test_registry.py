from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.errors import TransportError
from campaigns.mail.transports.maildir import Maildir
from campaigns.mail.transports.mailgun import Mailgun
from campaigns.mail.transports.postmark import Postmark
from campaigns.mail.transports.registry import Pace, open_transport
from campaigns.mail.transports.ses import Ses
from campaigns.mail.transports.smtp import Smtp, machine_name
from campaigns.mail.transports.smtp_connect import Server

PROJECT = Path("/project")


@pytest.mark.parametrize(
    ("url", "folder"),
    [("maildir:outbox", "/project/outbox"), ("maildir:/var/mail/x", "/var/mail/x"), ("maildir:a:b", "/project/a:b")],
)
def test_a_maildir_counts_from_the_projects_folder(url, folder):
    made = open_transport(url, PROJECT)
    assert isinstance(made, Maildir)
    assert made.folder == Path(folder)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587)),
        ("smtp://127.0.0.1:2525", Server("127.0.0.1", 2525)),
        ("smtp://[::1]:25", Server("::1", 25)),
        ("smtps://mail.example.com", Server("mail.example.com", 465, tls=True)),
        ("smtps://u%40x:p%3A%2F%40@mail.example.com:99", Server("mail.example.com", 99, True, "u@x", "p:/@")),
    ],
)
def test_an_smtp_url_says_where_and_who(url, server):
    made = open_transport(url, PROJECT)
    assert isinstance(made, Smtp)
    assert made.server == replace(server, me=machine_name())


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("ses://AKIA:hunter2@eu-west-1", Ses),
        ("postmark://hunter2@api.postmarkapp.com", Postmark),
        ("mailgun://hunter2@api.mailgun.net/example.com", Mailgun),
    ],
)
def test_a_provider_is_known_by_its_name_and_keeps_its_secret(url, kind):
    made = open_transport(url, PROJECT, Pace(timeout_seconds=7))
    assert isinstance(made, kind)
    assert made.timeout_seconds == 7
    assert "hunter2" not in repr(made)


def test_the_pace_of_the_settings_is_kept():
    made = open_transport("smtp://mail.example.com", PROJECT, Pace(lanes=3, per_connection=50, timeout_seconds=7))
    assert (made.lanes, made.per_connection, made.server.timeout_seconds) == (3, 50, 7)


def test_we_call_ourselves_by_a_full_name_or_an_address():
    assert "." in machine_name()
    assert machine_name().isascii()


def test_nothing_is_connected_or_made_before_with(tmp_path):
    open_transport("smtp://127.0.0.1:1", tmp_path)
    open_transport("maildir:outbox", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("pigeon:coop", "no transport of the kind 'pigeon'; use maildir:FOLDER, smtp://"),
        ("smtp+tls://x", "no transport of the kind 'smtp\\+tls'"),
        ("outbox", "no transport of the kind that its setting names"),
        ("", "no transport of the kind that its setting names"),
        ("maildir:", "the maildir transport names no folder"),
        ("smtp://", "the smtp transport names no host"),
        ("smtp:mail.example.com", "the smtp transport names no host"),
        ("smtps://user:word@", "the smtps transport names no host"),
        ("smtp://mail.example.com:submission", "the smtp transport is no URL with a port"),
        ("smtp://mail.example.com:99999", "the smtp transport is no URL with a port"),
        ("smtp://[::1", "the smtp transport is no URL with a port"),
    ],
)
def test_a_setting_that_is_no_transport_is_told_with_those_that_are(url, words):
    with pytest.raises(TransportError, match=f"{words}.*write : / \\? # @ % inside user or password as %3A"):
        open_transport(url, PROJECT)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://user:hunter2/x@mail.example.com:25",
        "smtp://user:hunter2#@mail.example.com:25",
        "smtp://user:hunter2?@mail.example.com:25",
        "smtp://user:hunter2\u2100@mail.example.com:25",
        "hunter2@mail.example.com:25",
        "user:hunter2@mail.example.com",
        "hunter2",
        "smtps://:hunter2@",
    ],
    ids=ascii,
)
def test_a_password_never_stands_in_a_refusal(url):
    with pytest.raises(TransportError) as refused:
        open_transport(url, PROJECT)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_password_never_stands_in_a_repr():
    assert "hunter2" not in repr(open_transport("smtp://u:hunter2@mail.example.com", PROJECT).server)
