"""Segments: RFM and k-means groups of customers, named in words a marketer can read."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from engine.dataset import as_text
from engine.features import traits

MOST_SEGMENTS = 6
FEWEST_A_SEGMENT = 15


def segment(purchases: pd.DataFrame, products: pd.DataFrame, as_of: pd.Timestamp, seed: int) -> pd.DataFrame:
    """Put each customer with a purchase before `as_of` into one segment.

    Returns:
        customer_id, segment (k-means over rhythm, money and taste, in words), rfm (in words).
    """
    known = traits(purchases, as_of)
    if known.empty:
        return pd.DataFrame(columns=["customer_id", "segment", "rfm"], dtype=str)
    shares = taste(purchases[purchases["at"] < as_of], products).reindex(known["customer_id"]).fillna(0)
    labels = _clusters(known, shares, seed)
    names = {
        label: _name(known[labels == label], shares[labels == label], known, shares) for label in np.unique(labels)
    }
    return pd.DataFrame({"customer_id": known["customer_id"], "segment": _distinct(names, labels), "rfm": rfm(known)})


def rfm(known: pd.DataFrame) -> list[str]:
    """Name each customer by recency and frequency.

    A customer is `new` (one order), `lapsed` (silent for over three of the own gaps, and over 30 days), `loyal` (in the
    upper quarter by orders), else `regular`.
    """
    often = known["orders"].quantile(0.75)
    silent = (known["recency_days"] > 3 * known["gap_days"].fillna(np.inf)) & (known["recency_days"] > 30)
    conditions = [known["orders"] == 1, silent, known["orders"] >= max(often, 2)]
    return [str(word) for word in np.select(conditions, ["new", "lapsed", "loyal"], default="regular")]


def taste(purchases: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Share of each customer's lines in each department: (customers, departments), rows sum to 1."""
    listed = products.drop_duplicates("product_id").set_index("product_id")
    department = as_text(listed["category_path"]).str.split(" > ").str[0].str.strip().str.lower()
    bought = as_text(purchases["product_id"].map(department))
    lines = pd.DataFrame({"customer_id": purchases["customer_id"], "department": bought})
    counts = lines.loc[bought != ""].groupby(["customer_id", "department"]).size().unstack(fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0)


def _clusters(known: pd.DataFrame, shares: pd.DataFrame, seed: int) -> NDArray[np.int_]:
    k = min(MOST_SEGMENTS, max(1, len(known) // FEWEST_A_SEGMENT))
    rhythm = np.log1p(known[["recency_days", "orders", "spent_minor"]].clip(lower=0).to_numpy(float))
    table = StandardScaler().fit_transform(rhythm)
    common = shares.loc[:, shares.mean() > 0.02]
    if common.size:
        table = np.hstack([table, 0.5 * StandardScaler().fit_transform(common)])
    k = min(k, len(np.unique(table, axis=0)))  # customers who are all alike are one segment
    return np.asarray(KMeans(k, n_init=4, random_state=seed).fit_predict(table))


def _name(mine: pd.DataFrame, shares: pd.DataFrame, everyone: pd.DataFrame, all_shares: pd.DataFrame) -> str:
    words = [_loyalty(mine, everyone), _rhythm(mine["gap_days"].median())]
    if shares.shape[1]:
        common = all_shares.mean() > 0.02
        lift = (shares.mean() / all_shares.mean())[common]
        if len(lift) and lift.max() > 1.15:
            words.append(str(lift.idxmax()))
    return ", ".join(word for word in words if word)


def _loyalty(mine: pd.DataFrame, everyone: pd.DataFrame) -> str:
    if mine["recency_days"].median() > 2 * max(everyone["recency_days"].median(), 14):
        return "drifting away"
    if mine["orders"].median() >= everyone["orders"].quantile(0.7):
        return "loyal"
    return "occasional" if mine["orders"].median() <= everyone["orders"].quantile(0.3) else "regular"


def _rhythm(gap_days: float) -> str:
    for limit, word in (
        (4, "buys every few days"),
        (10, "buys weekly"),
        (20, "buys every other week"),
        (45, "buys monthly"),
    ):
        if gap_days <= limit:
            return word
    return "buys seldom"


def _distinct(names: dict[int, str], labels: NDArray[np.int_]) -> list[str]:
    """Number the names that stand for more than one group."""
    seen: dict[str, int] = {}
    final = {}
    for label, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        final[label] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return [final[label] for label in labels]
