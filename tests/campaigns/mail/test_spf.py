import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import BadSettings
from campaigns.mail.spf import check_spf, server_term

SENDS = "include:amazonses.com"


@pytest.fixture
def spf(zone):
    """Checks example.com, given its own record and those of others."""

    def check(*own, **others):
        table = {f"{name.replace('_', '.')} TXT": [record] for name, record in others.items()}
        return check_spf(zone({"example.com TXT": ["google-site=1", *own], **table}), "example.com", SENDS)

    return check


@pytest.mark.parametrize(
    ("record", "lookups"),
    [
        ("v=spf1 -all", 0),
        ("V=SPF1 ~ALL", 0),
        ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::1 ~all", 0),
        ("v=spf1 a mx/24 a:mail.example.com ptr exists:%{i}.example.com -all", 5),
        ("v=spf1 include:%{d}.example.net -all", 1),
        ("v=spf1 mx -all a mx a mx a mx a mx a mx a mx", 1),  # what stands behind `all` is not read
        ("v=spf1 exp=why.example.com -all", 0),
    ],
)
def test_a_record_that_closes_is_good(spf, record, lookups):
    assert f"{lookups} of 10 lookups" in spf(record)


def test_lookups_are_counted_through_all_that_is_included(spf):
    told = spf(
        "v=spf1 include:a.example include:b.example ~all",
        a_example="v=spf1 a mx include:c.example ?all",
        b_example="v=spf1 ip4:192.0.2.1 -all",
        c_example="v=spf1 mx -all",
    )
    assert "6 of 10 lookups" in told


def test_a_redirect_goes_on_elsewhere_and_ends_as_that_ends(spf):
    assert "2 of 10 lookups" in spf("v=spf1 redirect=a.example", a_example="v=spf1 mx -all")
    with pytest.raises(
        BadSettings, match=r"lets anybody send for it; let the record that .* redirects to end with ~all"
    ):
        spf("v=spf1 redirect=a.example", a_example="v=spf1 mx")


def test_no_record_is_told_with_the_one_to_put(spf):
    with pytest.raises(
        BadSettings,
        match=r'no SPF record; put into DNS: example\.com\. TXT "v=spf1 include:amazonses\.com ~all"',
    ):
        spf("v=spf10 -all")


def test_two_records_are_one_too_many(spf):
    with pytest.raises(BadSettings, match="2 SPF records, so none counts; make one TXT record"):
        spf("v=spf1 -all", "v=spf1 mx -all")


@pytest.mark.parametrize("record", ["v=spf1 mx", "v=spf1 mx +all", "v=spf1 mx all", "v=spf1 mx ?all"])
def test_a_record_that_lets_anybody_send_is_closed(spf, record):
    with pytest.raises(BadSettings, match=r'lets anybody send for it; put into DNS: .* TXT "v=spf1 mx ~all"'):
        spf(record)


@pytest.mark.parametrize(
    "word", ["includes:a.example", "include", "include:", "ip4:192.0.2", "ip4:2001:db8::1", "ip6:x", "mail.example.com"]
)
def test_a_word_that_nobody_knows_is_named(spf, word):
    with pytest.raises(BadSettings, match=f"receivers do not know: '{word}'; mend or remove"):
        spf(f"v=spf1 {word} -all")


def test_more_than_ten_lookups_are_too_many(spf):
    assert "10 of 10" in spf("v=spf1" + " mx" * 10 + " -all")
    with pytest.raises(BadSettings, match=r"takes more than 10 lookups.*; remove an include"):
        spf("v=spf1" + " mx" * 11 + " -all")


def test_a_record_that_includes_itself_comes_to_an_end(spf):
    with pytest.raises(BadSettings, match="takes more than 10 lookups"):
        spf("v=spf1 include:a.example -all", a_example="v=spf1 include:a.example -all")


@pytest.mark.parametrize("record", ["v=spf1 include:a.example -all", "v=spf1 redirect=a.example"])
def test_an_include_of_nothing_is_named(spf, record):
    with pytest.raises(BadSettings, match=r"example\.com leads to 'a\.example', which has none; remove"):
        spf(record)


def test_a_dns_that_does_not_answer_is_told(zone):
    with pytest.raises(BadSettings, match=r"DNS does not answer for example\.com TXT: timed out; look at"):
        check_spf(zone({"example.com TXT": None}), "example.com", SENDS)


TERMS = ["a", "mx", "ptr", "all", "-all", "?all", "ip4:192.0.2.1", "include:example.com", "redirect=example.com", "+"]
WORDS = st.sampled_from(TERMS)


@given(st.lists(WORDS | st.text(max_size=9), max_size=14))
def test_any_record_is_told_or_refused(words):
    record = " ".join(["v=spf1", *words])
    try:
        told = check_spf(lambda name, kind: [record], "example.com", SENDS)
    except BadSettings as error:
        assert error.remedy  # noqa: PT017 - told or refused, both are right
    else:
        assert "of 10 lookups" in told


def test_a_server_with_a_number_for_a_name_is_named_so():
    assert server_term("2001:db8::1") == "ip6:2001:db8::1"
