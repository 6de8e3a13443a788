import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from campaigns.errors import BadSettings
from campaigns.mail.dkim import load_signer
from campaigns.mail.sender_domain import SenderDomain, check_bounces, check_key, sender_checks


def signer(private, selector="s1"):
    return load_signer(
        "example.com", selector, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


RSA = signer(rsa.generate_private_key(65537, 2048))
ED = signer(Ed25519PrivateKey.generate(), "s2")
SHORT = signer(rsa.generate_private_key(65537, 1024), "old")
RECORD = RSA.key.record
GOOD = {
    "example.com TXT": ["v=spf1 mx -all"],
    "example.com MX": ["10 mail.example.com."],
    "_dmarc.example.com TXT": ["v=DMARC1; p=reject"],
    "s1._domainkey.example.com TXT": [RECORD],
    "s2._domainkey.example.com TXT": [ED.key.record],
}


def sender(*signers, **changed):
    return SenderDomain(
        **({"domain": "example.com", "bounces": "example.com", "signers": signers, "sends": "mx"} | changed)
    )


def test_a_domain_in_order_is_told_so(zone):
    checks = sender_checks(zone(GOOD), sender(RSA, ED))
    assert list(checks) == ["SPF", "DKIM s1", "DKIM s2", "DMARC", "alignment", "bounces"]
    told = {what: check() for what, check in checks.items()}
    assert told["DKIM s1"] == "s1._domainkey.example.com holds our key: rsa, 2048 bits"
    assert told["bounces"] == "bounces go to mail.example.com"


def test_an_empty_dns_is_told_what_to_hold(zone):
    for what, check in sender_checks(zone({}), sender(RSA)).items():
        if what == "alignment":  # holds without DNS: the key is the domain's own
            check()
            continue
        with pytest.raises(BadSettings, match="put into DNS: "):
            check()


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([], "holds no key"),
        ([RECORD, RECORD], "holds 2 records, so receivers may take any"),
        ([RECORD.replace("DKIM1", "DKIM2")], "is not of version DKIM1"),
        (["v=DKIM1; k=rsa; p="], "withdraws its key"),
        ([ED.key.record], "holds another key than ours"),
        ([SHORT.key.record], "holds another key than ours"),
        (["v=DKIM1"], "holds another key than ours"),
        ([RECORD + "; t=s:y"], "says that it is only a trial"),
    ],
)
def test_a_record_by_which_our_signature_would_not_hold_is_told_with_the_right_one(zone, held, words):
    with pytest.raises(BadSettings, match=words) as refused:
        check_key(zone({"s1._domainkey.example.com TXT": held}), RSA)
    assert refused.value.remedy.startswith("put into DNS: s1._domainkey.example.com. TXT ")
    assert "".join(refused.value.remedy.split('"')[1::2]) == RECORD


@pytest.mark.parametrize(
    "record", [RECORD.removeprefix("v=DKIM1; k=rsa; "), RECORD.replace("A", " A"), RECORD + "; t=s"]
)
def test_a_record_may_be_written_in_other_ways(zone, record):
    assert "holds our key" in check_key(zone({"s1._domainkey.example.com TXT": [record]}), RSA)


def test_a_short_key_is_told(zone):
    with pytest.raises(BadSettings, match=r"has only 1024 bits; make one with .*, under another selector"):
        check_key(zone({"old._domainkey.example.com TXT": [SHORT.key.record]}), SHORT)


def test_messages_that_leave_unsigned_are_told(zone):
    with pytest.raises(BadSettings, match=r"messages leave unsigned.*; make one with .* \[\[mail\.signatures\]\]"):
        sender_checks(zone(GOOD), sender())["DKIM"]()


def test_a_provider_may_sign(zone):
    assert "the provider signs" in sender_checks(zone(GOOD), sender(signed_elsewhere=True))["DKIM"]()


def test_spf_and_bounces_are_those_of_the_return_path(zone):
    checks = sender_checks(
        zone({"b.example TXT": ["v=spf1 -all"], "b.example A": ["192.0.2.1"]}), sender(bounces="b.example")
    )
    assert "at b.example" in checks["SPF"]()
    assert "no MX record: bounces go to the machine of that name" in checks["bounces"]()


@pytest.mark.parametrize("table", [{}, {"example.com MX": ["0 ."]}])
def test_a_domain_that_takes_no_mail_is_told(zone, table):
    with pytest.raises(BadSettings, match=r"takes no mail, so no bounce arrives; put into DNS: example\.com\. MX 10 "):
        check_bounces(zone(table), "example.com")


def test_a_dns_that_does_not_answer_is_told_by_each_check(zone):
    silent = zone(dict.fromkeys(GOOD))
    for check in sender_checks(silent, sender(RSA)).values():
        with pytest.raises(BadSettings, match="DNS does not answer"):
            check()
