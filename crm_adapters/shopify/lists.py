"""The lists of Shopify's Admin API that are read: which fields are asked for, and how a record takes its place."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from crm_adapters.errors import BadMapping, BadSource
from crm_adapters.in_order import Row
from crm_adapters.records import Stream
from crm_adapters.shopify.fields import NAME, parts
from crm_adapters.shopify.rows import customer, order, product, tail

CUSTOMER = """id firstName lastName locale tags createdAt updatedAt
  defaultEmailAddress { emailAddress marketingState marketingUpdatedAt } defaultPhoneNumber { phoneNumber }
  defaultAddress { address1 city province zip countryCodeV2 }"""
PRODUCT = """id title description vendor productType tags status publishedAt onlineStoreUrl isGiftCard
  hasOnlyDefaultVariant createdAt updatedAt category { fullName } featuredMedia { preview { image { url } } }
  priceRangeV2 { minVariantPrice { amount currencyCode } }"""
VARIANT = "id sku title price compareAtPrice availableForSale createdAt updatedAt"
ORDER = """id name email processedAt updatedAt cancelledAt displayFinancialStatus currencyCode test
  customer { id }"""
LINE = """id title quantity currentQuantity product { id } variant { id sku }
  discountedUnitPriceAfterAllDiscountsSet { shopMoney { amount } }"""
OWN, ALIAS = "metafields.", "own_"
MORE = "pageInfo { hasNextPage endCursor }"


@dataclass(frozen=True)
class Listing:
    """One list of the API.

    Attributes:
        name: of the query, for example `orders`.
        fields: that are asked for.
        rows: make flat rows of a record.
        size: records of a page, so that it costs less than a question may.
        inner: the list within each record, if any.
        inner_fields: of that list.
        inner_size: how many of that list come with the record; the others are asked for.
        own: metafields that are asked for, as namespace.key.
    """

    name: str
    fields: str
    rows: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    size: int
    inner: str = ""
    inner_fields: str = ""
    inner_size: int = 10
    own: tuple[str, ...] = ()

    @property
    def one(self) -> str:
        """The query of one record."""
        return self.name.removesuffix("s")

    @property
    def scope(self) -> str:
        """What the token must be allowed."""
        return f"read_{self.name}"

    @property
    def page(self) -> str:
        """A page, in the order of changes."""
        inner = f"{self.inner}(first: {self.inner_size}) {{ nodes {{ {self.inner_fields} }} {MORE} }}"
        return f"""query ($first: Int!, $after: String, $query: String) {{
  {self.name}(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{ {self.fields} {inner if self.inner else ""} }} {MORE}
  }}
}}"""

    @property
    def more(self) -> str:
        """More of the list within one record."""
        inner = f"{self.inner}(first: $first, after: $after) {{ nodes {{ {self.inner_fields} }} {MORE} }}"
        return f"query ($id: ID!, $first: Int!, $after: String) {{ {self.one}(id: $id) {{ {inner} }} }}"

    @property
    def bulk(self) -> str:
        """All of it, for a bulk operation."""
        inner = f"{self.inner} {{ edges {{ node {{ {self.inner_fields} }} }} }}" if self.inner else ""
        return f"{{ {self.name} {{ edges {{ node {{ {self.fields} {inner} }} }} }} }}"

    @property
    def count(self) -> str:
        """How many there are."""
        return f"{{ counted: {self.name}Count(limit: null) {{ count }} }}"

    def row(self, raw: Mapping[str, Any]) -> Row:
        """A record and its place; equal ones are to look equal, whatever way they came."""
        told = {name: value for name, value in raw.items() if name != self.inner and not name.startswith(ALIAS)}
        if self.own:
            values = [raw.get(f"{ALIAS}{number}") or {} for number in range(len(self.own))]
            told["metafields"] = {name: value.get("value") for name, value in zip(self.own, values, strict=True)}
        if self.inner:
            told[self.inner] = sorted(raw[self.inner], key=lambda each: _number(each["id"]))
        return Row(moment_of(raw["updatedAt"]), tail(raw["id"]), json.loads(json.dumps(told, sort_keys=True)))


def with_metafields(asked: Listing, columns: Iterable[str]) -> Listing:
    """A list of which metafields are asked for too: those that a mapping names, as `metafields.custom.birth_date`.

    Raises:
        BadMapping: one has no namespace, or signs that no metafield's name has.
    """
    own = tuple(sorted(name.removeprefix(OWN) for name in columns if name.startswith(OWN)))
    for name in own:
        if not NAME.fullmatch(name):
            raise BadMapping(f"{OWN}{name} is no metafield", remedy=f'write it like "{OWN}custom.birth_date"')
    named = [
        f'{ALIAS}{number}: metafield(namespace: "{each["namespace"]}", key: "{each["key"]}") {{ value }}'
        for number, each in enumerate(map(parts, own))
    ]
    return replace(asked, fields=" ".join([asked.fields, *named]), own=own)


def moment_of(text: str) -> datetime:
    """A time.

    Raises:
        BadSource: it is none.
    """
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise BadSource(f"Shopify tells a time that is none: {text!r}", remedy="look at the record there") from error


def _number(gid: str) -> tuple[int, str]:
    number = tail(gid)
    return (int(number) if number.isdigit() else 0, number)


LISTINGS = {
    Stream.CUSTOMERS: Listing("customers", CUSTOMER, customer, 100),
    Stream.PRODUCTS: Listing("products", PRODUCT, product, 20, "variants", VARIANT),
    Stream.ORDERS: Listing("orders", ORDER, order, 10, "lineItems", LINE),
}
