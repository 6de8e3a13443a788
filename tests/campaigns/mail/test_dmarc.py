import pytest

from campaigns.errors import BadSettings
from campaigns.mail.dmarc import check_alignment, check_dmarc, organisation


@pytest.fixture
def dmarc(zone):
    def check(domain="example.com", **records):
        return check_dmarc(
            zone({f"_dmarc.{name.replace('_', '.')} TXT": held for name, held in records.items()}), domain
        )

    return check


@pytest.mark.parametrize("policy", ["none", "quarantine", "reject"])
def test_a_policy_is_told(dmarc, policy):
    assert f"policy {policy} at _dmarc.example.com" in dmarc(example_com=[f"v=DMARC1; p={policy}; pct=50"])


def test_a_policy_that_asks_nothing_is_told_what_comes_next(dmarc):
    assert "make it p=quarantine" in dmarc(example_com=["v=DMARC1;p=none"])
    assert "make it" not in dmarc(example_com=["v=DMARC1;p=reject"])


def test_a_domain_without_a_record_has_that_of_the_one_it_belongs_to(dmarc):
    assert "policy quarantine at _dmarc.example.com" in dmarc(
        "news.example.com", example_com=["v=DMARC1; p=reject; sp=quarantine"]
    )
    assert "policy reject at" in dmarc("news.example.com", example_com=["v=DMARC1; p=reject"])


def test_a_record_of_its_own_comes_first(dmarc):
    assert "policy none at _dmarc.news.example.com" in dmarc(
        "news.example.com", news_example_com=["v=DMARC1; p=none"], example_com=["v=DMARC1; p=reject"]
    )


@pytest.mark.parametrize("held", [[], ["v=DMARC2; p=none"], ["v=spf1 -all"], ["p=none; v=DMARC1"]])
def test_no_record_is_told_with_the_one_to_put(dmarc, held):
    with pytest.raises(
        BadSettings, match=r'no DMARC record; put into DNS: _dmarc\.example\.com\. TXT "v=DMARC1; p=none'
    ):
        dmarc(example_com=held)


@pytest.mark.parametrize("record", ["v=DMARC1", "v=DMARC1; p=", "v=DMARC1; p=off"])
def test_a_record_without_a_policy_is_told(dmarc, record):
    with pytest.raises(
        BadSettings, match=r'has no policy; put into DNS: _dmarc\.example\.com\. TXT "v=DMARC1; p=none"'
    ):
        dmarc(example_com=[record])


def test_two_records_are_one_too_many(dmarc):
    with pytest.raises(BadSettings, match=r"2 DMARC records, so none counts; leave one"):
        dmarc(example_com=["v=DMARC1; p=none", "v=DMARC1; p=reject"])


@pytest.fixture
def alignment(zone):
    """Checks shop.example.com."""

    def check(signing, bounces, record="v=DMARC1; p=none"):
        return check_alignment(zone({"_dmarc.example.com TXT": [record]}), "shop.example.com", signing, bounces)

    return check


def test_a_signature_or_a_return_path_of_the_same_organisation_speaks_for_it(alignment):
    assert "signature of example.com speaks for shop.example.com, and so does" in alignment(
        ["example.com"], "example.com"
    )
    assert alignment(["example.com"], "provider.example").endswith("speaks for shop.example.com")
    assert "only the return path" in alignment([], "bounces.example.com")
    assert "only the return path" in alignment(["provider.example"], "example.com")


def test_where_the_record_is_strict_only_the_same_domain_speaks_for_it(alignment):
    assert "signature of shop.example.com" in alignment(
        ["example.com", "shop.example.com"], "example.com", "v=DMARC1; adkim=s"
    )
    assert "only the return path" in alignment(["example.com"], "shop.example.com", "v=DMARC1; adkim=s; aspf=s")
    with pytest.raises(BadSettings, match="neither a signature nor the return path"):
        alignment(["example.com"], "example.com", "v=DMARC1; adkim=s; aspf=s")


def test_strangers_do_not_speak_for_it(alignment):
    with pytest.raises(
        BadSettings,
        match=r"at provider\.example speaks for shop\.example\.com; let `return_path` under \[mail\] end with",
    ):
        alignment(["evil-example.com"], "provider.example")


@pytest.mark.parametrize(
    ("domain", "owner"),
    [
        ("example.com", "example.com"), ("a.b.example.com", "example.com"), ("example.co.uk", "example.co.uk"),
        ("news.example.co.uk", "example.co.uk"), ("news.example.com.au", "example.com.au"), ("co.uk", "co.uk"),
        ("news.example.de", "example.de"), ("localhost", "localhost"),
    ],
)  # fmt: skip
def test_who_registered_a_domain_is_told_by_its_form(domain, owner):
    assert organisation(domain) == owner
