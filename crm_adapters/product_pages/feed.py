"""Turn the items of Google Merchant feeds into rows: what a product is, what it costs now, and how long.

Source: Google's product data specification. Prices are "19.99 EUR"; a sale price holds within
`sale_price_effective_date` (start/end, ISO 8601), and always where that is missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm_adapters.product_pages import offers
from crm_adapters.product_pages.jsonld import prose, text
from crm_adapters.product_pages.urls import joined

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Sale:
    """What is paid for a while, or for good.

    Attributes:
        starts: None: it has always been so.
        ends: None: it stays so.
    """

    starts: datetime | None = None
    ends: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is on."""
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


def row_of(values: Mapping[str, str], base: str, allowed: Callable[[str], bool], now: datetime) -> dict[str, str]:
    """Turn an item into a row; what it says under other names stays beside.

    Args:
        values: of the item.
        base: what relative urls are counted from.
        allowed: whether a url is on the shop's hosts.
        now: the moment whose price is asked for.
    """
    url = joined(base, values.get("link"))
    google = values.get("google_product_category", "")
    found = {
        "title": text(values.get("title")),
        "description": prose(values.get("description")),
        "url": url if url and allowed(url) else None,
        "image": joined(base, values.get("image_link")),
        "group": values.get("item_group_id"),
        "category": _path(values.get("product_type") or ("" if google.isdigit() else google)),
        "sku": values.get("sku") or values.get("id"),
        **offers.availability(values.get("availability")),
        **_paid(values, now),
    }
    kept = {name: told for name, told in values.items() if name not in ("price", "sale_price", *found)}
    return kept | {name: told for name, told in found.items() if told}


def _paid(values: Mapping[str, str], now: datetime) -> dict[str, str | None]:
    """The price of now, and when a sale begins and ends."""
    regular = offers.amount(values.get("price"), values.get("currency"))
    if not values.get("sale_price") or (sale := sale_of(values)) is None:
        return regular
    reduced = offers.amount(values["sale_price"], regular.get("currency"))
    told: dict[str, str | None] = {
        "sale_price": reduced.get("price"),
        "sale_starts": sale.starts.isoformat() if sale.starts else None,
        "sale_ends": sale.ends.isoformat() if sale.ends else None,
    }
    return told | ({**reduced, "list_price": regular.get("price")} if sale.holds(now) else regular)


def sale_of(values: Mapping[str, str]) -> Sale | None:
    """When the sale price holds; None: that can't be read, and so it does not."""
    told = values.get("sale_price_effective_date", "")
    if not told:
        return Sale()
    starts, slash, ends = told.partition("/")
    try:
        return Sale(_moment(starts), _moment(ends, is_end=True)) if slash else None
    except (ValueError, OverflowError):
        return None


def _moment(written: str, *, is_end: bool = False) -> datetime:
    """A moment; a day alone lasts to its end, and without a zone it is UTC."""
    read = datetime.fromisoformat(written.strip())
    if is_end and len(written.strip()) == len("2026-01-01"):
        read += DAY
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def next_change(row: Mapping[str, str], now: datetime) -> datetime | None:
    """When the price of a row changes by itself, because a sale begins or ends."""
    moments = (datetime.fromisoformat(row[name]) for name in ("sale_starts", "sale_ends") if name in row)
    return min((moment for moment in moments if moment > now), default=None)


def _path(category: str) -> str | None:
    return " > ".join(part.strip() for part in category.split(">") if part.strip()) or None
