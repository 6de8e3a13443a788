"""How we behave at a site, and what is said where it does not let us, or lists what is not its own."""

import sys

import pytest

from crm_adapters.base import FieldUpdate, RemoteField
from crm_adapters.errors import BadCursor, BadSource, Denied, SourceMissing, Unreachable, Unsupported
from crm_adapters.product_pages import site as core
from crm_adapters.product_pages.adapter import Manners, ProductPages
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.filling import THEN, fill, ids, read
from tests.crm_adapters.product_pages.shop import page, product, sitemap

PRODUCTS = Stream.PRODUCTS


def test_what_robots_txt_forbids_is_not_read(shop, opened, pull):
    fill(shop, range(3))
    shop.put("/robots.txt", "User-agent: *\nDisallow: /p/1$\nDisallow: /*/2\n")
    assert ids(pull(opened())) == ["s0"]
    shop.put("/robots.txt", "User-agent: *\nDisallow: /\n\nUser-agent: Handpicked\nDisallow: /p/0\n")
    asked, found = read(shop, lambda: pull(opened()))
    assert ids(found) == ["s1", "s2"]
    assert asked == ["/p/1", "/p/2"]


def test_a_page_that_robots_txt_allows_later_is_read_then(shop, opened, pull):
    fill(shop, range(2))
    shop.put("/robots.txt", "User-agent: *\nDisallow: /p/1\n")
    _, _, cursor = pull(opened())
    shop.put("/robots.txt", "")
    assert ids(pull(opened(), cursor)) == ["s1"]


def test_without_a_robots_txt_that_answers_nothing_is_read(shop, opened, pull):
    fill(shop, range(2))
    shop.put("/robots.txt", "", status=503)
    with pytest.raises(Unreachable, match=r"robots.txt of 127.0.0.1 can't be read: it says 503"):
        pull(opened())
    assert not [path for path in shop.paths() if path.startswith("/p/")]


def test_we_say_who_we_are_and_pause_as_long_as_we_are_told(shop, opened, pull, clock):
    fill(shop, range(3))
    manners = Manners(allow_private=True, pause_seconds=1.0, contact="https://shop.example.com/bot")
    pull(opened(manners=manners))
    assert {asked["user-agent"] for _, asked in shop.asked} == {"Handpicked (+https://shop.example.com/bot)"}
    assert [round(wait, 3) for wait in clock.waits] == [1.0] * 4  # robots.txt, the sitemap, three pages
    clock.waits.clear()
    shop.put("/robots.txt", "User-agent: *\nCrawl-delay: 7\n")
    pull(opened(manners=manners))
    assert sum(clock.waits) == pytest.approx(1.0 + 4 * 7, abs=1)
    shop.put("/robots.txt", "User-agent: *\nCrawl-delay: 86400\n")
    with pytest.raises(BadSource, match=r"wants 86400 seconds.*name a feed"):
        pull(opened(manners=manners))


def test_a_shop_that_lets_us_read_nothing_is_told_soon(shop, opened, pull):
    fill(shop, range(30))
    for number in range(30):
        shop.put(f"/p/{number}", "go away", status=403)
    with pytest.raises(Denied, match=r"403 to 10 pages.*user agent Handpicked"):
        pull(opened())
    for number in range(30):
        shop.put(f"/p/{number}", "oh", status=500)
    with pytest.raises(Unreachable, match="500 to 10 pages"):
        pull(opened())


def test_a_shop_that_wants_no_more_calls_keeps_what_was_read(shop, opened, pull):
    fill(shop, range(20))
    pulling = opened(page_records=5).pull(PRODUCTS, None)
    first = next(pulling)
    kept = dict(shop.documents)
    for number in range(20):
        shop.put(f"/p/{number}", "", status=429, headers={"Retry-After": "100000"})
    with pytest.raises(Unreachable, match="it says 429"):
        list(pulling)
    shop.documents = kept
    rows, _, _ = pull(opened(), first.cursor)
    assert first.rows.num_rows + len(rows) == 20


def test_redirects_are_followed_within_the_hosts_and_no_further(shop, opened, pull):
    fill(shop, range(4))
    shop.put("/p/0", status=301, headers={"Location": "/p/new"})
    shop.put("/p/new", page(product(sku="new", name="New")))
    shop.put("/p/1", status=302, headers={"Location": "https://evil.example.net/"})
    shop.put("/p/2", status=302, headers={"Location": "/p/2"})
    shop.put("/p/3", status=302, headers={"Location": "http://a:b/"})
    found, rejects, _ = pull(opened())
    assert ids((found,)) == ["new"]
    assert {one.reason for one in rejects} == {"other_host", "many_redirects", "bad_redirect"}


@pytest.mark.parametrize(
    ("status", "error"), [(404, SourceMissing), (403, Denied), (500, Unreachable), (418, BadSource)]
)
def test_a_sitemap_that_is_not_given_is_told(shop, opened, pull, status, error):
    shop.put("/sitemap.xml", "no", status=status)
    with pytest.raises(error, match=str(status)):
        pull(opened())


def test_a_sitemap_that_is_none_or_broken_is_refused(shop, opened, pull):
    shop.put("/sitemap.xml", page())
    with pytest.raises(BadSource, match=r"/sitemap.xml is no sitemap"):
        pull(opened())
    shop.put("/sitemap.xml", sitemap([(f"{shop.url}/p/1", THEN)])[:-9])
    with pytest.raises(BadSource, match=r"the sitemap .* can't be read: it is no XML.*line 1"):
        pull(opened())


def test_more_pages_than_any_shop_has_are_refused(shop, opened, pull, monkeypatch):
    fill(shop, range(4))
    monkeypatch.setattr(core, "MOST_URLS", 3)
    with pytest.raises(BadSource, match="list more than 3 pages"):
        pull(opened())


def test_urls_of_others_in_a_sitemap_are_not_called(shop, opened, pull):
    fill(shop, [1])
    urls = [f"{shop.url}/p/1", "https://evil.example.net/", "file:///etc/passwd", "http://[", "mailto:a@example.com"]
    urls += [f"http://127.0.0.1:{shop.port + 1}/", f"http://127.0.0.1:{shop.port}@evil.example.net/", "gopher://x/"]
    shop.put("/sitemap.xml", sitemap([(url, THEN) for url in urls]))
    assert ids(pull(opened())) == ["s1"]
    assert opened().check().account == f"a site of 1 pages, 7 on other hosts, at {shop.url}/"


def test_check_says_what_is_there(shop, opened):
    fill(shop, range(5))
    shop.put("/robots.txt", "User-agent: *\nDisallow: /p/1\n")
    health = opened("/sitemap.xml").check()
    assert health.account == f"a site of 4 pages, 1 that robots.txt forbids, at {shop.url}/sitemap.xml"
    assert abs(health.clock_skew_seconds) < 5
    assert not [path for path in shop.paths() if path.startswith("/p/")]


def test_a_site_that_is_all_elsewhere_is_told_and_not_taken_for_empty(shop, opened, pull):
    shop.put("/sitemap.xml", sitemap([("https://www.shop.example.com/p/1", THEN)]))
    with pytest.raises(BadSource, match=r"only pages elsewhere, as 'https://www.shop.*p/1'.*add its host to `hosts`"):
        pull(opened())
    shop.put("/robots.txt", "Sitemap: https://www.shop.example.com/sitemap.xml")
    with pytest.raises(BadSource, match=r"only sitemaps elsewhere, as 'https://www.*add its host to `hosts`"):
        pull(opened())


def test_a_front_page_with_a_query_is_a_document_of_its_own(shop, opened, pull):
    shop.put("/?feed=google", "id\ttitle\tprice\n1\tTea\t5 EUR\n")
    assert ids(pull(opened("/?feed=google"))) == ["1"]


def test_what_is_not_there_is_refused_with_the_way_to_it(opened, pull):
    with pytest.raises(Unsupported, match="have no customers; bring them by files"):
        pull(opened(), stream=Stream.CUSTOMERS)
    adapter = opened()
    for go in (
        lambda: list(adapter.push([FieldUpdate("1", {"segment": "new"})])),
        adapter.fields,
        lambda: adapter.ensure_fields([RemoteField("a", "text")], dry_run=True),
        lambda: list(adapter.erase(["1"])),
    ):
        with pytest.raises(Unsupported, match=r"only read.*push to the system that has the customers"):
            go()


@pytest.mark.parametrize("cursor", ['{"v": 1}', "x"])
def test_a_foreign_cursor_is_refused(shop, opened, pull, cursor):
    fill(shop, [1])
    with pytest.raises(BadCursor):
        pull(opened(), cursor)


def test_a_cursor_that_somebody_changed_is_refused(shop, opened, pull):
    fill(shop, [1])
    _, _, cursor = pull(opened())
    for old, new in (('"sums": "', '"sums": "AAAA'), ('"at": 0', '"at": "x"'), ("SiteMark", "Other")):
        with pytest.raises(BadCursor):
            pull(opened(), cursor.replace(old, new))


def test_the_shop_may_not_be_called_from_a_connection_that_does_not_allow_it(shop, pull):
    with pytest.raises(BadSource, match=r"127.0.0.1, which is no address of the internet; .*allow_private = true"):
        pull(ProductPages(shop.url, None, Manners(pause_seconds=0)))
    assert shop.asked == []


def test_without_beautifulsoup_feeds_are_read_and_sites_refused_with_what_to_install(shop, opened, pull, monkeypatch):
    for name in ("site_reader", "page", "microdata", "product"):
        monkeypatch.delitem(sys.modules, f"crm_adapters.product_pages.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "bs4", None)
    fill(shop, [1])
    with pytest.raises(Unsupported, match=r"BeautifulSoup, which is not installed; pip install 'handpicked\[pages\]'"):
        pull(opened())
    shop.put("/feed.tsv", "id\ttitle\tprice\n1\tTea\t5 EUR\n")
    assert ids(pull(opened("/feed.tsv"))) == ["1"]
