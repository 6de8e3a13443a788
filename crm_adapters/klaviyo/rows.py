"""Klaviyo's records as flat rows, which the mapping names the columns of.

What is assumed, as Klaviyo's specification leaves it open:
- The lines of an order are a list in the properties of its event: `Items`, as Klaviyo's guides have it, or
  `$extra.line_items`, as its Shopify app sends.
- An order's number is the property `OrderId`, else `$event_id`, else the event's own id; a guest's address is `$email`.
- An attribute without a value is null (it is said to be nullable, not that it is always there); one that all of a page
  lack has vanished.
- Amounts are in the currency that the event or the catalog item names, else in the account's own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crm_adapters.flat import flattened

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURRENCIES = ("$currency_code", "value_currency", "currency")


def moment_of(raw: Mapping[str, Any], name: str) -> datetime:
    """The time that a record is ordered by; what can't be read is told by the translation."""
    told = raw["attributes"]
    try:
        moment = datetime.fromisoformat(told.get(name) or told.get("created") or EPOCH.isoformat())
    except ValueError:
        return EPOCH
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def order(raw: Mapping[str, Any], currency: str) -> list[dict[str, Any]]:
    """One row a line, the order's own columns repeated; without lines one row, which is rejected."""
    told: Mapping[str, Any] = raw["attributes"].get("event_properties") or {}
    profile = ((raw.get("relationships") or {}).get("profile") or {}).get("data") or {}
    head = {
        "id": raw["id"],
        "order": told.get("OrderId") or told.get("$event_id") or raw["id"],
        "datetime": raw["attributes"].get("datetime"),
        "profile": profile.get("id"),
        "currency": next((told[name] for name in CURRENCIES if told.get(name)), currency),
        "properties": {name: value for name, value in told.items() if not isinstance(value, list | dict)},
    }
    lines = told.get("Items") or (told.get("$extra") or {}).get("line_items") or ()
    return [flattened({**head, "line": line}) for line in lines if isinstance(line, Mapping)] or [flattened(head)]


def profile(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Who is suppressed gets no marketing, whatever was consented to; without a word of either, there is no column."""
    told = {name: value for name, value in raw["attributes"].items() if name != "subscriptions"}
    marketing = ((raw["attributes"].get("subscriptions") or {}).get("email") or {}).get("marketing") or {}
    consent = "SUPPRESSED" if marketing.get("suppression") else marketing.get("consent")
    known = {"consent": consent} if "subscriptions" in raw["attributes"] else {}
    left_out = ("suppression", "list_suppressions")
    kept = {name: value for name, value in marketing.items() if name not in left_out}
    return flattened({**told, "id": raw["id"], **known, "marketing": kept})


def product(raw: Mapping[str, Any], included: Mapping[str, Mapping[str, Any]], currency: str) -> dict[str, Any]:
    """One row an item: the price of its first variant where it has none itself, in stock if any variant is."""
    told, own = raw["attributes"], ((raw.get("relationships") or {}).get("variants") or {}).get("data") or ()
    variants = [included[each["id"]] for each in own if each["id"] in included]
    variants = [each for each in variants if each.get("published") is not False] or variants
    price = next((each["price"] for each in (told, *variants) if each.get("price") is not None), None)
    more = {
        "id": raw["id"],
        "variant": variants[0] if variants else {},
        "price": price,
        "currency": (told.get("custom_metadata") or {}).get("currency") or currency,
        "available": not variants or any(map(_in_stock, variants)),
    }
    return flattened({**told, **more})


def _in_stock(variant: Mapping[str, Any]) -> bool:
    """Policy 1 hides what is out of stock; the others sell it all the same."""
    return variant.get("inventory_policy") != 1 or variant.get("inventory_quantity") != 0
