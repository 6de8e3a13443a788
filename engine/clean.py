"""Clean: duplicates, returns, absurd quantities and prices, missing values; what was changed is counted by reason."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.aliases import find_aliases
from engine.dataset import as_text, require
from engine.returns import net_returns

MOST_UNITS = 1000.0
MOST_TIMES_USUAL = 100.0
FIRST_SHOP = pd.Timestamp("1990-01-01", tz="UTC")
"""No order is older than the first web shop; such a time is a clock that stood at zero."""

WHO_WHAT_WHEN = ["customer_id", "order_id", "product_id", "at"]
Counts = list[tuple[str, int, str]]


@dataclass(frozen=True)
class Cleaned:
    """Clean frames, who is the same person, and what was done.

    Attributes:
        purchases: the lines kept, in the order given; quantity above 0, a price that can't be is missing.
        products: each product once.
        customers: each customer once, without aliases.
        aliases: alias_id, customer_id, reason: the first is another record of the second.
        report: reason, count, what.
    """

    purchases: pd.DataFrame
    products: pd.DataFrame
    customers: pd.DataFrame | None
    aliases: pd.DataFrame
    report: pd.DataFrame


def clean(purchases: pd.DataFrame, products: pd.DataFrame, customers: pd.DataFrame | None) -> Cleaned:
    """Clean the frames of a shop; nothing is dropped without being counted.

    Args:
        purchases: customer_id, order_id, product_id, at, quantity (below 0: a return), price_minor (of one unit).
        products: product_id, category_path.
        customers: customer_id, and what else is known of each; None if nothing is.

    Raises:
        BadFrame: a column is missing.
    """
    require(purchases, (*WHO_WHAT_WHEN, "quantity", "price_minor"))
    require(products, ("product_id", "category_path"))
    counts: Counts = []
    people = None if customers is None else _each_once(customers, "customer", counts)
    aliases = find_aliases(people)
    counts.append(
        ("duplicate customer", len(aliases), "merged into the oldest record with the same address, or phone and name")
    )
    bought = _sound_lines(_owners(purchases, aliases), counts)
    netted = net_returns(bought)
    counts.append(("return", netted.returns, "netted against the purchase"))
    counts.append(("return without purchase", netted.unmatched, "left out; what had been bought is taken off"))
    bought = _sound_prices(netted.purchases, counts)
    listed = _each_once(products, "product", counts)
    unplaced = as_text(listed["category_path"]).str.strip() == ""
    counts.append(("product without category", int(unplaced.sum()), "kept; content can't place it"))
    if people is not None:
        people = people.loc[~people["customer_id"].isin(aliases["alias_id"])]
    return Cleaned(bought, listed, people, aliases, pd.DataFrame(counts, columns=["reason", "count", "what"]))


def _each_once(frame: pd.DataFrame, what: str, counts: Counts) -> pd.DataFrame:
    require(frame, (f"{what}_id",))
    frame = _drop(frame, frame[f"{what}_id"].isna(), f"{what} without id", "left out", counts)
    return _drop(frame, frame.duplicated(f"{what}_id"), f"{what} listed twice", "the first one is kept", counts)


def _owners(purchases: pd.DataFrame, aliases: pd.DataFrame) -> pd.DataFrame:
    if aliases.empty:
        return purchases
    owner = purchases["customer_id"].map(aliases.set_index("alias_id")["customer_id"])
    return purchases.assign(customer_id=purchases["customer_id"].mask(owner.notna(), owner))


def _sound_lines(purchases: pd.DataFrame, counts: Counts) -> pd.DataFrame:
    """Leave out lines that say too little or can't be."""
    bought = purchases.assign(quantity=pd.to_numeric(purchases["quantity"], errors="coerce").astype(float))
    for name, is_bad, what in (
        ("incomplete line", _incomplete, "left out: no customer, order, product or time"),
        ("absurd time", _before_all_shops, f"left out: before {FIRST_SHOP:%Y}"),
        ("missing quantity", _no_quantity, "left out: nobody knows how many"),
        ("quantity 0", _nothing, "left out: nothing was bought"),
        ("absurd quantity", _too_many, f"left out: over {MOST_UNITS:.0f} units in one line"),
    ):
        bought = _drop(bought, is_bad(bought), name, what, counts)
    return bought


def _incomplete(bought: pd.DataFrame) -> pd.Series:
    return bought[WHO_WHAT_WHEN].isna().any(axis=1)


def _before_all_shops(bought: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(bought["at"], utc=True) < FIRST_SHOP


def _no_quantity(bought: pd.DataFrame) -> pd.Series:
    return bought["quantity"].isna()


def _nothing(bought: pd.DataFrame) -> pd.Series:
    return bought["quantity"] == 0


def _too_many(bought: pd.DataFrame) -> pd.Series:
    return bought["quantity"].abs() > MOST_UNITS


def _drop(frame: pd.DataFrame, bad: pd.Series, reason: str, what: str, counts: Counts) -> pd.DataFrame:
    counts.append((reason, int(bad.sum()), what))
    return frame.loc[~bad] if bad.any() else frame


def _sound_prices(bought: pd.DataFrame, counts: Counts) -> pd.DataFrame:
    """Blank prices below 0 or far from the product's usual one; the purchase itself is kept."""
    price = pd.to_numeric(bought["price_minor"], errors="coerce").astype(float)
    usual = price.groupby(bought["product_id"]).transform("median")
    absurd = (price < 0) | np.isinf(price) | ((usual > 0) & (price > MOST_TIMES_USUAL * usual))
    counts.append(("absurd price", int(absurd.sum()), "the price is blanked, the purchase kept"))
    counts.append(("missing price", int(price.isna().sum()), "kept; money features go without it"))
    return bought.assign(price_minor=price.mask(absurd))
