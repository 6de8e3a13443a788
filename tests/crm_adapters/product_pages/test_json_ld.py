"""JSON-LD as shops really write it: what it means is read, what may mean two things is not guessed."""

import json

import pytest

from crm_adapters.product_pages.page import read_page
from crm_adapters.product_pages.product import rows_of
from tests.crm_adapters.product_pages.shop import meta, page, product

URL = "https://shop.example.com/p/tea"


def rows(html, url=URL):
    """The rows of a page, read as the adapter reads it; the shop's own host alone is allowed."""
    return rows_of(read_page(html.encode(), url), lambda one: one.startswith("https://shop.example.com/"))


def row(*nodes, **more):
    (found,) = rows(page(*nodes, **more))
    return found


def offered(offers, **more):
    return row({"@type": "Product", "name": "Tea", "offers": offers, **more})


def test_a_plain_product_is_read_whole():
    more = {"description": "<p>Green &amp; <b>fresh</b></p>", "image": ["/1.jpg", "/2.jpg"], "brand": {"name": "Leaf"}}
    more |= {"category": "Drinks > Tea", "gtin13": 4006381333931, "mpn": "M1", "color": "green", "size": "100 g"}
    assert row(product(url="/p/tea", **more)) == {
        "id": "s1", "sku": "s1", "title": "Tea", "description": "Green & fresh", "url": URL, "brand": "Leaf",
        "image": "https://shop.example.com/1.jpg", "category": "Drinks > Tea", "gtin": "4006381333931", "mpn": "M1",
        "color": "green", "size": "100 g", "price": "4.50", "currency": "EUR", "available": "true",
        "availability": "instock",
    }  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    [
        lambda node: [node],
        lambda node: {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, node]},
        lambda node: {"@graph": [[node]]},
        lambda node: {"@type": "ItemPage", "mainEntity": node},
        lambda node: {**node, "@type": ["Product", "Thing"]},
        lambda node: {**node, "@type": "http://schema.org/Product"},
        lambda node: {**node, "@type": "schema:Product"},
        lambda node: {**node, "offers": [node["offers"]]},
        lambda node: {**node, "name": ["Tea"]},
        lambda node: {**node, "name": {"@value": "Tea", "@language": "en"}},
        lambda node: {"@graph": [{**node, "offers": {"@id": "#o"}}, {"@id": "#o", **node["offers"]}]},
        lambda node: [{"@type": "Organization", "name": "Shop"}, node, {"@type": "BreadcrumbList"}],
        lambda node: [node, node],
    ],
)
def test_a_product_is_found_in_whatever_stands_around_it(shape):
    found = row(shape(product()))
    assert (found["id"], found["title"], found["price"], found["currency"]) == ("s1", "Tea", "4.50", "EUR")


@pytest.mark.parametrize(
    "text",
    [
        '{"@type": "Product", "name": "Tea", "offers": {"price": 4.5, "priceCurrency": "EUR",},}',
        '{"@type": "Product", /* our best */ "name": "Tea", // really\n '
        '"offers": {"price": 4.5, "priceCurrency": "EUR"}}',
        '<!-- {"@type": "Product", "name": "Tea", "offers": {"price": 4.5, "priceCurrency": "EUR"}} -->',
        '//<![CDATA[\n{"@type": "Product", "name": "Tea", "offers": {"price": 4.5, "priceCurrency": "EUR"}}\n//]]>',
        '/*<![CDATA[*/{"@type": "Product", "name": "Tea", "offers": {"price": 4.5, "priceCurrency": "EUR"}}/*]]>*/',
        "{&quot;@type&quot;: &quot;Product&quot;, &quot;name&quot;: &quot;Tea&quot;, &quot;offers&quot;: "
        "{&quot;price&quot;: 4.5, &quot;priceCurrency&quot;: &quot;EUR&quot;}}",
        '{"@type": "Product", "name": "Tea", "description": "two\nlines\tand a tab", '
        '"offers": {"price": 4.5, "priceCurrency": "EUR"}};',
    ],
    ids=["commas", "comments", "html comment", "cdata", "cdata in comments", "escaped", "line breaks"],
)
def test_what_is_not_quite_json_is_read_all_the_same(text):
    found = row(text)
    assert (found["title"], found["price"], found["currency"]) == ("Tea", "4.5", "EUR")


def test_a_comment_sign_and_a_comma_within_a_text_stay():
    assert row('{"@type": "Product", "name": "a // b, } /* c */",}')["title"] == "a // b, } /* c */"


@pytest.mark.parametrize(
    "text", ['{"@type": "Product", "name": ', "{{ product | json }}", "[" * 100_000, '{"a": 1e9e9}']
)
def test_what_can_not_be_read_is_told(text):
    said = read_page(page(text).encode(), URL)
    assert rows_of(said, bool) == []
    assert said.faults[0].startswith("JSON-LD that can't be read")


@pytest.mark.parametrize(
    ("offers", "price", "currency"),
    [
        ({"price": "1.299,00", "priceCurrency": "EUR"}, "1299.00", "EUR"),
        ({"price": "1,299.00", "priceCurrency": "USD"}, "1299.00", "USD"),
        ({"price": 1299, "priceCurrency": "usd"}, "1299", "USD"),
        ({"price": 19.9, "priceCurrency": "€"}, "19.9", "EUR"),
        ({"price": "€ 19,99"}, "19.99", "EUR"),
        ({"price": "19.99 GBP"}, "19.99", "GBP"),
        ({"price": ["19.99"], "priceCurrency": "EUR"}, "19.99", "EUR"),
        ({"price": "150.000", "priceCurrency": "CLP"}, "150000", "CLP"),
        ({"price": "1.234", "priceCurrency": "KWD"}, "1.234", "KWD"),
        ({"@type": "AggregateOffer", "lowPrice": "9", "highPrice": "12", "priceCurrency": "EUR"}, "9", "EUR"),
        ({"@type": "AggregateOffer", "priceCurrency": "EUR", "offers": [{"price": 12}, {"price": 9}]}, "9", "EUR"),
        ({"priceSpecification": {"price": 5, "priceCurrency": "EUR"}}, "5", "EUR"),
        (
            {"priceSpecification": [{"@type": "UnitPriceSpecification", "price": "5", "priceCurrency": "EUR"}]},
            "5",
            "EUR",
        ),
        ({"price": "", "priceCurrency": "", "priceSpecification": [{"price": 5, "priceCurrency": "EUR"}]}, "5", "EUR"),
    ],
)
def test_amounts_are_read_in_the_forms_of_shops(offers, price, currency):
    found = offered(offers)
    assert (found["price"], found["currency"]) == (price, currency)


@pytest.mark.parametrize("price", ["1.299", "call us", "5 - 9", "-4", "1.2.3,4", True, {}, 1e300, "9" * 100, "1,2 3"])
def test_an_amount_that_may_mean_two_or_none_is_not_guessed(price):
    assert offered({"price": price, "priceCurrency": "EUR"}).get("price", "unclear").startswith("unclear")


def test_what_nobody_pays_is_no_price_but_what_is_crossed_out():
    listed = {"@type": "UnitPriceSpecification", "priceType": "https://schema.org/ListPrice", "price": 20}
    member = {"price": 12, "priceCurrency": "EUR", "validForMemberTier": {"name": "gold"}}
    per_litre = {"price": 99, "priceCurrency": "EUR", "referenceQuantity": {"value": 1, "unitCode": "LTR"}}
    found = offered({"priceSpecification": [listed, member, per_litre, {"price": 15, "priceCurrency": "EUR"}]})
    assert (found["price"], found["list_price"]) == ("15", "20")


def test_the_cheapest_offer_that_can_be_had_counts():
    gone = {"price": 3, "priceCurrency": "EUR", "availability": "OutOfStock"}
    there = [{"price": n, "priceCurrency": "EUR", "availability": "InStock"} for n in (7, 5)]
    found = offered([gone, *there])
    assert (found["price"], found["available"]) == ("5", "true")


@pytest.mark.parametrize(
    ("told", "available"),
    [
        ("https://schema.org/InStock", "true"), ("http://schema.org/InStock/", "true"), ("in stock", "true"),
        ("in_stock", "true"), ("LimitedAvailability", "true"), ("PreOrder", "true"), ("BackOrder", "true"),
        ("https://schema.org/OutOfStock", "false"), ("out of stock", "false"), ("SoldOut", "false"),
        ("Discontinued", "false"), ("InStoreOnly", "false"), ("perhaps", None), ("", None), (None, None), (7, None),
        ({"@id": "https://schema.org/InStock"}, "true"), (["https://schema.org/SoldOut"], "false"),
    ],
)  # fmt: skip
def test_availability_is_said_in_many_words(told, available):
    assert offered({"price": 1, "availability": told}).get("available") == available


def test_a_group_gives_a_row_for_each_variant_which_shares_what_the_group_says():
    variants = [
        {"@type": "Product", "sku": f"t-{size}", "size": size, "name": f"Shirt {size}", "url": f"/p/tea?size={size}",
         "image": f"/{size}.jpg", "offers": {"price": price, "priceCurrency": "EUR"}}
        for size, price in (("S", 10), ("L", 12))
    ]  # fmt: skip
    group = {"@type": "ProductGroup", "name": "Shirt", "productGroupID": "t", "brand": "Leaf", "hasVariant": variants}
    small, large = rows(page(group, head=meta(product_price__amount="99", og_title="Shirts")))
    assert (small["id"], small["group"], small["brand"], small["price"]) == ("t-S", "t", "Leaf", "10")
    assert small["url"].endswith("?size=S")
    assert (large["title"], large["size"], large["price"]) == ("Shirt L", "L", "12")


def test_a_variant_whose_group_is_a_page_further_knows_its_group():
    group = {"@type": "ProductGroup", "productGroupID": "t", "name": "Shirt", "hasVariant": [{"url": "/p/l"}]}
    found = row([product(sku="t-S", isVariantOf={"@id": "#t"}), {"@id": "#t", **group}])
    assert (found["id"], found["group"], found["price"]) == ("t-S", "t", "4.50")


def test_a_group_without_variants_is_a_product():
    found = row({**product(sku=None), "@type": "ProductGroup", "productGroupID": "t"})
    assert (found["id"], found["price"], found["title"]) == ("t", "4.50", "Tea")


def test_variants_that_are_told_one_by_one_are_rows_of_their_own():
    nodes = [product(sku=f"s{n}", name=f"Tea {n}", url=f"/p/tea?v={n}") for n in (1, 2)]
    assert [each["id"] for each in rows(page(*nodes))] == ["s1", "s2"]


def test_variants_without_a_sku_are_told_apart_by_their_urls_and_else_are_one():
    there = [{"name": "Tea", "offers": {"price": n, "priceCurrency": "EUR"}} for n in (4, 5)]
    group = {"@type": "ProductGroup", "name": "Tea", "hasVariant": there}
    assert [each["id"] for each in rows(page(group))] == [URL]
    for number, each in enumerate(there):
        each["url"] = f"/p/tea?v={number}"
    assert [each["id"] for each in rows(page(group))] == [f"{URL}?v=0", f"{URL}?v=1"]


def test_a_list_of_products_is_no_product():
    nodes = [product(sku=f"s{n}", name=f"Tea {n}", url=f"/p/{n}") for n in range(3)]
    assert rows(page(*nodes)) == []
    assert rows(page({"@type": "ItemList", "itemListElement": nodes})) == []


def test_related_products_are_not_the_pages_own():
    related = product(sku="r", name="Coffee")
    assert row(product(isRelatedTo=[related], isSimilarTo=related))["id"] == "s1"
    assert row([product(url=URL), product(sku="r", name="Coffee", url="/p/coffee")])["id"] == "s1"


def test_what_a_theme_and_an_app_say_of_one_product_is_put_together():
    theme, app = product(url=URL, brand="Leaf"), {"@type": "Product", "name": "Tea", "gtin": "123"}
    found = row(theme, app)
    assert (found["id"], found["brand"], found["gtin"]) == ("s1", "Leaf", "123")


def test_the_way_to_a_product_is_its_category_if_it_says_none():
    steps = [("Tea", URL), ("Green", "/c/green"), ("Drinks", "/c/drinks"), ("Home", "/")]
    crumbs = {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"position": str(4 - place), "name": name, "item": {"@id": url}} for place, (name, url) in enumerate(steps)
        ],
    }
    assert row(product(), crumbs)["category"] == "Drinks > Green"
    assert row(product(category="Leaves"), crumbs)["category"] == "Leaves"


def test_a_product_is_never_said_to_be_at_another_shop():
    assert row(product(url="https://evil.example.net/p"))["url"] == URL
    assert row(product(image="javascript:alert(1)")).get("image") is None
    assert row(product(image={"@type": "ImageObject", "url": "//cdn.example.com/a b.jpg"}))["image"] == (
        "https://cdn.example.com/a%20b.jpg"
    )


def test_the_page_says_its_own_url_and_relative_ones_count_from_its_base():
    head = '<base href="/shop/"><link rel="canonical" href="tea">'
    found = row({"@type": "Product", "name": "Tea", "image": "1.jpg"}, head=head)
    assert (found["url"], found["image"], found["id"]) == (
        "https://shop.example.com/shop/tea", "https://shop.example.com/shop/1.jpg", "https://shop.example.com/shop/tea",
    )  # fmt: skip


def test_escapes_in_a_title_are_read_and_its_signs_stay():
    assert row(product(name="Tom &amp; Jerry&#39;s <3 tea"))["title"] == "Tom & Jerry's <3 tea"


def test_numbers_of_json_stay_exact():
    assert offered(json.loads('{"price": 0.1, "priceCurrency": "EUR"}'))["price"] == "0.1"
