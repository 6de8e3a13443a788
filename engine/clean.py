"""Clean: duplicates, returns, absurd quantities and prices, missing values; what was changed is counted by reason."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

MOST_UNITS = 1000.0
MOST_TIMES_USUAL = 100.0


@dataclass(frozen=True)
class Cleaned:
    """Clean frames, who is the same person, and what was done.

    Attributes:
        aliases: alias_id, customer_id, reason: the first is another record of the second.
        report: reason, count, what.
    """

    purchases: pd.DataFrame
    products: pd.DataFrame
    customers: pd.DataFrame | None
    aliases: pd.DataFrame
    report: pd.DataFrame


def clean(purchases: pd.DataFrame, products: pd.DataFrame, customers: pd.DataFrame | None) -> Cleaned:
    """Clean the frames of a shop; nothing is dropped without being counted."""
    counts: list[tuple[str, int, str]] = []
    aliases = find_aliases(customers)
    counts.append(("duplicate customer", len(aliases), "merged into the oldest record with the same address or phone"))
    bought = _owners(purchases, aliases)
    bought = _drop(bought, bought["quantity"] == 0, "quantity 0", "left out: nothing was bought", counts)
    bought = _drop(
        bought,
        bought["quantity"].abs() > MOST_UNITS,
        "absurd quantity",
        f"left out: over {MOST_UNITS:.0f} units in one line",
        counts,
    )
    bought = _net_returns(bought, counts)
    bought = _sound_prices(bought, counts)
    listed = products.drop_duplicates("product_id")
    counts.append(("product listed twice", len(products) - len(listed), "the first one is kept"))
    counts.append(
        ("product without category", int(listed["category_path"].isna().sum()), "kept; content can't place it")
    )
    people = None if customers is None else customers[~customers["customer_id"].isin(aliases["alias_id"])]
    return Cleaned(bought, listed, people, aliases, pd.DataFrame(counts, columns=["reason", "count", "what"]))


def find_aliases(customers: pd.DataFrame | None) -> pd.DataFrame:
    """Find records of one person: the same normalised address, or the same phone and last name.

    The record created first stands for the others (then the lower id).
    """
    empty = pd.DataFrame(columns=["alias_id", "customer_id", "reason"], dtype=str)
    if customers is None or customers.empty:
        return empty
    people = customers.sort_values([name for name in ("created_at", "customer_id") if name in customers], kind="stable")
    found = [_same(people, _address(people), "same address")]
    if {"phone", "last_name"} <= set(people):
        digits = people["phone"].str.replace(r"\D", "", regex=True).str[-9:]
        key = (digits + people["last_name"].str.lower()).where(digits.str.len() >= 7)
        found.append(_same(people, key, "same phone and name"))
    aliases = pd.concat(found).drop_duplicates("alias_id")
    # A chain a -> b -> c ends at c: whoever stands for others must not be an alias.
    stands_for = dict(zip(aliases["alias_id"], aliases["customer_id"], strict=True))
    aliases["customer_id"] = [_root(customer, stands_for) for customer in aliases["customer_id"]]
    return aliases[aliases["alias_id"] != aliases["customer_id"]].reset_index(drop=True) if len(aliases) else empty


def _root(customer: str, stands_for: dict[str, str]) -> str:
    seen = {customer}
    while customer in stands_for and stands_for[customer] not in seen:
        customer = stands_for[customer]
        seen.add(customer)
    return customer


def _address(people: pd.DataFrame) -> pd.Series:
    """Normalise addresses: lower case, no +tag; at Gmail also no dots, which it ignores."""
    if "email" not in people:
        return pd.Series(np.nan, index=people.index, dtype=object)
    whole = people["email"].str.strip().str.lower()
    local, domain = whole.str.split("@").str[0].str.split("+").str[0], whole.str.split("@").str[-1]
    gmail = domain.isin(["gmail.com", "googlemail.com"])
    local = local.where(~gmail, local.str.replace(".", "", regex=False))
    return (local + "@" + domain.where(~gmail, "gmail.com")).where(whole.notna())


def _same(people: pd.DataFrame, key: pd.Series, reason: str) -> pd.DataFrame:
    known = people.assign(key=key).dropna(subset="key")
    first = known.groupby("key")["customer_id"].transform("first")
    other = known["customer_id"] != first
    return pd.DataFrame({"alias_id": known.loc[other, "customer_id"], "customer_id": first[other], "reason": reason})


def _owners(purchases: pd.DataFrame, aliases: pd.DataFrame) -> pd.DataFrame:
    if aliases.empty:
        return purchases
    owner = aliases.set_index("alias_id")["customer_id"]
    return purchases.assign(customer_id=purchases["customer_id"].map(owner).fillna(purchases["customer_id"]))


def _drop(
    frame: pd.DataFrame, bad: pd.Series, reason: str, what: str, counts: list[tuple[str, int, str]]
) -> pd.DataFrame:
    counts.append((reason, int(bad.sum()), what))
    return frame[~bad] if bad.any() else frame


def _net_returns(bought: pd.DataFrame, counts: list[tuple[str, int, str]]) -> pd.DataFrame:
    """Take returned units off the same customer's latest purchases of the product before the return."""
    back = bought["quantity"] < 0
    if not back.any():
        counts.append(("return", 0, "netted against the purchase"))
        return bought
    kept = bought[~back].copy()
    lines = {key: group.index for key, group in kept.groupby(["customer_id", "product_id"])}
    unmatched = 0
    for line in bought[back].sort_values("at").itertuples():
        left = -line.quantity
        own = lines.get((line.customer_id, line.product_id), pd.Index([]))
        for index in own[kept.loc[own, "at"] <= line.at][::-1]:
            taken = min(left, kept.at[index, "quantity"])
            kept.at[index, "quantity"] -= taken
            left -= taken
        unmatched += left > 0
    counts.append(("return", int(back.sum()) - unmatched, "netted against the purchase"))
    counts.append(("return without purchase", int(unmatched), "left out"))
    return kept[kept["quantity"] > 0]


def _sound_prices(bought: pd.DataFrame, counts: list[tuple[str, int, str]]) -> pd.DataFrame:
    """Blank prices below 0 or far from the product's usual one; the purchase itself is kept."""
    price = bought["price_minor"].astype(float)
    usual = price.groupby(bought["product_id"]).transform("median")
    absurd = (price < 0) | ((usual > 0) & (price > MOST_TIMES_USUAL * usual))
    counts.append(("absurd price", int(absurd.sum()), "the price is blanked, the purchase kept"))
    counts.append(("missing price", int(price.isna().sum()), "kept; money features go without it"))
    return bought.assign(price_minor=price.mask(absurd))
