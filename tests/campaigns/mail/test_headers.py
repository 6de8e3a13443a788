from email import message_from_string, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mail.headers import address_header, one_line, text_header


def read(header):
    return message_from_string(header + "\r\n\r\n", policy=policy.default)


def test_short_ascii_is_written_as_it_is():
    assert text_header("Subject", "Two picks for you") == "Subject: Two picks for you"


def test_long_ascii_is_folded_between_words_and_read_back_the_same():
    words = " ".join(["picks"] * 100)
    header = text_header("Subject", words)
    assert max(map(len, header.split("\r\n"))) <= 76
    assert read(header)["Subject"] == words


def test_a_character_is_never_cut_in_two():
    header = text_header("Subject", "☕" * 50)
    for word in header.removeprefix("Subject: ").split("\r\n "):
        assert set(str(read(f"Subject: {word}")["Subject"])) == {"☕"}


@pytest.mark.parametrize("words", ["=?utf-8?q?Bcc=3A?=", "x" * 300])
def test_what_would_be_misread_as_it_is_is_encoded(words):
    header = text_header("Subject", words)
    assert header.startswith("Subject: =?utf-8?b?")
    assert read(header)["Subject"] == words


@pytest.mark.parametrize("name", ['Ada "the first"', "Lovelace, Ada", "a\\b", "Ada <b@example.com>", "x" * 60, "Zoë"])
def test_a_name_is_read_back_as_it_was(name):
    only = read(address_header("To", name, "ada@example.com"))["To"].addresses
    assert [(mailbox.display_name, mailbox.addr_spec) for mailbox in only] == [(name, "ada@example.com")]


def test_no_name_is_the_bare_address():
    assert address_header("To", " \n", "ada@example.com") == "To: ada@example.com"


@settings(deadline=None)
@given(st.text(st.characters()))  # lone surrogates, too
def test_one_line_is_one_line_and_stays_it(words):
    line = one_line(words)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert line == one_line(line)
    line.encode()
