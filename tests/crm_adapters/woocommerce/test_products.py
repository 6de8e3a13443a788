"""Products come with price, picture and category, their variations beside them, and reduced prices as offers."""

from datetime import UTC, datetime

import pytest

from crm_adapters.records import Stream
from crm_adapters.woocommerce import adapter as woocommerce

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
PRODUCTS, OFFERS = Stream.PRODUCTS, Stream.OFFERS


def pulled(adapter, stream):
    pages = list(adapter.pull(stream, None))
    return [row for page in pages for row in page.rows.to_pylist()], pages


def test_a_product_has_its_price_currency_picture_category_and_place(shop, opened):
    shop.categories = {
        9: {"id": 9, "name": "Clothing", "parent": 0},
        14: {"id": 14, "name": "T-shirts &amp; more", "parent": 9},
    }
    shop.put("products", 799, THEN, price="16.99", regular_price="19.99", sale_price="16.99", sku="SYI")
    ((row,), (page,)) = pulled(opened(), PRODUCTS)
    names = ("id", "sku", "parent_id", "title", "url", "category_path", "price_minor", "currency", "recommendable")
    assert {name: row[name] for name in names} == {
        "id": "799",
        "sku": "SYI",
        "parent_id": None,
        "title": "Ship Your Idea",
        "url": "https://example.com/product/ship-your-idea-22/",
        "category_path": "Clothing > T-shirts & more",
        "price_minor": 1699,
        "currency": "USD",
        "recommendable": True,
    }
    assert row["image_url"].endswith("T_4_front-11.jpg")
    assert row["description"].startswith("Pellentesque habitant")
    assert "799" in page.ids


@pytest.mark.parametrize("price", ["19.99", "16.99"])
def test_the_mapping_chooses_which_price(shop, opened, tmp_path, price):
    mapping = tmp_path / "woocommerce.toml"
    which = {"19.99": "regular_price", "16.99": "sale_price"}[price]
    mapping.write_text(woocommerce.MAPPING.read_text().replace('price = "price"', f'price = "{which}"'))
    shop.put("products", 1, THEN, price="1", regular_price="19.99", sale_price="16.99", variations=[])
    rows, _ = pulled(opened(mapping=mapping), PRODUCTS)
    assert [row["price_minor"] for row in rows] == [round(float(price) * 100)]


@pytest.mark.parametrize(
    ("more", "available", "published", "recommendable"),
    [
        ({}, True, True, True),
        ({"stock_status": "outofstock"}, False, True, True),
        ({"stock_status": "onbackorder", "stock_quantity": -2}, True, True, True),
        ({"status": "draft"}, True, False, True),
        ({"status": "private"}, True, False, True),
        ({"catalog_visibility": "hidden"}, True, True, False),
    ],
)
def test_what_can_be_bought_seen_and_recommended(shop, opened, more, available, published, recommendable):
    shop.put("products", 1, THEN, price="2", variations=[], **more)
    ((row,), _) = pulled(opened(), PRODUCTS)
    assert (row["available"], row["published"], row["recommendable"]) == (available, published, recommendable)


def test_variations_are_products_of_their_own_that_know_their_parent_and_are_not_recommended(shop, opened):
    shop.put("products", 22, THEN, price="", name="Tee", images=[{"src": "https://example.com/tee.jpg"}])
    for number in range(101, 251):
        shop.vary(22, number, price=str(number), stock_status="outofstock" if number == 103 else "instock")
    rows, (page,) = pulled(opened(), PRODUCTS)
    assert [row["id"] for row in rows] == [str(number) for number in (22, *range(101, 251))]
    assert (rows[0]["price_minor"], rows[0]["parent_id"], rows[0]["recommendable"]) == (10100, None, True)
    assert {(row["parent_id"], row["title"], row["image_url"], row["recommendable"]) for row in rows[1:]} == {
        ("22", "Tee - Black", "https://example.com/tee.jpg", False)
    }
    assert [row["id"] for row in rows if not row["available"]] == ["103"]
    assert len(page.ids) == 151
    assert len(shop.calls("/variations")) == 2


def test_a_price_that_is_none_makes_no_price_and_stops_nothing(shop, opened):
    shop.put("products", 22, THEN, price="")
    for number, price in ((101, "free"), (102, ""), (103, "7.50")):
        shop.vary(22, number, price=price)
    rows, (page,) = pulled(opened(), PRODUCTS)
    assert [(row["id"], row["price_minor"]) for row in rows] == [("22", 750), ("102", None), ("103", 750)]
    assert [(one.place, one.reason) for one in page.rejects] == [("products 101", "bad_price_minor")]


def test_variations_of_a_draft_are_not_published(shop, opened):
    shop.put("products", 22, THEN, price="2", status="draft")
    shop.vary(22, 101)
    assert [row["published"] for row in pulled(opened(), PRODUCTS)[0]] == [False, False]


def test_currency_and_categories_are_asked_for_once(shop, opened):
    shop.categories = {number: {"id": number, "name": f"C{number}", "parent": 0} for number in range(1, 202)}
    for number in range(1, 20):
        shop.put("products", number, THEN, price="2", variations=[], categories=[{"id": 201, "name": "C201"}])
    rows, _ = pulled(opened(page_records=5), PRODUCTS)
    assert {row["category_path"] for row in rows} == {"C201"}
    assert len(shop.calls("data/currencies")) == 1
    assert len(shop.calls("products/categories")) == 4


def test_categories_that_are_their_own_parents_have_their_own_names(shop, opened):
    shop.categories = {9: {"id": 9, "name": "A", "parent": 14}, 14: {"id": 14, "name": "B", "parent": 9}}
    shop.put("products", 1, THEN, price="2", variations=[], categories=[{"id": 9, "name": "A"}])
    assert [row["category_path"] for row in pulled(opened(), PRODUCTS)[0]] == ["A"]


def test_a_reduced_price_with_dates_is_an_offer_of_products_and_variations(shop, opened):
    sale = {"date_on_sale_from_gmt": "2026-02-01T00:00:00", "date_on_sale_to_gmt": "2026-02-08T00:00:00"}
    shop.put("products", 1, THEN, sale_price="1", variations=[], **sale)
    shop.put("products", 2, THEN, sale_price="", variations=[], **sale)
    shop.put("products", 3, THEN, sale_price="1", variations=[])
    shop.put("products", 4, THEN, sale_price="")
    shop.vary(4, 41, sale_price="1", **sale)
    rows, pages = pulled(opened(), OFFERS)
    times = {"starts_at": datetime(2026, 2, 1, tzinfo=UTC), "ends_at": datetime(2026, 2, 8, tzinfo=UTC)}
    assert rows == [{"product_id": one, "kind": "discount", **times, "announced_at": THEN} for one in ("1", "41")]
    assert not any(page.rejects for page in pages)  # a price without dates is no offer, and no bad one
