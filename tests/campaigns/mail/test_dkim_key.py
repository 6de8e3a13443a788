from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from campaigns.errors import BadSettings
from campaigns.mail.dkim_key import load_key


def pem(private, secrecy=None):
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secrecy or NoEncryption())


@pytest.fixture(scope="module")
def rsa_2048():
    return rsa.generate_private_key(65537, 2048)


def test_a_key_is_read_from_its_file_or_from_its_bytes(rsa_2048, tmp_path):
    (tmp_path / "dkim.pem").write_bytes(pem(rsa_2048))
    key = load_key(tmp_path / "dkim.pem")
    assert (key.kind, key.bits) == ("rsa", 2048)
    assert key.public == load_key(pem(rsa_2048)).public


def test_the_record_for_dns_holds_the_public_half(rsa_2048):
    public = rsa_2048.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert load_key(pem(rsa_2048)).record == f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


def test_the_record_of_ed25519_is_that_of_rfc_8463():  # appendix A.2
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = load_key(pem(ed25519.Ed25519PrivateKey.from_private_bytes(secret)))
    assert key.record == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def test_a_record_matches_in_both_usual_forms_of_rsa(rsa_2048):
    key = load_key(pem(rsa_2048))
    short = rsa_2048.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert key.matches(key.public)
    assert key.matches(b64encode(short).decode())


@pytest.mark.parametrize("told", ["", "AQAB", "no base64!", "☕"])
def test_another_record_does_not_match(rsa_2048, told):
    assert not load_key(pem(rsa_2048)).matches(told)


def test_the_record_of_another_key_does_not_match(rsa_2048):
    other = load_key(pem(rsa.generate_private_key(65537, 1024)))
    assert not load_key(pem(rsa_2048)).matches(other.public)


def test_a_key_is_never_shown(rsa_2048):
    assert "sign" not in repr(load_key(pem(rsa_2048)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "is no private key in PEM"),
        (lambda: b"hunter2", "is no private key in PEM"),
        (lambda: pem(rsa.generate_private_key(65537, 1024), BestAvailableEncryption(b"x")), "has a password; take it"),
        (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "is neither RSA nor Ed25519"),
    ],
    ids=["cut", "words", "password", "curve"],
)
def test_what_is_no_key_for_dkim_is_refused(make, words):
    with pytest.raises(BadSettings, match=words) as refused:
        load_key(make())
    assert "hunter2" not in str(refused.value)
    assert "c2VjcmV0" not in str(refused.value)
    assert "openssl" in refused.value.remedy


def test_a_missing_file_is_named():
    with pytest.raises(BadSettings, match=r"nowhere\.pem can't be read: No such file .*; name its file, or make one"):
        load_key(Path("nowhere.pem"))


def rsa_of(p, q):
    """Make a key of two known primes at once; to find two of 2,052 bits takes seconds."""
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q)
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


@pytest.mark.parametrize("powers", [(521, 127), (2281, 2203)])  # Mersenne's primes
def test_an_rsa_key_of_a_length_that_is_not_believed_is_refused(powers):
    p, q = (2**power - 1 for power in powers)
    with pytest.raises(BadSettings, match=f"has {sum(powers)} bits; from 1024 to 4096 are believed; make one with"):
        load_key(pem(rsa_of(p, q)))
