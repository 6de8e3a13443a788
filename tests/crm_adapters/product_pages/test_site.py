"""A site: its sitemap says what to read; what is not new costs nothing, and nothing is missed."""

import logging
from datetime import UTC, datetime

import pytest

from crm_adapters.base import System
from crm_adapters.product_pages import known, progress
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.filling import THEN, fill, ids, read
from tests.crm_adapters.product_pages.shop import index, page, product, sitemap

PRODUCTS = Stream.PRODUCTS


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
    one = first.rows["id"].to_pylist()[0]
    fill(shop, [int(one[1:])], date="2026-02-02")
    _, _, cursor = pull(opened(), first.cursor)
    assert ids(pull(opened(), cursor)) == [one]


def test_the_cursor_stays_small_however_many_pages_there_are(shop, opened, pull):
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
    with caplog.at_level(logging.INFO, "crm_adapters.product_pages"):
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
