"""A site: its sitemap says what to read; what is not new costs nothing, and nothing is missed."""

import logging
import sys
from datetime import UTC, datetime

import pytest

from crm_adapters.base import FieldUpdate, RemoteField, System
from crm_adapters.errors import BadCursor, BadSource, Denied, SourceMissing, Unreachable, Unsupported
from crm_adapters.pages import site as core
from crm_adapters.product_pages import Manners, ProductPages
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.shop import index, page, product, sitemap

PRODUCTS = Stream.PRODUCTS
THEN = "2026-01-05"


def fill(shop, numbers, date=THEN, **more):
    """Pages of products, and a sitemap of all that were put so far."""
    for number in numbers:
        shop.put(f"/p/{number}", page(product(sku=f"s{number}", name=f"Tea {number}", **more)))
        shop.dates[f"/p/{number}"] = date
    shop.put("/sitemap.xml", sitemap([(shop.url + path, date) for path, date in shop.dates.items()]))


@pytest.fixture
def shop(shop):
    shop.dates = {}
    return shop


def read(shop, go):
    """The pages of products that are asked for while something is done."""
    before = len(shop.asked)
    found = go()
    return sorted(path for path in shop.paths()[before:] if path.startswith("/p/")), found


def ids(found):
    return sorted(row["id"] for row in found[0])


def test_the_adapter_is_a_system(opened):
    assert isinstance(opened(), System)


@pytest.mark.parametrize("source", ["/", "", "/robots.txt", "/sitemap.xml", "/index.html"])
def test_a_site_is_found_by_whatever_url_of_it_somebody_knows(shop, opened, pull, source):
    fill(shop, range(2))
    shop.put("/robots.txt", "User-agent: *\nDisallow:\n")
    shop.put("/index.html", page())
    assert ids(pull(opened(source))) == ["s0", "s1"]


def test_sitemaps_are_found_by_robots_txt_and_by_each_other(shop, opened, pull):
    fill(shop, range(3))
    one, two = (sitemap([(f"{shop.url}/p/{number}", THEN)]) for number in (0, 1))
    shop.put("/robots.txt", f"Sitemap: {shop.url}/all.xml\nSitemap: {shop.url}/two.txt\n")
    shop.put("/all.xml", index([f"{shop.url}/one.xml.gz", f"{shop.url}/all.xml"]))
    shop.put("/one.xml.gz", one, packed=True)
    shop.put("/two.txt", f"{shop.url}/p/1\r\n\n{shop.url}/p/2\n")
    assert ids(pull(opened())) == ["s0", "s1", "s2"]
    shop.put("/robots.txt", f"Sitemap: {shop.url}/two.xml\n")
    shop.put("/two.xml", two, headers={"Content-Type": "text/plain"})
    assert ids(pull(opened())) == ["s1"]


def test_what_the_sitemap_says_is_new_or_changed_is_read_and_nothing_else(shop, opened, pull):
    fill(shop, range(20))
    asked, (_, _, cursor) = read(shop, lambda: pull(opened()))
    assert len(asked) == 20
    assert read(shop, lambda: pull(opened(), cursor))[0] == []
    fill(shop, [3], date="2026-02-01", brand="Leaf")
    fill(shop, [20], date="2020-01-01")  # a page that appears late, with an old date
    asked, found = read(shop, lambda: pull(opened(), cursor))
    assert ids(found) == ["s20", "s3"]
    assert asked == ["/p/20", "/p/3"]
    del shop.dates["/p/5"]
    fill(shop, [])
    assert read(shop, lambda: pull(opened(), found[2]))[0] == []


def test_pages_without_a_date_are_asked_for_on_condition_and_cost_a_304(shop, opened, pull):
    fill(shop, range(3), date=None)
    long_ago = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for number in range(3):
        shop.documents[f"/p/{number}"].modified = long_ago
    _, _, cursor = pull(opened())
    asked, found = read(shop, lambda: pull(opened(), cursor))
    assert (len(asked), found[0]) == (3, [])
    assert all("if-modified-since" in headers for path, headers in shop.asked[-3:])
    shop.documents["/p/1"].modified = datetime.now(UTC).timestamp()
    assert ids(pull(opened(), cursor)) == ["s1"]


def test_a_page_that_no_pull_has_read_is_asked_for_without_a_condition(shop, opened, pull):
    fill(shop, range(3), date=None)
    _, _, cursor = pull(opened())
    fill(shop, range(3, 200), date=None)  # so many that new ones share a bucket with old ones
    for document in shop.documents.values():
        document.modified = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert len(set(ids(pull(opened(), cursor))) - {"s0", "s1", "s2"}) == 197


@pytest.mark.parametrize("kill", [1, 2, 4])
def test_a_pull_that_was_killed_goes_on_where_it_was(shop, opened, kill):
    fill(shop, range(30))
    pulling = opened(page_records=5).pull(PRODUCTS, None)
    first = [next(pulling) for _ in range(kill)]
    pulling.close()
    asked, rest = read(shop, lambda: list(opened(page_records=5).pull(PRODUCTS, first[-1].cursor)))
    found = [row for one in [*first, *rest] for row in one.rows["id"].to_pylist()]
    assert sorted(found) == sorted(f"s{number}" for number in range(30))
    assert len(asked) == 30 - sum(one.rows.num_rows for one in first)
    assert [one.first for one in [*first, *rest]] == [True] + [False] * (len(first) + len(rest) - 1)


def test_what_changes_behind_a_killed_pull_comes_with_the_next(shop, opened, pull):
    fill(shop, range(30))
    first = next(opened(page_records=5).pull(PRODUCTS, None))
    known = first.rows["id"].to_pylist()[0]
    fill(shop, [int(known[1:])], date="2026-02-02")
    _, _, cursor = pull(opened(), first.cursor)
    assert ids(pull(opened(), cursor)) == [known]


def test_the_cursor_stays_small_however_many_pages_there_are(shop, opened, pull):
    from crm_adapters.pages import known, progress

    sums = known.sums_of({f"{shop.url}/p/{number}": THEN for number in range(100_000)})
    assert len(progress.as_text(progress.SiteMark(sums), 1)) < 10_000


def test_a_page_that_fails_is_rejected_and_tried_again_next_time(shop, opened, pull):
    fill(shop, range(4))
    shop.put("/p/2", "oops", status=500)
    found, rejects, cursor = pull(opened())
    assert ids((found,)) == ["s0", "s1", "s3"]
    assert [(one.place, one.reason) for one in rejects] == [(f"{shop.url}/p/2", "status_500")]
    fill(shop, [2])
    assert ids(pull(opened(), cursor)) == ["s2"]


def test_pages_that_are_gone_or_no_products_are_left_out_and_counted(shop, opened, pull, caplog):
    fill(shop, range(3))
    del shop.documents["/p/0"]
    shop.put("/p/1", page({"@type": "WebPage"}))
    with caplog.at_level(logging.INFO, "crm_adapters.pages"):
        found, rejects, _ = pull(opened())
    assert (ids((found,)), rejects) == (["s2"], [])
    assert "3 pages are listed; left out: 1 gone, 1 no_product" in caplog.text


def test_a_page_that_can_not_be_read_is_rejected_with_its_reason(shop, opened, pull):
    fill(shop, range(5))
    shop.put("/p/0", page('{"@type": "Product", '))
    shop.put("/p/1", "x" * (10 << 20) + "<p>")
    shop.put("/p/2", "plain words")
    shop.put("/p/3", b"\x1f\x8bnope")
    shop.put("/p/4", b"\x8b\x00", headers={"Content-Encoding": "br"})
    found, rejects, _ = pull(opened())
    assert found == []
    assert {one.place.rpartition("/")[2]: one.reason for one in rejects} == {
        "0": "bad_json_ld", "1": "too_large", "2": "bad_html", "3": "bad_encoding", "4": "bad_encoding",
    }  # fmt: skip


@pytest.mark.parametrize(("lacking", "reason"), [("name", "missing_title"), ("offers", "missing_price")])
def test_a_product_without_title_or_price_is_rejected(shop, opened, pull, lacking, reason):
    fill(shop, range(2))
    node = product()
    del node[lacking]
    shop.put("/p/1", page(node))
    found, (reject,), _ = pull(opened())
    assert ids((found,)) == ["s0"]
    assert (reject.reason, reject.place) == (reason, f"{shop.url}/p/1")
    assert "s1" in reject.record


def test_one_product_at_several_urls_comes_once(shop, opened, pull):
    fill(shop, [1])
    canonical = f'<link rel="canonical" href="{shop.url}/p/1">'
    for path in ("/p/1?color=red", "/sale/p/1"):
        shop.put(path, page(product(), head=canonical))
        shop.dates[path] = THEN
    fill(shop, [1])
    assert ids(pull(opened())) == ["s1"]


def test_two_products_of_one_id_are_told(shop, opened, pull):
    fill(shop, range(2))
    for number in range(2):
        shop.put(f"/p/{number}", page(product(sku="N/A", name=f"Tea {number}")))
    found, (reject,), _ = pull(opened())
    assert ids((found,)) == ["N/A"]
    assert reject.reason == "duplicate_id"
    assert "Tea" in reject.record


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
        monkeypatch.delitem(sys.modules, f"crm_adapters.pages.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "bs4", None)
    fill(shop, [1])
    with pytest.raises(Unsupported, match=r"BeautifulSoup, which is not installed; pip install 'handpicked\[pages\]'"):
        pull(opened())
    shop.put("/feed.tsv", "id\ttitle\tprice\n1\tTea\t5 EUR\n")
    assert ids(pull(opened("/feed.tsv"))) == ["1"]
