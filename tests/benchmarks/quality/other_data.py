"""Default settings on data that nothing was tuned on, against the single methods: never under the best but by noise.

`python -m tests.benchmarks.quality.other_data PROJECT [SHOP...]`: PROJECT is what `make demo` made. Shops, each a part
of its purchases: 5%, 20% and 50 (of its customers, drawn by chance), 10weeks (nothing later), norepeat (the first
purchase of each product by each customer, as in a shop where nobody buys twice). Offers not known.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from campaigns.project import Project
from campaigns.train import world
from engine.bootstrap import paired
from engine.dataset import Dataset
from engine.metrics import ndcg
from engine.recommender import Recommender
from tests.benchmarks.quality.judge import WEEKS, K
from tests.benchmarks.quality.single_methods import fitted

SHOPS = ("5%", "20%", "10weeks", "norepeat", "50")
END = datetime(2017, 12, 30, tzinfo=UTC)
EARLY = tuple(pd.Timestamp(day, tz="UTC") for day in ("2017-02-27T05:00", "2017-03-13T05:00"))
"""Cut-offs of the shop of ten weeks: after eight, and after ten."""
BLOCK = 500


def part(shop, purchases):
    """The purchases of a shop, and the cut-offs that it is judged at."""
    cutoffs = [pd.Timestamp(moment, tz="UTC") for moment in WEEKS.values()]
    if shop == "10weeks":
        return purchases, EARLY
    if shop == "norepeat":
        return purchases.sort_values("at").drop_duplicates(["customer_id", "product_id"]), cutoffs[1::2]
    customers = np.sort(purchases["customer_id"].unique())
    size = len(customers) * float(shop[:-1]) / 100 if shop.endswith("%") else int(shop)
    drawn = np.random.default_rng(1).choice(customers, int(size), replace=False)
    return purchases[purchases["customer_id"].isin(drawn)], cutoffs


class Week:
    """What was known at a cut-off, and what was bought in the seven days after it."""

    def __init__(self, purchases, cutoff):
        past = purchases[purchases["at"] < cutoff]
        self.customers, self.products = (np.sort(past[name].unique()) for name in ("customer_id", "product_id"))
        self.past = past.assign(day=past["at"].dt.floor("D")).drop_duplicates(["customer_id", "product_id", "day"])
        self.age_days = (cutoff - self.past["at"]).dt.total_seconds().to_numpy() / 86400
        after = purchases[(purchases["at"] >= cutoff) & (purchases["at"] < cutoff + pd.Timedelta(days=7))]
        after = after[after["customer_id"].isin(self.customers) & after["product_id"].isin(self.products)]
        self.bought = self.table(np.inf) > 0
        self.target = self._pairs(after.drop_duplicates(["customer_id", "product_id"]), 1.0)

    def table(self, half_life):
        """(customers, products) the days on which each bought each, half as much every half_life days."""
        return self._pairs(self.past, np.exp2(-self.age_days / half_life))

    def _pairs(self, lines, value):
        row = np.searchsorted(self.customers, lines["customer_id"])
        column = np.searchsorted(self.products, lines["product_id"])
        shape = len(self.customers), len(self.products)
        value = np.broadcast_to(value, len(row))
        return sparse.csr_array(sparse.coo_array((value, (row, column)), shape=shape))

    def wanted(self, *, only_new):
        """(customers, products) what is judged."""
        found = self.target - self.target.multiply(self.bought) if only_new else self.target
        found = sparse.csr_array(found)
        found.eliminate_zeros()
        return found


def judged(columns, wanted, rows):
    """(customers,) nDCG of slates of columns, best first, -1 where there is none; NaN of who bought nothing."""
    held = wanted[np.repeat(rows, K), np.maximum(columns, 0).ravel()].reshape(columns.shape)
    hits = (np.asarray(held.todense() if sparse.issparse(held) else held) > 0) & (columns >= 0)
    found = np.full(wanted.shape[0], np.nan)
    found[rows] = ndcg(hits, np.diff(wanted.indptr)[rows])
    return found


def best(score, rows, bought):
    """(rows, K) columns of the best scores, none that the table of what was bought has."""
    parts = []
    for some in np.split(rows, range(BLOCK, len(rows), BLOCK)):
        found = score(some)
        if bought is not None:
            found = np.where(bought[some].toarray(), -np.inf, found)
        parts.append(np.argsort(-found, axis=1, kind="stable")[:, :K])
    return np.concatenate(parts)


def ours(recommender, week, rows, *, only_new):
    """(rows, K) columns of our slates."""
    slates = recommender.recommend(list(week.customers[rows]), K, only_new=only_new)
    found = np.full((len(rows), K), -1)
    row = np.searchsorted(week.customers[rows], slates["customer_id"])
    found[row, slates["rank"] - 1] = np.searchsorted(week.products, slates["product_id"])
    return found


def judge_week(frames, purchases, cutoff):
    """{task: {method: (customer's nDCG, by id)}} of one cut-off."""
    data = Dataset.from_frames(purchases, frames.products, frames.customers, as_of=cutoff)
    recommender, week, found = Recommender().fit(data), Week(purchases, cutoff), {}
    methods = fitted(week.table)
    for task in ("any", "new"):
        wanted = week.wanted(only_new=task == "new")
        rows = np.flatnonzero(np.diff(wanted.indptr))
        slates = {"Handpicked": ours(recommender, week, rows, only_new=task == "new")}
        avoided = week.bought if task == "new" else None
        slates |= {name: best(score, rows, avoided) for name, score in methods.items()}
        values = {name: judged(columns, wanted, rows) for name, columns in slates.items()}
        found[task] = pd.DataFrame(values, index=week.customers)
    return found


def sentence(shop, task, weeks):
    """How we do beside the best of the single methods: the mean over weeks, and how sure the difference is."""
    table = pd.concat(weeks, axis=1, keys=range(len(weeks)))
    methods = {name: table.xs(name, axis=1, level=1).to_numpy() for name in weeks[0].columns}
    means = {name: float(np.nanmean(values, axis=0).mean()) for name, values in methods.items()}
    second = max(set(means) - {"Handpicked"}, key=means.get)
    ahead = paired(methods["Handpicked"], methods[second])
    others = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
    return (
        f"{shop}, {task}: {ahead.value:+.1%} ({ahead.low:+.1%} to {ahead.high:+.1%}) beside {second}; "
        f"nDCG@{K} of {len(weeks)} weeks: {others}"
    )


def main(project, *asked):
    """Judge each shop and print a sentence for each task."""
    with Project.open(Path(project)) as opened:
        frames = world(opened, END).frames()
    goods = frames.products.loc[frames.products["recommendable"].eq(True), "product_id"]
    sold = frames.purchases[frames.purchases["product_id"].isin(goods) & (frames.purchases["quantity"] > 0)]
    for shop in asked or SHOPS:
        purchases, cutoffs = part(shop, sold)
        weeks = [judge_week(frames, purchases, cutoff) for cutoff in cutoffs]
        for task in ("any", "new"):
            sys.stdout.write(sentence(shop, task, [week[task] for week in weeks]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
