"""robots.txt as RFC 9309 says: the longest rule wins, the group that is meant for us, and signs of any form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapters.product_pages.robots import fits, read_robots

SHOPIFY = """
# we use Shopify as our ecommerce platform
User-agent: *
Disallow: /admin
Disallow: /*/checkouts
Disallow: /collections/*+*
Disallow: /*?*oseid=*
Disallow: /*preview_theme_id*
Allow: /collections/tea+green
Sitemap: https://shop.example.com/sitemap.xml

User-agent: adsbot-google
Disallow: /checkouts/
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True), ("/products/tea", True), ("/admin", False), ("/administration", False), ("/p?x=1", True),
        ("/en/checkouts/1", False), ("/collections/tea+black", False), ("/collections/tea+green", True),
        ("/p?x=1&oseid=2", False), ("/p?preview_theme_id=1", False), ("/checkouts/", True),
    ],
)  # fmt: skip
def test_a_shops_own_file_is_kept_to(path, allowed):
    assert read_robots(SHOPIFY).allows(path) is allowed


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /", "/p", False),
        ("User-agent: *\nDisallow:", "/p", True),
        ("", "/p", True),
        ("\ufeffUSER-AGENT : *\r\nDISALLOW : /p # secret\r\n", "/p/1", False),
        ("User-agent: *\nDisallow: /\nUser-agent: Handpicked\nAllow: /", "/p", True),
        ("User-agent: handpicked/1.0\nDisallow: /p\nUser-agent: *\nDisallow:", "/p", False),
        ("User-agent: handpickedbot\nDisallow: /p", "/p", True),
        ("User-agent: a\nUser-agent: Handpicked\nDisallow: /p", "/p", False),
        ("User-agent: Handpicked\nAllow: /a\nUser-agent: b\nAllow: /\nUser-agent: HANDPICKED\nDisallow: /c", "/c", 0),
        ("User-agent: Handpicked\nUser-agent: *\nDisallow: /p\n", "/p", False),
        ("User-agent: *\nDisallow: /p\nAllow: /p", "/p", True),
        ("User-agent: *\nAllow: /p\nDisallow: /p/x", "/p/x/y", False),
        ("User-agent: *\nAllow: /p/x\nDisallow: /p", "/p/x/y", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf?x", True),
        ("User-agent: *\nDisallow: /grün", "/gr%C3%BCn", False),
        ("User-agent: *\nDisallow: /gr%c3%bcn", "/gr%C3%BCn", False),
        ("Disallow: /", "/p", True),
        ("User-agent: *\nhello\n: x\nDisallow /p\nNoindex: /p", "/p", True),
    ],
)  # fmt: skip
def test_the_rule_that_is_meant_for_us_and_fits_best_counts(text, path, allowed):
    assert read_robots(text).allows(path) == allowed


@pytest.mark.parametrize(
    ("told", "seconds"), [("2", 2), ("0.5", 0.5), ("x", 0), ("-1", 0), ("1e9", 0), ("", 0), ("9" * 20, 0)]
)
def test_a_pause_is_a_plain_number(told, seconds):
    assert read_robots(f"User-agent: *\nCrawl-delay: {told}\n").delay_seconds == seconds


def test_sitemaps_belong_to_nobody_and_all_are_told():
    text = "Sitemap: https://a.example/1.xml\nUser-agent: x\nSitemap: https://a.example/2.xml\nDisallow: /\n"
    assert read_robots(text).sitemaps == ["https://a.example/1.xml", "https://a.example/2.xml"]


def slow_fits(pattern, path):
    """By a regex, which is easily right and may take for ever."""
    import re

    ends = pattern.endswith("$")
    text = ".*".join(map(re.escape, pattern.removesuffix("$").split("*")))
    return re.match(text + (r"\Z" if ends else ""), path, re.DOTALL) is not None


@settings(deadline=None)
@given(st.text("ab*$", max_size=8), st.text("ab$", max_size=8))
def test_patterns_fit_as_a_regex_says(pattern, path):
    assert fits(pattern, path) == slow_fits(pattern, path)


def test_a_pattern_made_to_be_slow_is_not():
    assert not fits("*a" * 5_000 + "b", "a" * 20_000)


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=50))
def test_any_text_is_read(text, path):
    robots = read_robots(f"User-agent: *\nDisallow: {text}\n{text}")
    assert robots.allows(path) in (True, False)
    assert robots.delay_seconds >= 0
