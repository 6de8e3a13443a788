"""Aliases: records of one person, found by address or by phone and name."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

COLUMNS = ["alias_id", "customer_id", "reason"]
FEWEST_DIGITS = 7


def find_aliases(customers: pd.DataFrame | None) -> pd.DataFrame:
    """Find records of one person: the same normalised address, or the same phone and name.

    One address is one customer, also where a household shares it: there is one inbox to write to. Whoever shares only a
    phone and a last name must have the same first name, or be the only one there whose first name is not known.
    Records that are linked through others are one person too.

    Args:
        customers: customer_id and, as far as known, created_at, email, phone, first_name, last_name.

    Returns:
        alias_id, customer_id, reason: the first is another record of the second, the oldest of them (then the
        lower id), which is no alias itself.
    """
    if customers is None or customers.empty:
        return pd.DataFrame(columns=COLUMNS, dtype=str)
    people = _oldest_first(customers)
    address, phone = _first_alike(_address(people)), _first_alike(_phone_and_name(people))
    person = _oldest_linked(address, phone)
    other = person != np.arange(len(people))
    ids = people["customer_id"].to_numpy()
    by_address = np.bincount(address, minlength=len(people))[address] > 1
    reason = np.where(by_address, "same address", "same phone and name")
    return pd.DataFrame({"alias_id": ids[other], "customer_id": ids[person][other], "reason": reason[other]})


def _oldest_first(customers: pd.DataFrame) -> pd.DataFrame:
    order = [name for name in ("created_at", "customer_id") if name in customers]
    known = customers.dropna(subset=["customer_id"]).sort_values(order, kind="stable")
    return known.drop_duplicates("customer_id")


def _address(people: pd.DataFrame) -> pd.Series:
    """Normalise addresses: lower case, no +tag; at Gmail also no dots, which it ignores. What is none is missing."""
    parts = _text(people, "email").str.lower().str.extract(r"^([^@\s+]+)(?:\+[^@\s]*)?@([^@\s]+)$")
    local, domain = parts[0], parts[1]
    gmail = domain.isin(["gmail.com", "googlemail.com"])
    local = local.mask(gmail, local.str.replace(".", "", regex=False))
    return local + "@" + domain.mask(gmail, "gmail.com")


def _phone_and_name(people: pd.DataFrame) -> pd.Series:
    """Write phone, last name and, where several are known, first name; missing where that is not enough."""
    digits = _text(people, "phone").str.replace(r"\D", "", regex=True).str[-9:]
    # 0000000 is what people write who give no phone.
    real = (digits.str.len() >= FEWEST_DIGITS) & ~digits.str.fullmatch(r"(\d)\1*")
    shared = digits.where(real.fillna(False)) + "|" + _text(people, "last_name").str.casefold()
    first = _text(people, "first_name").str.casefold()
    several = first.groupby(shared).transform("nunique").fillna(0) > 1
    return shared.mask(several, shared + "|" + first)


def _text(people: pd.DataFrame, name: str) -> pd.Series:
    if name not in people:
        return pd.Series(pd.NA, index=people.index, dtype="string")
    text = people[name].astype("string").str.strip()
    return text.mask(text == "")


def _first_alike(key: pd.Series) -> NDArray[np.intp]:
    """The first place with the same key, of each place; a missing key is like no other."""
    codes, _ = pd.factorize(key)
    places = np.arange(len(codes))
    codes = np.where(codes < 0, len(codes) + places, codes)
    _, first, alike = np.unique(codes, return_index=True, return_inverse=True)
    return np.asarray(first[alike], dtype=np.intp)


def _oldest_linked(*links: NDArray[np.intp]) -> NDArray[np.intp]:
    """The lowest place that each place is linked with, through whatever chain."""
    size = len(links[0])
    ends = np.concatenate(links)
    starts = np.tile(np.arange(size), len(links))
    graph = sparse.coo_array((np.ones(len(ends), dtype=bool), (starts, ends)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    _, first, alike = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(first[alike], dtype=np.intp)
