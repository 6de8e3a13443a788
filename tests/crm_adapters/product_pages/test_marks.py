"""Microdata and Open Graph: what JSON-LD does not say is filled from them, field by field, in this order."""

import pytest

from tests.crm_adapters.product_pages.shop import meta, page, product
from tests.crm_adapters.product_pages.test_json_ld import URL, row, rows

MICRODATA = """<div itemscope itemtype="https://schema.org/Product">
  <h1 itemprop="name">Green <b>tea</b></h1>
  <img itemprop="image" src="/tea.jpg"><link itemprop="url" href="/p/tea"><meta itemprop="sku" content="m1">
  <span itemprop="brand" itemscope itemtype="https://schema.org/Brand"><span itemprop="name">Leaf</span></span>
  <p itemprop="description">Fresh &amp; green</p>
  <div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
    <span itemprop="priceCurrency" content="EUR">€</span><span itemprop="price">1.299,00 €</span>
    <link itemprop="availability" href="https://schema.org/OutOfStock">
  </div>
  <div itemprop="isRelatedTo" itemscope itemtype="https://schema.org/Product"><i itemprop="name">Other</i></div>
</div>"""


def test_microdata_alone_says_a_product():
    assert row(body=MICRODATA) == {
        "id": "m1", "sku": "m1", "title": "Green tea", "description": "Fresh & green", "brand": "Leaf", "url": URL,
        "image": "https://shop.example.com/tea.jpg", "price": "1299.00", "currency": "EUR", "available": "false",
        "availability": "outofstock",
    }  # fmt: skip


def test_open_graph_alone_says_a_product():
    named = {"og_type": "product", "og_title": "Tea", "og_image": "/t.jpg", "og_description": "Fresh"}
    named |= {"product_price__amount": "4,50", "product_price__currency": "EUR", "product_availability": "instock"}
    named |= {"product_retailer_item_id": "g1", "product_brand": "Leaf", "og_url": "https://shop.example.com/p/g"}
    assert row(head=meta(**named)) == {
        "id": "g1", "sku": "g1", "title": "Tea", "description": "Fresh", "brand": "Leaf", "price": "4.50",
        "image": "https://shop.example.com/t.jpg", "currency": "EUR", "available": "true", "availability": "instock",
        "url": "https://shop.example.com/p/g",
    }  # fmt: skip


def test_the_best_of_each_is_taken_field_by_field():
    graph = meta(og_title="Graph", og_image="/graph.jpg", product_price__amount="9", product_color="green")
    found = row({"@type": "Product", "name": "Structured"}, head=graph, body=MICRODATA)
    assert (found["title"], found["price"], found["color"]) == ("Structured", "1299.00", "green")
    assert (found["image"], found["sku"]) == ("https://shop.example.com/tea.jpg", "m1")


def test_a_currency_that_only_open_graph_says_is_taken():
    node = {"@type": "Product", "name": "Tea", "offers": {"price": "5.00"}}
    assert row(node, head=meta(product_price__currency="EUR"))["currency"] == "EUR"
    variants = [{"sku": sku, "offers": {"price": 5}} for sku in "ab"]
    group = {"@type": "ProductGroup", "name": "Tea", "hasVariant": variants}
    assert [one["currency"] for one in rows(page(group, head=meta(og_price__currency="EUR")))] == ["EUR", "EUR"]


@pytest.mark.parametrize(
    "html",
    [
        page(head=meta(og_type="website", og_title="Our shop")),
        page({"@type": "Organization", "name": "Shop"}),
        page(body='<div itemscope itemtype="https://schema.org/Article"><i itemprop="name">News</i></div>'),
        page(body=MICRODATA.replace("/p/tea", "/p/x") + MICRODATA.replace("Green", "Black").replace("/p/tea", "/p/y")),
        "<html></html>",
        "<p>",
    ],
    ids=["a front page", "a company", "an article", "a list", "nothing", "half a page"],
)  # fmt: skip
def test_a_page_about_something_else_says_no_product(html):
    assert rows(html) == []


def test_attributes_in_capitals_and_values_in_machine_form_are_read():
    body = """<DIV ITEMSCOPE ITEMTYPE="http://schema.org/Product"><SPAN ITEMPROP="name">Tea</SPAN>
    <data itemprop="sku" value="77">No. 77</data><div itemprop="offers" itemscope>
    <meter itemprop="price" value="3.20"></meter><meta itemprop="priceCurrency" content="EUR"></div></DIV>"""
    found = row(body=body)
    assert (found["sku"], found["price"]) == ("77", "3.20")


def test_letters_are_read_as_the_page_says_they_are_written():
    from crm_adapters.product_pages.page import read_page
    from crm_adapters.product_pages.product import rows_of

    text = page(product(name="Grüner Tee")).replace("\\u00fc", "ü").replace("utf-8", "iso-8859-1")
    for coding, told in (("latin-1", None), ("utf-8-sig", None), ("utf-16", None), ("koi8-r", "klingon")):
        known = text.replace("ü", "ю").replace("iso-8859-1", "koi8-r") if coding == "koi8-r" else text
        (found,) = rows_of(read_page(known.encode(coding), URL, told), lambda _: True)
        assert found["title"] in ("Grüner Tee", "Grюner Tee")
    with pytest.raises(ValueError, match="nobody knows how its letters are written"):
        read_page(b"<p>\x81\x8d\xff", URL, "punycode")
    (found,) = rows_of(read_page(text.replace("iso-8859-1", "x").encode("utf-8"), URL, "utf-8"), lambda _: True)
    assert found["title"] == "Grüner Tee"
