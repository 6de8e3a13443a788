"""The small parts: amounts, urls, XML, the memory of a sitemap, and pages brought into form."""

import io
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm_adapters.product_pages import known
from crm_adapters.product_pages.amounts import currency_in, plain
from crm_adapters.product_pages.tidy import tidied
from crm_adapters.product_pages.urls import joined
from crm_adapters.product_pages.xml import BadXml, records, root_of

FORMS = {
    "point": ("", "."), "comma": ("", ","), "English": (",", "."), "German": (".", ","), "Swiss": ("'", "."),
    "French": ("\u202f", ","), "Swedish": ("\u00a0", ","), "spaced": (" ", "."),
}  # fmt: skip


@settings(deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(list(FORMS.values())), st.sampled_from(["", "€ ", "Rs. ", "EUR"]))
def test_an_amount_with_two_decimals_is_read_in_every_countrys_form(cents, form, before):
    thousands, point = form
    whole = f"{cents // 100:,}".replace(",", thousands)
    assert plain(f"{before}{whole}{point}{cents % 100:02}", "EUR") == f"{cents // 100}.{cents % 100:02}"


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("1,299", "USD", "1299"), ("1.299", "USD", None), ("1,299", "KWD", None), ("1.299", "KWD", "1.299"),
        ("1,299", "JPY", "1299"), ("1.299", "JPY", "1299"), ("0.999", "USD", "0.999"), ("12.3456", "USD", "12.3456"),
        ("1.299.000", "IDR", "1299000"), ("1,29,999.00", "INR", None), ("19,-", "EUR", "19"), ("19.–", "EUR", "19"),
        ("from 5 EUR", "EUR", "5"), ("5", None, "5"), ("", "EUR", None), ("EUR", "EUR", None), ("٥", "EUR", None),
        ("9" * 70, "EUR", None), (None, "EUR", None), (False, "EUR", None), (Decimal("NaN"), "EUR", None),
        (Decimal("Infinity"), "EUR", None), (Decimal("1E-999999"), "EUR", "0"), (Decimal("1E+999999"), "EUR", None),
        (-1, "EUR", None), (10**12, "EUR", None), (Decimal("19.90"), "EUR", "19.9"), ([], "EUR", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_only_if_it_means_one_thing(written, currency, amount):
    assert plain(written, currency) == amount


@settings(deadline=None)
@given(
    st.one_of(st.text(max_size=80), st.decimals(), st.floats(), st.integers()), st.sampled_from(["EUR", "JPY", None])
)
def test_what_is_read_is_a_plain_decimal(written, currency):
    found = plain(written, currency)
    assume(found is not None)
    assert found.replace(".", "", 1).isascii()
    assert found.replace(".", "", 1).isdigit()
    assert Decimal(found) >= 0


@pytest.mark.parametrize(
    ("text", "code"), [("5 CHF", "CHF"), ("€5", "EUR"), ("£5", "GBP"), ("$5", None), ("EURO", None), ("eur", None)]
)
def test_a_currency_is_told_where_there_is_no_doubt(text, code):
    assert currency_in(text) == code


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("/p", "https://shop.example.com/p"), ("p?a=1#x", "https://shop.example.com/a/p?a=1"),
        ("//cdn.example.com/1.jpg", "https://cdn.example.com/1.jpg"), (" /a b ", "https://shop.example.com/a%20b"),
        ("javascript:alert(1)", None), ("data:image/png;base64,AA", None), ("mailto:a@example.com", None), ("", None),
        ("http://[", None), ("https://evil.net\\@shop.example.com/", None), ("https://shop@evil.net/", None),
        ("/a\nb", "https://shop.example.com/ab"), ("/a\x00b", None), ("x" * 3_000, None), (None, None),
        ("#x", "https://shop.example.com/a/"),
    ],
)  # fmt: skip
def test_a_url_is_whole_and_of_the_web_or_none(url, whole):
    assert joined("https://shop.example.com/a/", url) == whole


@settings(deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=9), max_size=60), st.text(min_size=1), st.text()
)
def test_the_memory_of_a_sitemap_shows_each_change_and_comes_back_from_text(listed, url, changed):
    before = known.sums_of(listed)
    assert known.from_text(known.as_text(before)) == before
    after = known.sums_of({**listed, url: changed})
    differing = [bucket for bucket in range(known.BUCKETS) if before[bucket] != after[bucket]]
    assert differing == ([] if listed.get(url) == changed else [known.bucket_of(url)])


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", known.as_text([0] * 10), known.as_text([0] * 2_000)])
def test_what_is_no_memory_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        known.from_text(text)


def test_records_of_xml_have_paths_and_attributes():
    text = '<a xmlns:i="urn:i"><r><x k="1">one</x><x>two</x><i:y><z>deep</z></i:y><e/></r><r/></a>'
    first, second = records(io.BytesIO(text.encode()), ("r",))
    assert first.values == {"x": ["one", "two"], "x@k": ["1"], "y.z": ["deep"], "y": [""], "e": [""]}
    assert (first.first("nothing", "x"), second.first("x"), second.values) == ("one", None, {})


@pytest.mark.parametrize(
    ("start", "root"),
    [
        (b"<?xml version='1.0'?><RSS><x", "rss"),
        (b"<html><p>", "html"),
        (b"<!DOCTYPE x><x/>", "doctype"),
        (b"", ""),
        (b"x", ""),
    ],
)
def test_the_outermost_element_is_known_by_its_first_bytes(start, root):
    assert root_of(start) == root


def test_xml_in_another_encoding_is_read_and_in_an_unknown_one_refused():
    text = "<?xml version='1.0' encoding='{}'?><a><r><x>ü</x></r></a>"
    (record,) = records(io.BytesIO(text.format("iso-8859-1").encode("latin-1")), ("r",))
    assert record.first("x") == "ü"
    with pytest.raises(BadXml):
        list(records(io.BytesIO(text.format("klingon").encode()), ("r",)))


@pytest.mark.parametrize(
    ("text", "html", "scripts"),
    [
        ("<p title='a>b' name=\"it's\">x</p>", '<p name="it\'s">x</p>', []),
        ("<A HREF=/p?a=1&b=2 rel='x \"y\"'>", '<a href="/p?a=1&b=2" rel="x &quot;y&quot;">', []),
        ("<br/><img src=/1.jpg />", '<br><img src="/1.jpg">', []),
        ("<p itemscope>1 < 2 <é", '<p itemscope="">1 &lt; 2 &lt;é', []),
        ("a</b>c", "a c", []),
        ("<!doctype html><?php ?><![CDATA[x]]>y", "y", []),
        ("a<!-- <p> --> b <!-- c", "a b", []),
        ("<style><p></style>x", "x", []),
        ('<script type="application/LD+JSON; charset=utf-8">{"a": "</b>"}</SCRIPT >x', "x", ['{"a": "</b>"}']),
        ("<script>var a = '<script type=\"application/ld+json\">{}'</script>x", "x", []),
        ("<script type=application/ld+json>{}", "", ["{}"]),
        ("x<a href='", "x", []),
    ],
)
def test_a_page_is_brought_into_form(text, html, scripts):
    found = tidied(text)
    assert (found.html.split(), found.scripts) == (html.split(), scripts)


def test_a_page_deeper_and_longer_than_any_is_cut():
    assert tidied("<div>" * 1_000).html.count("<div>") == 500
    assert tidied("<br>" * 200_000).html.count("<br>") == 100_000
