"""WooCommerce's records as flat rows, which the mapping names the columns of.

What its lists do not say is worked out here: what one piece cost after discounts, what came back of a line, the path of
a category, the title of a variation. Texts lose their HTML. Of the many metadata of a record, only those are kept that
the mapping names: the rest is the business of plugins.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

from crm_adapters.flat import flattened

Raw = Mapping[str, Any]
META, EPOCH = "meta.", datetime(1970, 1, 1, tzinfo=UTC)
TAG = re.compile(r"<[^>]*>")
SALE = ("date_on_sale_from_gmt", "date_on_sale_to_gmt")
REFUNDED_LINE = "_refunded_item_id"


def moment_of(raw: Raw) -> datetime:
    """The time of the last change, told in UTC without saying so; one that can't be read is told by the translation."""
    try:
        moment = datetime.fromisoformat(raw.get("date_modified_gmt") or raw.get("date_created_gmt") or "")
    except ValueError:
        return EPOCH
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def plain(text: Any) -> str | None:
    """A text without HTML.

    >>> plain("<p>Ship Your Idea &ndash; Black</p>")
    'Ship Your Idea – Black'
    """
    return " ".join(unescape(TAG.sub(" ", text)).split()) if isinstance(text, str) else None


def customer(raw: Raw, named: Collection[str]) -> dict[str, Any]:
    """One row."""
    return flattened(_own(raw, named))


def order(raw: Raw, refunds: Sequence[Raw], named: Collection[str]) -> list[dict[str, Any]]:
    """One row a line, the order's own columns repeated; without lines one row, which is rejected. A guest has no id."""
    back = _returned(refunds)
    head = {**_own(raw, named), "customer_id": raw.get("customer_id") or None}
    lines = [_line(line, back) for line in raw.get("line_items") or ()]
    return [flattened({**head, "line": line}) for line in lines] or [flattened(head)]


def product(raw: Raw, variations: Sequence[Raw], more: Raw, named: Collection[str]) -> list[dict[str, Any]]:
    """One row for a product, and one for each variation of it, which is sold, but recommended only with the whole.

    Args:
        raw: the product; one that has variations costs as much as the cheapest of them.
        variations: of it.
        more: columns of all of them.
        named: the columns that the mapping names.
    """
    prices = [cost for each in variations if (cost := _number(each.get("price"))) is not None]
    price = raw.get("price") or (format(min(prices), "f") if prices else None)
    hidden = raw.get("catalog_visibility") == "hidden"
    own = {"price": price, "parent_id": raw.get("parent_id") or None, "recommendable": not hidden}
    rows = [_sold(raw, {**own, "name": plain(raw.get("name")), "image": _first(raw.get("images"))}, named)]
    rows += [_sold(each, _variation(raw, each), named) for each in variations]
    return [flattened({**row, **more}) for row in rows]


def offers(raw: Raw, variations: Sequence[Raw], named: Collection[str]) -> list[dict[str, Any]]:
    """One row for each reduced price that has a beginning and an end.

    When it was announced is not told: by its last change it was there.
    """
    return [
        flattened({**_own(each, named), "announced": each.get("date_modified_gmt"), "kind": "discount"})
        for each in (raw, *variations)
        if each.get("sale_price") and all(each.get(name) for name in SALE)
    ]


def paths(categories: Sequence[Raw]) -> dict[int, str]:
    """The path of each category, widest first; one whose parents go round in a circle has only its own name."""
    known = {each["id"]: each for each in categories}
    return {identity: " > ".join(_path(known, identity)) for identity in known}


def deepest(raw: Raw, known: Mapping[int, str]) -> str | None:
    """The longest of the paths of a product's categories."""
    told = [known.get(each.get("id"), plain(each.get("name")) or "") for each in raw.get("categories") or ()]
    return max(told, key=lambda path: path.count(" > "), default=None)


def metadata(raw: Raw) -> dict[str, Any]:
    """A record's metadata; PHP writes a list that has lost one of its entries as an object."""
    told = raw.get("meta_data") or ()
    entries = told.values() if isinstance(told, Mapping) else told
    return {str(each["key"]): each.get("value") for each in entries if isinstance(each, Mapping) and "key" in each}


def _own(raw: Raw, named: Collection[str]) -> dict[str, Any]:
    """A record without its lists and links, with the metadata that are named."""
    kept = {name: value for name, value in raw.items() if not isinstance(value, list) and name != "_links"}
    return {**kept, "meta": {key: value for key, value in metadata(raw).items() if META + key in named}}


def _sold(raw: Raw, more: Raw, named: Collection[str]) -> dict[str, Any]:
    """What is sold by itself: what is on backorder can be had, too."""
    told = {"description": plain(raw.get("description")), "short_description": plain(raw.get("short_description"))}
    states = {"available": raw.get("stock_status") != "outofstock", "published": raw.get("status") == "publish"}
    return {**_own(raw, named), **told, **states, **more}


def _variation(parent: Raw, raw: Raw) -> dict[str, Any]:
    options = [str(each["option"]) for each in raw.get("attributes") or () if each.get("option")]
    title = " - ".join(filter(None, (plain(parent.get("name")), ", ".join(options))))
    is_shown = raw.get("status") == parent.get("status") == "publish"
    image = raw.get("image") or _first(parent.get("images"))
    parts = {"parent_id": parent["id"], "name": title, "image": image}
    return {**parts, "published": is_shown, "recommendable": False}


def _first(images: Any) -> Raw:
    return images[0] if images else {}


def _line(raw: Raw, back: Mapping[str, Decimal]) -> dict[str, Any]:
    kept = {name: value for name, value in raw.items() if not isinstance(value, list)}
    return {
        **kept,
        "name": plain(raw.get("name")),
        "product_id": raw.get("product_id") or None,  # 0: it was deleted
        "variation_id": raw.get("variation_id") or None,
        "unit_price": _each(raw, "total"),
        "unit_price_with_tax": _each(raw, "total", "total_tax"),
        "refunded": format(back.get(str(raw.get("id")), Decimal(0)), "f"),
    }


def _each(raw: Raw, *parts: str) -> str | None:
    """What one piece cost; None without a total, or without pieces."""
    sums, pieces = [_number(raw.get(part)) for part in parts], _number(raw.get("quantity"))
    known = [one for one in sums if one is not None]
    return format(sum(known) / pieces, "f") if pieces and len(known) == len(parts) else None


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _returned(refunds: Sequence[Raw]) -> dict[str, Decimal]:
    """How many pieces came back of each line; a refund counts them below 0."""
    back: dict[str, Decimal] = {}
    for line in (line for refund in refunds for line in refund.get("line_items") or ()):
        about = str(metadata(line).get(REFUNDED_LINE))
        back[about] = back.get(about, Decimal(0)) + abs(_number(line.get("quantity")) or Decimal(0))
    return back


def _path(known: Mapping[int, Raw], identity: int) -> list[str]:
    names: list[str] = []
    at, met = identity, set[int]()
    while at in known and at not in met:
        met.add(at)
        names.insert(0, plain(known[at].get("name")) or "")
        at = known[at].get("parent") or 0
    return names if at not in met else names[-1:]
