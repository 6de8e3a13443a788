from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import BadMessage
from campaigns.mail.headers import one_line
from campaigns.mail.message import build

HEADERS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Precedence", "MIME-Version", "Content-Type",
]  # fmt: skip
ASCII = st.characters(max_codepoint=126)  # among all characters it is too rare to show its quotes and commas
WORDS = st.text(st.characters()) | st.text(ASCII)


def message(**changed):
    values = {
        "sender": "Corner Market <hello@example.com>",
        "to_name": "Ada",
        "to_address": "ada@example.com",
        "subject": "Picks",
        "html": "<p>hello</p>",
        "text": "hello",
        "rfc_message_id": "<1@example.com>",
        "date": datetime(2026, 3, 2, 8, tzinfo=UTC),
        "list_id": "weekly.example.com",
        "unsubscribe_url": "https://shop.example.com/unsubscribe/token",
        "reply_to": "help@example.com",
    }
    return build(**(values | changed))


def parsed(data):
    return message_from_bytes(data, policy=policy.default)


def assert_sound(data, name, subject):
    """A message as the standard library reads it: no defect, our headers and no other, lines of a sane length."""
    read = parsed(data)
    defects = [*read.defects, *(defect for value in read.values() for defect in value.defects)]
    assert defects == []
    assert read.keys() == HEADERS
    assert read["Subject"] == one_line(subject)
    assert [to.addr_spec for to in read["To"].addresses] == ["ada@example.com"]
    # The newer parser puts a space between two encoded words of a name; the older one reads them as RFC 2047 says.
    shown = parseaddr(message_from_bytes(data)["To"])[0]
    assert str(make_header(decode_header(shown))) == one_line(name)
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert max(map(len, head)) <= 78
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")


@settings(deadline=None)
@given(name=WORDS, subject=WORDS)
def test_any_name_and_subject_make_a_sound_message(name, subject):
    assert_sound(message(to_name=name, subject=subject), name, subject)


@pytest.mark.parametrize(
    "words",
    [
        "\r\nBcc: all@example.com",
        "\x00\x07\x1b\x7f\x85",
        "☕👩‍👩‍👧",
        "שלום ",
        "\u202eevil",
        "e\u0301",
        "a",
        "a, b <c@example.com>; ",
        '"\\',
        "=?utf-8?q?x?= ",
        "\ud83d",
    ],
    ids=ascii,
)
def test_ten_thousand_characters_make_a_sound_message(words):
    long = (words * 10_000)[:10_000]
    assert_sound(message(to_name=long, subject=long), long, long)


@settings(deadline=None)
@given(text=st.text(max_size=3000), html=st.text(max_size=3000))
def test_any_body_is_read_back_with_crlf(text, html):
    plain, rich = (
        part.get_payload(decode=True).decode() for part in parsed(message(text=text, html=html)).iter_parts()
    )
    for given_body, read in ((text, plain), (html, rich)):
        assert read == given_body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def test_the_same_words_are_the_same_bytes_and_others_are_not():
    assert message() == message()
    assert message() != message(text="hello!")


def test_a_boundary_never_stands_in_a_body():
    boundary = parsed(message()).get_boundary()
    assert message(text=f"--{boundary}--").count(b"\r\n--" + boundary.encode()) == 0


def test_an_unsubscribe_link_is_one_click():
    read = parsed(message())
    assert read["List-Unsubscribe"] == "<https://shop.example.com/unsubscribe/token>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_reply_to_there_is_no_such_header():
    assert "Reply-To" not in parsed(message(reply_to=None))


def test_a_sender_keeps_its_name():
    assert (
        parsed(message(sender='"Müller, Söhne" <hello@example.com>'))["From"].addresses[0].display_name
        == "Müller, Söhne"
    )


@pytest.mark.parametrize(
    "address", ["ada@example.com", "o'hara+x@a.b.example", "a@localhost", "1_%@xn--mller-kva.example"]
)
def test_an_address_that_mail_can_carry_is_taken(address):
    assert parsed(message(to_address=address))["To"].addresses[0].addr_spec == address


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "@example.com", "ada@", "ada@example.com, eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\n", "a b@example.com", "ada@exa mple.com", "ada@@example.com", "a..b@example.com",
        ".a@example.com", "ada@-example.com", "ada@example..com", "<ada@example.com>", "zoë@example.com",
        "ada@müller.example", "\ud800@a.example", "a" * 250 + "@example.com",
    ],
    ids=ascii,
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(
        BadMessage, match=r"recipient .* is no address that mail can carry; mend it where it comes from"
    ):
        message(to_address=address)


@pytest.mark.parametrize("field", ["sender", "reply_to"])
def test_a_sender_with_a_line_break_is_refused(field):
    with pytest.raises(BadMessage, match=f"{field} .* has a line break; write it on one line"):
        message(**{field: "Shop <hello@example.com>\r\nBcc: eve@example.com"})


@pytest.mark.parametrize("value", ["Shop, Inc <hello@example.com>", "a@example.com, b@example.com"])
def test_a_sender_that_is_not_one_address_is_refused(value):
    with pytest.raises(BadMessage, match=r'is not one address; write it as "Name <name@example\.com>"'):
        message(sender=value)


def test_a_sender_without_address_is_refused():
    with pytest.raises(BadMessage, match="sender 'Shop' is no address"):
        message(sender="Shop")


@pytest.mark.parametrize(
    ("field", "what"),
    [("rfc_message_id", "message id"), ("list_id", "list id"), ("unsubscribe_url", "unsubscribe link")],
)
@pytest.mark.parametrize(
    "value", ["", "<>", "a b", "a\r\nBcc: eve@example.com", "ä", "https://a>,<https://evil", "\ud800"], ids=ascii
)
def test_an_id_or_link_that_would_forge_a_header_is_refused(field, what, value):
    with pytest.raises(BadMessage, match=f"the {what} .* can't stand in a header; give it in ASCII"):
        message(**{field: value})


def test_a_link_too_long_for_a_line_is_refused():
    with pytest.raises(BadMessage, match="unsubscribe link has 1025 characters; give one of at most 900"):
        message(unsubscribe_url="https://shop.example.com/" + "x" * 1000)
