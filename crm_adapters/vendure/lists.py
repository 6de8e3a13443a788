"""The lists of Vendure's Admin API that are read: which fields are asked for, and how items become flat rows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_adapters.flat import flattened
from crm_adapters.records import Stream

CUSTOM = "customFields."
CUSTOMER = """id createdAt updatedAt firstName lastName emailAddress phoneNumber
  addresses { streetLine1 city province postalCode country { code } defaultBillingAddress }"""
PRODUCT = """id createdAt updatedAt name slug description enabled featuredAsset { preview }
  collections { breadcrumbs { name } } facetValues { name facet { code } }
  variants { sku priceWithTax currencyCode stockLevel enabled }"""
ORDER = """id code createdAt updatedAt state orderPlacedAt currencyCode customer { id emailAddress }
  lines { id quantity orderPlacedQuantity proratedUnitPriceWithTax productVariant { sku name product { id } } }
  payments { refunds { state lines { orderLineId quantity } } }"""


@dataclass(frozen=True)
class Listing:
    """One list of the API.

    Attributes:
        kind: of its records, as the API names them.
        name: of the query.
        fields: that are asked for.
        rows: make flat rows of an item.
        unique: a field that no two records share, to bring those of equal time into an order. The API sorts by fields
            in the order of its schema, whatever a query says; there it must stand behind `updatedAt`, as `id` does not.
        only: which items are asked for.
        by_change: whether all that we read of a record changes its `updatedAt`.
    """

    kind: str
    name: str
    fields: str
    rows: Callable[[Mapping[str, Any]], list[dict[str, Any]]]
    unique: str
    only: Mapping[str, Any]
    by_change: bool = True


def listings(customer_columns: Iterable[str]) -> dict[Stream, Listing]:
    """The lists by stream.

    Args:
        customer_columns: that the mapping reads of customers; custom fields are asked for only if it names them.
    """
    own = sorted(name.removeprefix(CUSTOM) for name in customer_columns if name.startswith(CUSTOM))
    customer = CUSTOMER + (f" customFields {{ {' '.join(own)} }}" if own else "")
    placed = {"orderPlacedAt": {"isNull": False}}
    return {
        Stream.CUSTOMERS: Listing("Customer", "customers", customer, _customer, "emailAddress", {}),
        Stream.PRODUCTS: Listing("Product", "products", PRODUCT, _product, "slug", {}, by_change=False),
        Stream.ORDERS: Listing("Order", "orders", ORDER, _order, "code", placed),
    }


def _customer(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    homes = raw.get("addresses") or []
    home = next((each for each in homes if each.get("defaultBillingAddress")), homes[0] if homes else {})
    return [flattened({**raw, "addresses": None, "address": home})]


def _product(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a product: the price of its first variant, in stock if any variant is."""
    variants = [each for each in raw["variants"] if each["enabled"]] or raw["variants"]
    paths: list[list[str]] = [[part["name"] for part in each["breadcrumbs"][1:]] for each in raw["collections"]]
    facets = {value["facet"]["code"]: value["name"] for value in raw["facetValues"]}
    told = {
        "variant": variants[0] if variants else {},
        "available": any(each["stockLevel"] != "OUT_OF_STOCK" for each in variants),
        "category": max((" > ".join(path) for path in paths), key=len, default=None),
        "facets": facets,
    }
    left_out = dict.fromkeys(("variants", "collections", "facetValues"))
    return [flattened({**raw, **left_out, **told})]


def _order(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a line, the order's own columns repeated."""
    refunds = [each for payment in raw["payments"] or () for each in payment["refunds"] if each["state"] != "Failed"]
    back: dict[str, int] = {}
    for line in (line for refund in refunds for line in refund["lines"]):
        back[line["orderLineId"]] = back.get(line["orderLineId"], 0) + line["quantity"]
    head = {**raw, "lines": None, "payments": None}
    return [flattened({**head, "line": {**line, "refunded": back.get(line["id"], 0)}}) for line in raw["lines"]] or [
        flattened(head)
    ]
