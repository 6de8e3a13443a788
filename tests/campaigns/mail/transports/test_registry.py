from pathlib import Path

import pytest

from campaigns.errors import TransportError
from campaigns.mail.transports.maildir import Maildir
from campaigns.mail.transports.registry import open_transport
from campaigns.mail.transports.smtp import Server, Smtp

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
    assert made.server == server


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
