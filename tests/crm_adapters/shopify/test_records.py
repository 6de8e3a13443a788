"""What becomes of Shopify's records: customers and consent, products and variants, orders and what came back."""

import json
from datetime import UTC, datetime

import pytest

from crm_adapters.errors import BadMapping
from crm_adapters.records import Stream
from tests.crm_adapters.shopify.listing import gid
from tests.crm_adapters.shopify.world import line, variant

CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


def rows(adapter, stream):
    return [row for page in adapter.pull(stream, None) for row in page.rows.to_pylist()]


def only(adapter, stream):
    (row,) = rows(adapter, stream)
    return row


def test_a_customer_arrives_with_address_consent_and_tags(world):
    email = {"emailAddress": "ann@example.com", "marketingState": "SUBSCRIBED"}
    home = {"address1": "1 Hill St", "city": "Ottawa", "province": "Ontario", "zip": "K1A", "countryCodeV2": "CA"}
    world.customer(
        "7",
        THEN,
        defaultEmailAddress={**email, "marketingUpdatedAt": "2025-12-01T09:00:00-05:00"},
        defaultAddress=home,
        defaultPhoneNumber={"phoneNumber": "+16135551111"},
    )
    row = only(world.open(), CUSTOMERS)
    told = {"id": "7", "email": "ann@example.com", "phone": "+16135551111", "first_name": "Ann", "country": "CA"}
    told |= {"region": "Ontario", "city": "Ottawa", "postcode": "K1A", "street": "1 Hill St", "locale": "en"}
    told |= {"consent_email": "subscribed", "consent_at": datetime(2025, 12, 1, 14, tzinfo=UTC), "updated_at": THEN}
    assert {name: row[name] for name in told} == told
    assert json.loads(row["tags"]) == ["VIP"]


@pytest.mark.parametrize(
    ("state", "consent"),
    [
        ("SUBSCRIBED", "subscribed"),
        ("UNSUBSCRIBED", "unsubscribed"),
        ("NOT_SUBSCRIBED", "never"),
        ("PENDING", "pending"),
        ("INVALID", "unknown"),
    ],
)
def test_each_state_of_consent_is_one_of_ours(world, state, consent):
    email = {"emailAddress": "ann@example.com", "marketingState": state, "marketingUpdatedAt": None}
    world.customer("7", THEN, defaultEmailAddress=email)
    assert only(world.open(), CUSTOMERS)["consent_email"] == consent


def test_a_customer_without_an_address_has_agreed_to_nothing(world):
    world.customer("7", THEN)
    row = only(world.open(), CUSTOMERS)
    assert (row["email"], row["consent_email"]) == (None, "unknown")


@pytest.mark.parametrize("bulk_from", [0, 10**9], ids=["bulk", "pages"])
def test_metafields_that_a_mapping_names_are_read(world, tmp_path, bulk_from):
    world.customer("7", THEN, own={"facts.birth_date": "1990-05-01", "custom.tier": "gold"})
    world.customer("8", THEN, own={"custom.tier": "silver"})
    mapping = tmp_path / "own.toml"
    own = 'birth_date = "metafields.facts.birth_date"\n"attributes.tier" = "metafields.custom.tier"\n'
    mapping.write_text(f'[customers]\nid = "id"\n{own}')
    pages = list(world.open(mapping=mapping, bulk_from=bulk_from).pull(CUSTOMERS, None))
    found = {row["id"]: (row["birth_date"], json.loads(row["attributes"])) for row in pages[0].rows.to_pylist()}
    assert found == {"7": ("1990-05-01", {"tier": "gold"}), "8": (None, {"tier": "silver"})}
    assert list(world.open(mapping=mapping).pull(CUSTOMERS, pages[-1].cursor)) == []


@pytest.mark.parametrize("name", ["tier", 'custom.x") { value } evil(a: "', "custom.", "custom.a b"])
def test_a_metafield_that_can_not_be_is_refused(world, tmp_path, name):
    mapping = tmp_path / "own.toml"
    mapping.write_text(f"[customers]\nid = \"id\"\nbirth_date = 'metafields.{name}'\n")
    with pytest.raises(BadMapping, match=r"is no metafield; write it like"):
        world.open(mapping=mapping)


def test_a_product_of_one_variant_is_one_row(world):
    picture = {"__typename": "MediaImage", "preview": {"image": {"url": "https://cdn.example.com/tea.png"}}}
    world.product(
        "3",
        THEN,
        "19.99",
        "EUR",
        category={"fullName": "Food > Tea"},
        featuredMedia=picture,
        onlineStoreUrl="https://tea.example.com/products/tea",
        variants=[variant("31", 0, "19.99", compareAtPrice="25.00")],
    )
    row = only(world.open(), PRODUCTS)
    told = {"id": "3", "sku": "sku-31", "parent_id": None, "title": "Tea", "price_minor": 1999, "currency": "EUR"}
    told |= {"category_path": "Food > Tea", "brand": "Leaf", "image_url": "https://cdn.example.com/tea.png"}
    told |= {"url": "https://tea.example.com/products/tea", "available": True, "published": True}
    assert {name: row[name] for name in told} == told
    assert row["recommendable"]
    assert json.loads(row["attributes"])["compare_at_price"] == "25.00"


def test_variants_are_rows_of_their_product_and_not_recommended(world):
    own = [
        variant("31", 0, "30.00", title="Large", availableForSale=False),
        variant("32", 1, "20.00", title="Small", availableForSale=True),
    ]
    world.product("3", THEN, "20.00", hasOnlyDefaultVariant=False, variants=own)
    product, large, small = rows(world.open(), PRODUCTS)
    assert (product["id"], product["price_minor"], product["available"], product["sku"]) == ("3", 2000, True, None)
    assert [each["id"] for each in (large, small)] == ["3/31", "3/32"]
    assert [each["parent_id"] for each in (product, large, small)] == [None, "3", "3"]
    assert [each["recommendable"] for each in (product, large, small)] == [True, False, False]
    assert (large["title"], large["price_minor"], large["available"], large["sku"]) == (
        "Tea - Large",
        3000,
        False,
        "sku-31",
    )
    assert small["currency"] == "EUR"


@pytest.mark.parametrize(
    ("more", "published", "recommendable"),
    [
        ({}, True, True),
        ({"status": "DRAFT"}, False, True),
        ({"status": "ARCHIVED"}, False, True),
        ({"publishedAt": None}, False, True),
        ({"isGiftCard": True}, True, False),
    ],
)
def test_what_is_not_shown_is_not_published_and_gift_cards_are_not_recommended(world, more, published, recommendable):
    world.product("3", THEN, **more)
    row = only(world.open(), PRODUCTS)
    assert (row["published"], row["recommendable"]) == (published, recommendable)


def test_an_order_is_a_row_a_line_with_what_was_paid_and_what_came_back(world):
    lines = [
        line(1, "3", "17.99", quantity=3, currentQuantity=1),
        {**line(2, "4", "5.00"), "product": None},
    ]
    world.order("9", THEN, customer={"id": gid("Customer", "7")}, lineItems=lines)
    first, second = rows(world.open(), ORDERS)
    told = {"order_id": "9", "customer_id": "7", "line_id": "1", "product_id": "3", "quantity": 3.0}
    told |= {"unit_price_minor": 1799, "refunded_quantity": 2.0, "status": "paid", "currency": "EUR", "test": False}
    assert {name: first[name] for name in told} == told
    assert (second["line_id"], second["product_id"], second["title"], second["refunded_quantity"]) == (
        "2",
        None,
        "Tea",
        0.0,
    )


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"displayFinancialStatus": "PAID"}, "paid"),
        ({"displayFinancialStatus": "PARTIALLY_REFUNDED"}, "paid"),
        ({"displayFinancialStatus": "PENDING"}, "placed"),
        ({"displayFinancialStatus": "AUTHORIZED"}, "placed"),
        ({"displayFinancialStatus": "PARTIALLY_PAID"}, "placed"),
        ({"displayFinancialStatus": None}, "placed"),
        ({"displayFinancialStatus": "REFUNDED"}, "refunded"),
        ({"displayFinancialStatus": "VOIDED"}, "cancelled"),
        ({"displayFinancialStatus": "EXPIRED"}, "cancelled"),
        ({"displayFinancialStatus": "PAID", "cancelledAt": "2026-01-06T10:00:00Z"}, "cancelled"),
    ],
)
def test_each_state_of_an_order_is_one_of_ours(world, more, status):
    world.order("9", THEN, lineItems=[line(1, "3")], **more)
    assert only(world.open(), ORDERS)["status"] == status


def test_a_test_order_says_that_it_is_one_so_that_nobody_learns_from_it(world):
    world.order("9", THEN, test=True, lineItems=[line(1, "3")])
    assert only(world.open(), ORDERS)["test"] is True


def test_an_order_without_lines_is_rejected_and_counted(world):
    world.order("9", THEN)
    (page,) = world.open().pull(ORDERS, None)
    assert (page.rows.num_rows, [each.place for each in page.rejects]) == (0, ["orders 9"])


def test_every_column_that_the_mapping_names_is_there(world):
    email = {
        "emailAddress": "a@example.com",
        "marketingState": "SUBSCRIBED",
        "marketingUpdatedAt": "2025-12-01T09:00:00Z",
    }
    home = {"address1": "1 Hill St", "city": "Ottawa", "province": "Ontario", "zip": "K1A", "countryCodeV2": "CA"}
    phone = {"phoneNumber": "+16135551111"}
    world.customer("7", THEN, defaultEmailAddress=email, defaultAddress=home, defaultPhoneNumber=phone)
    picture = {"__typename": "MediaImage", "preview": {"image": {"url": "https://cdn.example.com/tea.png"}}}
    shown = {"featuredMedia": picture, "onlineStoreUrl": "https://tea.example.com/products/tea"}
    own = [variant("31", 0, "1.00", compareAtPrice="2.00"), variant("32", 1, "1.00")]
    world.product("3", THEN, hasOnlyDefaultVariant=False, variants=own, **shown)
    world.order("9", THEN, customer={"id": gid("Customer", "7")}, lineItems=[line(1, "3")])
    adapter = world.open()
    for stream in adapter.streams():
        (page,) = adapter.pull(stream, None)
        named = {field.column for field in adapter.mapping.stream(stream).fields.values()}
        there = {name for row in page.sample for name, value in row.items() if value is not None}
        assert named <= there
