import re
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import BadMessage
from campaigns.mail.address import ascii_domain, deliverable, needs_smtputf8

SIGNS = st.text(st.sampled_from("aZ0.@\"\\ <>()[]+-_;:,'\r\n\0\tüß。٣\u200d\u202e\xa0\ud800☕"), max_size=40)
ODD = st.text(st.sampled_from("abc.+ @,;:()'\\\"-ü"), min_size=1, max_size=30)


def quoted(plain):
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"@example.com'


@pytest.mark.parametrize(
    ("given_address", "written"),
    [
        ("ada@example.com", "ada@example.com"),
        ("o'hara+x@a.b.example", "o'hara+x@a.b.example"),
        ("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"),
        ("Ada@EXAMPLE.Com", "Ada@example.com"),
        ("a@localhost", "a@localhost"),
        ("1_%@xn--mller-kva.example", "1_%@xn--mller-kva.example"),
        ("ada@müller.example", "ada@xn--mller-kva.example"),
        ("ada@MÜLLER。example", "ada@xn--mller-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("zoë@müller.example", "zoë@xn--mller-kva.example"),
        ("zoe\u0308@example.com", "zoë@example.com"),
        ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"),
        ('"ada"@example.com', "ada@example.com"),
        ('"john doe"@example.com', '"john doe"@example.com'),
        (r'"john\ d\oe"@example.com', '"john doe"@example.com'),
        ('"a@b"@example.com', '"a@b"@example.com'),
        ('"a..b"@example.com', '"a..b"@example.com'),
        (r'"a\"b\\c"@example.com', r'"a\"b\\c"@example.com'),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
        ("ada@" + "a" * 63 + ".example", "ada@" + "a" * 63 + ".example"),
    ],
)
def test_every_legal_form_is_written_as_mail_carries_it(given_address, written):
    assert deliverable(given_address) == written


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "needs one @"),
        ("ada", "needs one @"),
        ("@example.com", "needs one @"),
        ("ada@", "needs one @"),
        ("ada@example.com\r\nBcc: eve@example.com", "a line break or another control"),
        ("ada@example.com\n", "a line break or another control"),
        ("ada\0@example.com", "a line break or another control"),
        ('"a\tb"@example.com', "a line break or another control"),
        ("ada\u2028@example.com", "a line break or another control"),
        ("ada@@example.com", "more than one @"),
        ("ada@example.com, eve@example.com", "more than one @"),
        ("ada(home)@example.com", "a comment in brackets"),
        ("ada@(home)example.com", "letters, digits, hyphens"),
        ("<ada@example.com>", "an angle bracket"),
        ("ada@example.com>", "letters, digits, hyphens"),
        ('"a>b"@example.com', "an angle bracket"),
        ("a..b@example.com", "such a name stands in quotes"),
        (".a@example.com", "such a name stands in quotes"),
        ("a.@example.com", "such a name stands in quotes"),
        ("a b@example.com", "without quotes around the whole name"),
        ('a"b"@example.com', "without quotes around the whole name"),
        ('"a"b"@example.com', "without quotes around the whole name"),
        ('"a\\"@example.com', "without quotes around the whole name"),
        ('""@example.com', "without quotes around the whole name"),
        ("ada\xa0b@example.com", "can't be seen"),
        ("ada\u202e@example.com", "can't be seen"),
        ("\ud800@a.example", "can't be seen"),
        ("ada@[127.0.0.1]", "the name of a domain"),
        ("ada@[IPv6:::1]", "the name of a domain"),
        ("ada@127.0.0.1", "or is a number"),
        ("ada@example.com.", "a dot ends its domain"),
        ("ada@example..com", "single dots"),
        ("ada@exa mple.com", "letters, digits, hyphens"),
        ("ada@-example.com", "letters, digits, hyphens"),
        ("ada@exam_ple.com", "letters, digits, hyphens"),
        ("ada@☕.example", "a sign that no domain may have"),
        ("ada@\ud800.example", "a sign that no domain may have"),
        ("ada@" + "ü" * 64 + ".example", "a sign that no domain may have"),
        ("ada@" + "a" * 64 + ".example", "letters, digits, hyphens"),
        ("a" * 65 + "@example.com", "longer than 64 octets"),
        ("ü" * 33 + "@example.com", "longer than 64 octets"),
        ("ada@" + "a." * 130 + "example", "longer than 254 octets"),
    ],
    ids=ascii,
)
def test_what_mail_can_not_carry_is_refused_with_its_reason(address, why):
    with pytest.raises(BadMessage, match=rf"the recipient .* {why}.*; mend it where it comes from"):
        deliverable(address, "recipient")


@settings(deadline=None)
@given(SIGNS | st.builds("{}@{}".format, SIGNS, SIGNS) | st.builds("{}@a.example".format, SIGNS) | ODD.map(quoted))
def test_what_is_taken_can_forge_nothing_and_is_read_back_the_same(address):
    try:
        written = deliverable(address)
    except BadMessage:
        return
    assert not set(written) & set("\r\n\0<>")
    local, _, domain = written.rpartition("@")
    assert domain.isascii()
    assert " " not in domain
    assert " " not in local or local[0] == local[-1] == '"'
    assert len(written.encode()) <= 254
    assert parseaddr(f"Ada <{written}>") == ("Ada", written)
    assert deliverable(written) == written


@settings(deadline=None, max_examples=50)
@given(ODD)
def test_any_printable_name_is_taken_in_quotes_and_means_the_same(plain):
    local = deliverable(quoted(plain)).rpartition("@")[0]
    assert (re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local) == plain


def test_only_a_name_beyond_ascii_needs_a_server_that_speaks_utf8():
    assert needs_smtputf8(deliverable("zoë@example.com"))
    assert not needs_smtputf8(deliverable("zoe@müller.example"))


def test_a_domain_alone_is_written_in_ascii_or_refused():
    assert ascii_domain("Shop.Müller.example") == "shop.xn--mller-kva.example"
    with pytest.raises(BadMessage, match=r"'exam ple' is no domain: .*; write it like example\.com"):
        ascii_domain("exam ple")
