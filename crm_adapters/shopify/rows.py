"""Shopify's records as flat rows, which the mapping names the columns of.

What was bought and is not kept, refunded or taken out of the order, is the difference of a line's two quantities: so no
refund is read by itself, and none can be missed.
"""

from collections.abc import Mapping
from typing import Any

from crm_adapters.flat import flattened


def tail(gid: str) -> str:
    """The number in one of Shopify's ids.

    >>> tail("gid://shopify/Customer/544365967")
    '544365967'
    """
    return gid.rpartition("/")[2]


def customer(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row."""
    return [flattened({**raw, "id": tail(raw["id"])})]


def product(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for the product, which is what customers are shown, and one for each of its variants, if it has several.

    Its price is that of the cheapest variant; it is to be had if any of them is.
    """
    variants, price = raw["variants"], raw["priceRangeV2"]["minVariantPrice"]
    has_one = raw["hasOnlyDefaultVariant"]
    cheapest: Mapping[str, Any] = min(variants, key=lambda each: float(each["price"]), default={})
    head = {
        **raw,
        "id": tail(raw["id"]),
        "variants": None,
        "sku": cheapest.get("sku") if has_one else None,
        "price": price["amount"],
        "currency": price["currencyCode"],
        "compareAtPrice": cheapest.get("compareAtPrice"),
        "available": any(each["availableForSale"] for each in variants),
        "published": raw["status"] == "ACTIVE" and raw["publishedAt"] is not None,
        "category": (raw["category"] or {}).get("fullName") or raw["productType"],
        "recommendable": not raw["isGiftCard"],
    }
    return [flattened(head), *(flattened(_variant(head, each)) for each in variants if not has_one)]


def _variant(product: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Never recommended by itself: nobody wants the same shirt in six sizes in one mail."""
    own = {
        "id": f"{product['id']}/{tail(raw['id'])}",
        "parent": product["id"],
        "title": f"{product['title']} - {raw['title']}",
        "available": raw["availableForSale"],
        "recommendable": False,
    }
    return {**product, **raw, **own}


def order(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a line, the order's own columns repeated; an order without lines is a row without them."""
    head = {
        **raw,
        "id": tail(raw["id"]),
        "lineItems": None,
        "customer": {"id": tail(raw["customer"]["id"])} if raw["customer"] else {},
        "status": "CANCELLED" if raw["cancelledAt"] else raw["displayFinancialStatus"],
    }
    return [flattened({**head, "line": _line(each)}) for each in raw["lineItems"]] or [flattened(head)]


def _line(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **raw,
        "id": tail(raw["id"]),
        "product": {"id": tail(raw["product"]["id"])} if raw["product"] else {},
        "price": raw["discountedUnitPriceAfterAllDiscountsSet"]["shopMoney"]["amount"],
        "refunded": raw["quantity"] - raw["currentQuantity"],
    }
