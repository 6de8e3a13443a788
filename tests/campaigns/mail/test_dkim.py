"""Signatures as a stranger checks them: dkimpy reads the raw message and asks a DNS of ours for the key."""

import re
from datetime import UTC, datetime
from types import SimpleNamespace

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import BadMessage, BadSettings
from campaigns.mail.dkim import DomainSigner, body_hash, load_signer
from campaigns.mail.dkim_key import load_key
from campaigns.mail.message import build


def pem(private):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


RSA = load_signer("example.com", "s1", pem(rsa.generate_private_key(65537, 2048)))
ED = load_signer("example.com", "s2", pem(Ed25519PrivateKey.generate()))
ZONE = {f"{signer.record_name}.".encode(): signer.key.record.encode() for signer in (RSA, ED)}


class VerifyKey:
    """What dkimpy wants of PyNaCl for Ed25519, by `cryptography`."""

    def __init__(self, public, encoder):
        self.key = Ed25519PublicKey.from_public_bytes(encoder.decode(public))

    def verify(self, data, signature):
        self.key.verify(signature, data)


@pytest.fixture(scope="module", autouse=True)
def nacl():
    """Lend dkimpy the one function of PyNaCl that it uses to verify, where PyNaCl is not installed."""
    if hasattr(dkim, "nacl"):
        yield
        return
    import base64

    dkim.nacl = SimpleNamespace(
        signing=SimpleNamespace(VerifyKey=VerifyKey),
        encoding=SimpleNamespace(Base64Encoder=SimpleNamespace(decode=base64.b64decode)),
        exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
    )
    yield
    del dkim.nacl


def message(signers=(RSA, ED), **changed):
    values = {
        "sender": "Corner Market <hello@example.com>",
        "to_name": "Ada",
        "to_address": "ada@example.com",
        "subject": "Picks ☕ " + "and more of them " * 9,
        "html": "<p>hellö</p>\n\n\n",
        "text": "hellö\n",
        "rfc_message_id": "<1@example.com>",
        "date": datetime(2026, 3, 2, 8, tzinfo=UTC),
        "list_id": "weekly.example.com",
        "unsubscribe_url": "https://shop.example.com/unsubscribe/token",
        "unsubscribe_mailbox": "leave@example.com",
        "feedback_id": "weekly:2026-03-02::cornermarket",
    }
    return build(**(values | changed), signers=signers)


def verified(data):
    """One answer for each signature of a message."""
    return [_holds(data, index) for index in range(len(re.findall(rb"^DKIM-Signature:", data, re.MULTILINE)))]


def _holds(data, index):
    try:
        return dkim.DKIM(data, minkey=1024).verify(index, dnsfunc=lambda name, timeout=5: ZONE.get(name))
    except dkim.ValidationError:  # the body's hash is another
        return False


@pytest.fixture(params=[False, True], ids=["base64", "8bit"])
def raw(request):
    return message().raw(eight_bit=request.param)


def test_both_signatures_of_a_message_hold(raw):
    assert verified(raw) == [True, True]


def test_they_hold_for_a_name_beyond_ascii(raw):
    assert verified(message(to_address="zoë@example.com").raw(eight_bit=True)) == [True, True]


@settings(deadline=None, max_examples=40)
@given(subject=st.text(), to_name=st.text(), html=st.text(), eight_bit=st.booleans())
def test_they_hold_for_any_words(subject, to_name, html, eight_bit):
    data = message((RSA, ED), subject=subject, to_name=to_name, html=html).raw(eight_bit=eight_bit)
    assert verified(data) == [True, True]


HEADERS = [
    b"From", b"To", b"Subject", b"Date", b"Message-ID", b"List-ID", b"List-Unsubscribe", b"List-Unsubscribe-Post",
    b"Precedence", b"Feedback-ID", b"MIME-Version", b"Content-Type",
]  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_can_be_changed(raw, name):
    assert verified(raw.replace(b"\r\n" + name + b": ", b"\r\n" + name + b": x", 1)) == [False, False]


@pytest.mark.parametrize("name", [b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"Content-Type"])
def test_no_second_header_can_be_put_beside_the_first(raw, name):
    assert verified(name + b": eve@example.com\r\n" + raw) == [False, False]


def test_the_8bit_coding_is_signed():
    data = message().raw(eight_bit=True)
    head, _, body = data.partition(b"\r\n\r\n")
    assert verified(head.replace(b"Encoding: 8bit", b"Encoding: 7bit") + b"\r\n\r\n" + body) == [False, False]


@pytest.mark.parametrize(
    "change", [lambda body: body + b"more\r\n", lambda body: body.replace(b"\r\n--", b"\r\n\r\n--", 1)]
)
def test_no_body_can_be_changed(raw, change):
    head, gap, body = raw.partition(b"\r\n\r\n")
    assert verified(head + gap + change(body)) == [False, False]


def test_headers_that_are_folded_anew_and_empty_lines_at_the_end_do_no_harm(raw):
    head, gap, body = raw.partition(b"\r\n\r\n")
    start = head.index(b"\r\nFrom:")
    anew = re.sub(rb"\r\n[ \t]+", b" \t ", head[start:]).replace(b"\r\nSubject: ", b"\r\nSUBJECT:  ")
    assert verified(head[:start] + anew + gap + body + b"\r\n\r\n\r\n") == [True, True]


def test_a_signature_of_another_key_does_not_hold():
    other = load_signer("example.com", "s1", pem(rsa.generate_private_key(65537, 2048)))
    assert verified(message([other]).raw()) == [False]


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b"a", b"a\r\n", b"a\r\n\r\n", b"a\r\n \r\n"])
def test_any_end_of_a_body_is_made_canonical(body):  # RFC 6376, section 3.4.3
    head = ["From: a@example.com", "Subject: x"]
    data = "\r\n".join([RSA.sign(head, body_hash([body])), *head]).encode() + b"\r\n\r\n" + body
    assert verified(data) == [True]


@pytest.mark.parametrize("pieces", [[b"a\r\n", b"b"], [b"a\r\n", b"b\r\n\r\n"], [b"a\r", b"\nb\r\n\r\n"]])
def test_a_body_in_pieces_is_the_same_body(pieces):
    assert body_hash(pieces) == body_hash([b"a\r\nb"])


def test_a_signature_says_what_rfc_6376_wants():
    signer = DomainSigner("example.com", "s1", RSA.key, clock=lambda: 1_770_000_000.9)
    signed = signer.sign(["From: a@b.example"], body_hash([b""]))
    tags = dict(tag.strip().partition("=")[::2] for tag in signed.partition(":")[2].replace("\r\n", "").split(";"))
    assert {name: tags[name] for name in "vacdst"} == {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/simple",
        "d": "example.com",
        "s": "s1",
        "t": "1770000000",  # never in the future
    }
    assert tags["bh"] == "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="  # of an empty body: section 3.4.3
    assert "l" not in tags
    assert max(map(len, signed.split("\r\n"))) <= 78


def test_a_second_later_the_same_message_is_the_same_but_for_its_signature():
    times = iter([1.0, 1.5, 2.0])
    signer = DomainSigner("example.com", "s1", RSA.key, clock=lambda: next(times))
    made = message([signer])
    first, same, later = made.raw(), made.raw(), made.raw()
    assert first == same != later
    assert first.partition(b"\r\nFrom:")[2] == later.partition(b"\r\nFrom:")[2]


def test_the_record_has_its_name_in_dns():
    assert RSA.record_name == "s1._domainkey.example.com"
    assert load_signer("müller.example", "a.b", pem(Ed25519PrivateKey.generate())).record_name == (
        "a.b._domainkey.xn--mller-kva.example"
    )


@pytest.mark.parametrize("selector", ["", "s 1", "s1;d=evil.example", "s1\r\nBcc: x", "-s", "s.", "ü"], ids=ascii)
def test_a_selector_that_is_no_name_in_dns_is_refused(selector):
    with pytest.raises(BadSettings, match="is no name in DNS; give letters, digits and hyphens, such as s1"):
        load_signer("example.com", selector, pem(Ed25519PrivateKey.generate()))


def test_a_domain_that_is_none_is_refused():
    with pytest.raises(BadMessage, match="is no domain"):
        load_signer("example .com", "s1", pem(Ed25519PrivateKey.generate()))


def test_a_key_of_its_own_file_signs(tmp_path):
    (tmp_path / "dkim.pem").write_bytes(pem(Ed25519PrivateKey.generate()))
    assert load_signer("example.com", "s1", tmp_path / "dkim.pem").key.public == load_key(tmp_path / "dkim.pem").public
