from datetime import UTC, datetime
from email import message_from_bytes, message_from_string, policy
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
    "Precedence", "Feedback-ID", "MIME-Version", "Content-Type",
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
        "unsubscribe_mailbox": "leave@example.com",
        "feedback_id": "weekly:2026-03-02::cornermarket",
    }
    return build(**(values | changed))


def parsed(data):
    return message_from_bytes(data, policy=policy.default)


def read(**changed):
    """The message as the standard library reads it."""
    return parsed(message(**changed).raw())


def assert_sound(data, name, subject):
    """A message as the standard library reads it: no defect, our headers and no other, lines of a sane length."""
    read = parsed(data)
    defects = [*read.defects, *(defect for value in read.values() for defect in value.defects)]
    assert defects == []
    assert [header for header in read if header != "Content-Transfer-Encoding"] == HEADERS
    assert read["Subject"] == one_line(subject)
    assert [to.addr_spec for to in read["To"].addresses] == ["ada@example.com"]
    # The newer parser puts a space between two encoded words of a name; the older one reads them as RFC 2047 says.
    shown = parseaddr(message_from_bytes(data)["To"])[0]
    assert str(make_header(decode_header(shown))) == one_line(name)
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert_carried(data)


def assert_carried(data):
    """Lines as RFC 5322, section 2.1.1, wants them, ended by CRLF and nothing else."""
    head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert max(map(len, head)) <= 78
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert not set(b"\r\n\0") & set(data.replace(b"\r\n", b""))


@pytest.fixture(params=[False, True], ids=["base64", "8bit"])
def eight_bit(request):
    return request.param


@settings(deadline=None)
@given(name=WORDS, subject=WORDS)
def test_any_name_and_subject_make_a_sound_message(name, subject):
    assert_sound(message(to_name=name, subject=subject).raw(), name, subject)


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
    assert_sound(message(to_name=long, subject=long).raw(), long, long)


@settings(deadline=None)
@given(text=st.text(max_size=3000), html=st.text(max_size=3000), eight_bit=st.booleans())
def test_any_body_is_read_back_with_crlf(text, html, eight_bit):
    data = message(text=text, html=html).raw(eight_bit=eight_bit)
    assert_carried(data)
    plain, rich = (part.get_payload(decode=True).decode() for part in parsed(data).iter_parts())
    for given_body, found in ((text, plain), (html, rich)):
        assert found == given_body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def codings(data):
    return [part["Content-Transfer-Encoding"] for part in parsed(data).iter_parts()]


def test_a_server_without_8bitmime_gets_nothing_but_ascii():
    data = message(html="<p>ü</p>", text="ü", to_name="Zoë", subject="☕").raw()
    assert data.isascii()
    assert codings(data) == ["base64", "base64"]
    assert "Content-Transfer-Encoding" not in parsed(data)


def test_with_8bitmime_bodies_stay_as_they_are_and_the_whole_says_so():
    data = message(html="<p>ü</p>").raw(eight_bit=True)
    assert "<p>ü</p>\r\n".encode() in data
    assert codings(data) == ["8bit", "8bit"]
    assert parsed(data)["Content-Transfer-Encoding"] == "8bit"


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        ("x" * 998, "8bit"),
        ("x" * 999, "base64"),
        ("ü" * 499, "8bit"),
        ("ü" * 500, "base64"),  # octets count, not characters
        ("\n".join(["x" * 998] * 50), "8bit"),
        ("\n".join([*["x" * 998] * 50, "x" * 999]), "base64"),
        ("x" * 999 + "\n" * 50, "base64"),
        ("a\0b", "base64"),
    ],
)
def test_a_body_with_a_line_too_long_or_a_nul_is_base64_all_the_same(body, coding):
    data = message(html=body).raw(eight_bit=True)
    assert codings(data) == ["8bit", coding]
    assert_carried(data)


def test_the_same_words_are_the_same_bytes_and_others_are_not(eight_bit):
    raw = message().raw(eight_bit=eight_bit)
    assert raw == message().raw(eight_bit=eight_bit)
    assert raw != message(text="hello!").raw(eight_bit=eight_bit)


def test_a_boundary_never_stands_in_a_body():
    boundary = read().get_boundary()
    hostile = message(text=f"--{boundary}--").raw(eight_bit=True)
    assert parsed(hostile).get_boundary() != boundary
    assert [part.get_content().strip() for part in parsed(hostile).iter_parts()] == [f"--{boundary}--", "<p>hello</p>"]


def test_an_unsubscribe_link_is_one_click():  # RFC 8058, section 3.1: both headers, an https link
    found = read(unsubscribe_mailbox=None)
    assert found["List-Unsubscribe"] == "<https://shop.example.com/unsubscribe/token>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_mail_unsubscribes_too_by_an_address_that_names_the_message():  # RFC 2369, section 3.2
    found = read()["List-Unsubscribe"]
    assert found == "<https://shop.example.com/unsubscribe/token>, <mailto:leave+1@example.com?subject=unsubscribe>"


def test_the_list_is_named():  # RFC 2919, section 3
    assert read()["List-Id"] == "<weekly.example.com>"


def test_the_feedback_id_is_gmails():
    assert read()["Feedback-ID"] == "weekly:2026-03-02::cornermarket"
    assert "Feedback-ID" not in read(feedback_id=None)


def test_date_and_message_id_are_those_of_rfc_5322():
    found = read()
    assert found["Date"] == "Mon, 02 Mar 2026 08:00:00 +0000"
    assert found["Message-ID"] == "<1@example.com>"
    assert found["Precedence"] == "bulk"
    with pytest.raises(BadMessage, match="has no time zone; give it in UTC"):
        message(date=datetime(2026, 3, 2, 8))


def test_all_other_headers_are_told_unfolded_for_who_speaks_http():
    made = message()
    assert list(made.extra) == ["List-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Feedback-ID"]
    assert not any(set(value) & set("\r\n") for value in made.extra.values())


def test_without_reply_to_there_is_no_such_header():
    assert "Reply-To" not in read(reply_to=None)


def test_a_sender_keeps_its_name():
    assert read(sender='"Müller, Söhne" <hello@example.com>')["From"].addresses[0].display_name == "Müller, Söhne"


def test_addresses_are_written_as_mail_carries_them():
    made = message(
        sender="Shop <hello@müller.example>", reply_to="help@müller.example", to_address='"ada"@müller.example'
    )
    found = parsed(made.raw())
    assert found["From"].addresses[0].addr_spec == "hello@xn--mller-kva.example"
    assert found["Reply-To"].addresses[0].addr_spec == "help@xn--mller-kva.example"
    assert found["To"].addresses[0].addr_spec == made.to_address == "ada@xn--mller-kva.example"
    assert (made.sender, made.reply_to) == ("Shop <hello@xn--mller-kva.example>", "help@xn--mller-kva.example")
    assert not made.needs_smtputf8


def test_a_name_beyond_ascii_stays_as_it_is_and_is_told(eight_bit):  # RFC 6532, section 3.2
    made = message(to_address="zoë@müller.example")
    assert made.needs_smtputf8
    data = made.raw(eight_bit=eight_bit)
    assert "\r\nTo: Ada <zoë@xn--mller-kva.example>\r\n".encode() in data
    found = message_from_string(data.decode(), policy=policy.default)  # the standard library's bytes are ASCII
    assert found["To"].addresses[0].addr_spec == "zoë@xn--mller-kva.example"


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "o'hara+x@a.b.example", "a@localhost", "1_%@xn--mller-kva.example", '"john doe"@example.com'],
)
def test_an_address_that_mail_can_carry_is_taken(address):
    assert read(to_address=address)["To"].addresses[0].addr_spec == address


@pytest.mark.parametrize(
    "address",
    ["", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com, eve@example.com", "<ada@example.com>"],
    ids=ascii,
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(
        BadMessage, match=r"recipient .* is no address that mail can carry: .*; mend it where it comes from"
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


EVIL = st.text(st.sampled_from('aZ0.@:<>"\\,; =?/\r\n\0\tü☕\u2028\ud800') | st.characters(), max_size=60)
FORGED = EVIL | EVIL.map("x\r\nBcc: {}".format) | EVIL.map("a@example.com\nX-Evil: {}".format)
FIELDS = [
    "sender", "to_name", "to_address", "subject", "html", "text", "rfc_message_id", "list_id", "unsubscribe_url",
    "reply_to", "unsubscribe_mailbox", "feedback_id",
]  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(field=st.sampled_from(FIELDS), value=FORGED, eight_bit=st.booleans())
def test_nothing_that_is_given_can_add_a_header(field, value, eight_bit):
    try:
        made = message(**{field: value})
    except BadMessage as error:
        assert error.remedy  # noqa: PT017 - refused or written, both are right
        return
    data = made.raw(eight_bit=eight_bit)
    allowed = {*HEADERS, "Content-Transfer-Encoding"}
    head = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert {line.partition(":")[0] for line in head if not line.startswith(" ")} <= allowed
    assert all(line.strip() for line in head)
    assert len(parsed(data)["To"].addresses) == len(parsed(data)["From"].addresses) == 1
    assert not set(b"\r\n\0") & set(data.replace(b"\r\n", b""))
    assert all(one_line(value) == value for value in made.extra.values())
