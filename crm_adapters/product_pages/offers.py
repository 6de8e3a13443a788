"""Read what is to be paid, and whether it can be had: offers in the forms that shops give them."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from crm_adapters.product_pages.amounts import currency_in, plain
from crm_adapters.product_pages.jsonld import Node, several, text, types_of

AVAILABLE = {"instock", "limitedavailability", "onlineonly", "preorder", "presale", "backorder", "madetoorder",
             "available", "availablefororder", "availableforpreorder", "lowstock"}  # fmt: skip
GONE = {"outofstock", "soldout", "discontinued", "oos", "instoreonly", "unavailable", "reserved", "outstock"}
CROSSED_OUT = {"listprice", "strikethroughprice", "msrp", "srp", "suggestedretailprice", "minimumadvertisedprice"}
"""Kinds of price that nobody pays."""


def read(node: Node) -> dict[str, str | None]:
    """Amount, currency, and availability of a product: of its cheapest offer among those that can be had."""
    found = [_offer(each) for each in _offers(node)]
    priced = [each for each in found if each.get("price")]
    there = [each for each in priced if each.get("available") != "false"]
    best = min(there or priced, key=_size, default=next(iter(found), {}))
    if any(each.get("available") == "true" for each in found):
        best = {**best, "available": "true"}
    return {name: value for name, value in best.items() if value}


def _offers(node: Node) -> Iterator[Node]:
    """Each offer; those within an aggregate, if they are told there, else the aggregate as one."""
    for each in several(node.get("offers")):
        if not isinstance(each, dict):
            continue
        within = [one for one in several(each.get("offers")) if isinstance(one, dict)]
        shared = {key: each[key] for key in ("priceCurrency", "availability") if key in each}
        if within and any(_offer({**shared, **one}).get("price") for one in within):
            yield from ({**shared, **one} for one in within)
        else:
            yield each


def _offer(offer: Node) -> dict[str, str | None]:
    told = offer.get("price")
    currency = text(offer.get("priceCurrency"))
    if told in (None, "", []):
        told = offer.get("lowPrice")
    if told in (None, "", []):
        told, inner = _specified(offer)
        currency = inner or currency
    found = amount(_first(told), currency)
    crossed = _crossed_out(offer)
    if crossed and found.get("price"):
        found["list_price"] = plain(crossed, found.get("currency"))
    stock = _first(offer.get("availability"))
    if isinstance(stock, dict):
        stock = stock.get("@id")
    return {**found, **availability(stock if isinstance(stock, str) else None)}


def _specified(offer: Node) -> tuple[Any, str | None]:
    """The amount that is paid by everybody for one piece, among the specifications of an offer."""
    for each in several(offer.get("priceSpecification")):
        if isinstance(each, dict) and not _is_special(each):
            told = next((each[key] for key in ("price", "minPrice") if each.get(key) not in (None, "")), None)
            if told is not None:
                return told, text(each.get("priceCurrency"))
    return None, None


def _is_special(specification: Node) -> bool:
    if _kind(specification) in CROSSED_OUT or "validForMemberTier" in specification:
        return True
    return "referenceQuantity" in specification or "DeliveryChargeSpecification" in types_of(specification)


def _crossed_out(offer: Node) -> Any:
    given = (each for each in several(offer.get("priceSpecification")) if isinstance(each, dict))
    return next((_first(each.get("price")) for each in given if _kind(each) in CROSSED_OUT), None)


def _kind(specification: Node) -> str:
    return _word(text(specification.get("priceType")) or "")


def _first(value: Any) -> Any:
    return next((each for each in several(value) if each not in (None, "")), None)


def amount(told: Any, currency: str | None) -> dict[str, str | None]:
    """Price and currency; an amount that can't be read stays as it is written, to be rejected with its words."""
    if isinstance(told, dict):
        told = text(told)
    if told is None:
        return {"currency": _code(currency)} if currency else {}
    code = _code(currency) or (currency_in(told) if isinstance(told, str) else None)
    return {"price": plain(told, code) or f"unclear: {str(told)[:100]}", "currency": code}


def _code(currency: str | None) -> str | None:
    """The code of a currency, also of one that is written as its sign."""
    return currency_in(currency.upper()) if currency else None


def availability(told: str | None) -> dict[str, str | None]:
    """Whether it can be had, and the word for it; nothing, where it is not said."""
    word = _word(told or "")
    known = {"true": word in AVAILABLE, "false": word in GONE}
    return {"availability": word or None, "available": next((name for name, is_so in known.items() if is_so), None)}


def _word(told: str) -> str:
    """The last part of a term, in small letters alone: https://schema.org/InStock, in stock, in_stock -> instock."""
    return re.sub("[^a-z]", "", told.strip().rstrip("/").rpartition("/")[2].rpartition("#")[2].lower())[:60]


def _size(offer: Mapping[str, str | None]) -> Decimal:
    price = offer.get("price") or ""
    return Decimal(price) if price[:1].isdigit() else Decimal("Infinity")
