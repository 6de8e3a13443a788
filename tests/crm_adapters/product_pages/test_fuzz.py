"""Whatever a page, a feed or a sitemap holds: it is read, rejected or refused in words, and nothing else happens."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapters.errors import AdapterError
from crm_adapters.product_pages.adapter import Manners, ProductPages
from crm_adapters.product_pages.page import read_page
from crm_adapters.product_pages.product import rows_of
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.shop import feed, page, product

FEW, SOME = settings(max_examples=50, deadline=None), settings(max_examples=100, deadline=None)
URL = "https://shop.example.com/p/1"
KEYS = st.sampled_from(
    ["@type", "@id", "@graph", "name", "offers", "price", "priceCurrency", "priceSpecification", "lowPrice", "image",
     "availability", "sku", "url", "brand", "category", "hasVariant", "isVariantOf", "productGroupID", "mainEntity",
     "itemListElement", "position", "item", "gtin13", "description"]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "Product",
        "ProductGroup",
        "Offer",
        "AggregateOffer",
        "BreadcrumbList",
        "InStock",
        "EUR",
        "1.299,00",
        "#x",
        "/p",
        "",
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), WORDS)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=25,
)
MARKUP = st.lists(
    st.one_of(
        st.sampled_from(
            ["<div itemscope itemtype='https://schema.org/Product'>", "<b itemprop=name>", "</div>", "<!--", "-->",
             "<meta itemprop=price content=5>", "<script type='application/ld+json'>", "</script>", "<a href='", '"',
             "<", ">", "&#0;", "&#xD800;", "<link rel=canonical href=//x>", "<base href='http://['>",
             "<meta property=og:type content=product>"]
        ),
        st.text(max_size=10),
    ),
    max_size=25,
).map("".join)  # fmt: skip


def is_sound(row):
    return all(isinstance(name, str) and isinstance(value, str) and value for name, value in row.items())


def read(content):
    try:
        return rows_of(read_page(content, URL), lambda url: url.startswith("https://shop.example.com/"))
    except ValueError:
        return []


@SOME
@given(st.lists(JSON, max_size=3))
def test_any_json_ld_gives_sound_rows_or_none(nodes):
    for row in read(page(*(json.dumps(node) for node in nodes)).encode("utf-8", "surrogatepass")):
        assert is_sound(row)
        assert {"id", "url"} <= set(row)


@SOME
@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_any_product_gives_sound_rows(more):
    for row in read(page(product(url=URL, **{name: value for name, value in more.items() if name != "url"})).encode()):
        assert is_sound(row)
        assert row["url"].startswith("https://shop.example.com/")


@SOME
@given(MARKUP)
def test_any_markup_gives_sound_rows_or_none(html):
    assert all(is_sound(row) for row in read(html.encode("utf-8", "replace")))


@SOME
@given(st.binary(max_size=300))
def test_any_bytes_give_sound_rows_or_none(content):
    assert all(is_sound(row) for row in read(content))


def pulled(content, path):
    """All that an adapter makes of a document; a refusal in words is fine."""

    def answer(request):
        return httpx.Response(200, stream=httpx.ByteStream(content if request.url.path == path else b""))

    manners = Manners(pause_seconds=0)
    adapter = ProductPages(f"https://shop.example.com{path}", None, manners, transport=httpx.MockTransport(answer))
    try:
        return list(adapter.pull(Stream.PRODUCTS, None))
    except AdapterError as error:
        return [] if error.remedy else None


NAMES = st.sampled_from(
    ["id", "title", "link", "price", "sale_price", "sale_price_effective_date", "availability", "image_link", "sku"]
)
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12),
    st.sampled_from(["1", "19.99 EUR", "1.299 EUR", "/p/1", "http://[", "2026-01-01/2026-02-01",
                     "9999-12-31/9999-12-31", "in stock"]),
)  # fmt: skip


@FEW
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=6), max_size=4))
def test_every_item_of_a_feed_is_a_row_or_a_reject(items):
    pages = pulled(feed(*items).encode(), "/feed.xml")
    assert sum(one.rows.num_rows + len(one.rejects) for one in pages) == len(items)


@FEW
@given(st.lists(st.lists(VALUES, min_size=4, max_size=4), max_size=5))
def test_every_line_of_a_table_is_a_row_or_a_reject(lines):
    told = [[cell.replace("\t", " ").replace("\u2028", " ") for cell in line] for line in lines]
    told = [line for line in told if "\t".join(line).strip()]
    text = "id\ttitle\tprice\tlink\n" + "".join("\t".join(line) + "\n" for line in told)
    pages = pulled(text.encode(), "/feed.tsv")
    assert sum(one.rows.num_rows + len(one.rejects) for one in pages) == len(told)


@FEW
@given(
    st.sampled_from([feed({"id": "1", "title": "x"}), "<urlset><url><loc>/</loc></url></urlset>", "id\ttitle\n1\tx\n"]),
    st.data(),
)
def test_a_document_with_bytes_changed_is_read_or_refused_in_words(text, data):
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert pulled(bytes(content), "/feed.xml") is not None


@pytest.mark.parametrize(
    "dates", ["9999-12-31/9999-12-31", "0001-01-01T00:00+2359/0001-01-01", "/", "2026-01-01/", "x/y"]
)
def test_dates_at_the_end_of_time_break_nothing(dates):
    from crm_adapters.product_pages.feed import next_change, row_of

    now = datetime(2026, 1, 1, tzinfo=UTC)
    row = row_of(
        {"id": "1", "price": "5 EUR", "sale_price": "4 EUR", "sale_price_effective_date": dates}, URL, bool, now
    )
    assert row["price"] == "5"
    next_change(row, now)
