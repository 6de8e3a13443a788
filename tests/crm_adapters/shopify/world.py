"""Shopify as a world of the conformance suite: the suite's records in Shopify's own form."""

from datetime import UTC, datetime

from crm_adapters.records import Stream
from crm_adapters.shopify.adapter import Shopify
from tests.crm_adapters.clock import Clock
from tests.crm_adapters.shopify.fake import SHOP, START, TOKEN, Fake
from tests.crm_adapters.shopify.listing import gid, iso

CONSENT = {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED", "pending": "PENDING", "never": "NOT_SUBSCRIBED"}
NEVER = 10**9


class World:
    streams = (Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS)
    page_records = 10
    by_change = True
    tells_deletions = False
    tells_merges = False

    def __init__(self, bulk_from=NEVER):
        self.clock, self.bulk_from = Clock(), bulk_from
        self.fake = Fake(self.clock)

    def clear(self):
        self.clock.time = START
        self.fake.forget()

    def open(self, **more):
        given = {"page_records": self.page_records, "bulk_from": self.bulk_from, **more}
        token, mapping = given.pop("token", TOKEN), given.pop("mapping", None)
        return Shopify(SHOP, token, mapping, transport=self.fake.transport(), clock=self.clock, **given)

    def put(self, stream, records):
        for record in records:
            getattr(self, f"put_{stream}")(record)

    def put_customers(self, record):
        state = CONSENT.get(record.get("consent_email"), "INVALID")
        address = {"emailAddress": record["email"], "marketingState": state, "marketingUpdatedAt": None}
        self.customer(record["id"], record["updated_at"], firstName=record["first_name"], defaultEmailAddress=address)

    def customer(self, identity, updated, **more):
        told = {
            "firstName": "Ann", "lastName": "Lee", "locale": "en", "tags": ["VIP"],
            "createdAt": "2025-01-01T00:00:00Z", "updatedAt": moment(updated), "defaultPhoneNumber": None,
            "defaultAddress": None, "defaultEmailAddress": None,
        }  # fmt: skip
        self.keep("customers", gid("Customer", identity), {**told, **more})

    def put_products(self, record):
        self.product(record["id"], record["updated_at"], record["price"], record["currency"], title=record["title"])

    def product(self, identity, updated, price="1.50", currency="EUR", **more):
        money = {"amount": price, "currencyCode": currency}
        told = {
            "title": "Tea", "description": "Green", "vendor": "Leaf", "productType": "Drinks", "tags": [],
            "status": "ACTIVE", "publishedAt": "2025-01-01T00:00:00Z", "onlineStoreUrl": None, "isGiftCard": False,
            "hasOnlyDefaultVariant": True, "createdAt": "2025-01-01T00:00:00Z", "updatedAt": moment(updated),
            "category": None, "featuredMedia": None,
            "priceRangeV2": {"minVariantPrice": money, "maxVariantPrice": money},
            "variants": [variant(f"{identity}1", 0, price)],
        }  # fmt: skip
        self.keep("products", gid("Product", identity), {**told, **more})

    def put_orders(self, record):
        identity = gid("Order", record["order_id"])
        lines = self.fake.records["orders"].get(identity, {}).get("lineItems", [])
        number = int(record["line_id"])
        one = line(number, record["product_id"], record["unit_price"], record["currency"], int(record["quantity"]))
        lines = [one, *(each for each in lines if each["number"] != number)]
        customer = {"id": gid("Customer", record["customer_id"])} if record["customer_id"] else None
        told = {"email": record["email"], "processedAt": record["placed_at"], "currencyCode": record["currency"]}
        self.order(record["order_id"], record["updated_at"], **told, customer=customer, lineItems=lines)

    def order(self, identity, updated, **more):
        told = {
            "name": f"#{identity}", "email": "ann@example.com", "processedAt": moment(updated), "cancelledAt": None,
            "displayFinancialStatus": "PAID", "currencyCode": "EUR", "test": False, "customer": None, "lineItems": [],
            "updatedAt": moment(updated),
        }  # fmt: skip
        self.keep("orders", gid("Order", identity), {**told, **more})

    def keep(self, kind, identity, told):
        own = told.pop("own", {})
        found = lambda info, namespace, key: own.get(f"{namespace}.{key}") and {"value": own[f"{namespace}.{key}"]}  # noqa: E731
        self.fake.records[kind][identity] = {"id": identity, "metafield": found, **told}

    def pushed(self):
        held = {}
        for (owner, namespace, key), value in self.fake.metafields.items():
            name = key if namespace == "handpicked" else f"{namespace}.{key}"
            held.setdefault(owner.rpartition("/")[2], {})[name] = value
        return held


def variant(identity, number, price, **more):
    told = {"sku": f"sku-{identity}", "title": "Default Title", "compareAtPrice": None, "availableForSale": True}
    times = {"createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-01-01T00:00:00Z"}
    own = {"id": gid("ProductVariant", identity), "number": number, "price": price}
    return {**own, **told, **times, **more}


def line(number, product, price="1.50", currency="EUR", quantity=1, **more):
    money = {"amount": price, "currencyCode": currency}
    told = {"title": "Tea", "quantity": quantity, "currentQuantity": quantity, "variant": None}
    own = {"id": gid("LineItem", number), "number": number, "product": {"id": gid("Product", product)}}
    return {**own, **told, "discountedUnitPriceAfterAllDiscountsSet": {"shopMoney": money}, **more}


def moment(value):
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return iso(at if at.tzinfo else at.replace(tzinfo=UTC))
