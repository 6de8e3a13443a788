"""The published protocol, by the code that ships: `python -m tests.benchmarks.gowalla PATH/gowalla_split.parquet`.

Recall@20 and nDCG@20 on the Gowalla split of LightGCN (He et al. 2020, SIGIR): every item is ranked, what a user has in
the training part is taken out, means are over the users of the test part.
"""

import resource
import sys
import time

import numpy as np
import pandas as pd
from scipy import sparse

from engine.dataset import Dataset
from engine.scorers.factors import Factors
from engine.scorers.graph_filter import GraphFilter
from engine.scorers.neighbours import Neighbours

K = 20
BLOCK = 2000
TIMELESS = float("inf")
EVERY = 50_000
# EASE inverts a dense matrix: of all 40,981 items it would be 6.7 GB, and as much again for the inverse.
EASE = 5000
PUBLISHED = "published: GF-CF 0.1849 / 0.1518, LightGCN 0.1830 / 0.1554"


def dataset(train):
    """A shop in which everything was bought at one moment."""
    as_of = pd.Timestamp("2026-01-01", tz="UTC")
    named = pd.DataFrame({"customer_id": train["user"].to_numpy(), "product_id": train["item"].to_numpy()})
    bought = named.assign(
        order_id=named["customer_id"], at=as_of - pd.Timedelta(days=1), quantity=1.0, price_minor=100.0
    )
    products = pd.DataFrame({"product_id": named["product_id"].unique(), "title": "", "category_path": "", "brand": ""})
    return Dataset.from_frames(bought, products.assign(size="", available=True, recommendable=True), as_of=as_of)


def target(test, data):
    """The test items of each user; an item without training pairs stays a miss."""
    row = data.customer_ids.get_indexer(test["user"])
    column = data.product_ids.get_indexer(test["item"])
    column = np.where(column < 0, data.shape[1], column)
    return sparse.coo_array((np.ones(len(row)), (row, column)), shape=(data.shape[0], data.shape[1] + 1)).tocsr()


def top(scores, seen):
    """The K best columns of each row that are not seen; -1 where there are fewer."""
    row = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    new = np.asarray(seen[row, scores.indices]).ravel() == 0
    row, column = row[new], scores.indices[new]
    best = np.lexsort((column, -scores.data[new], row))
    row, column = row[best], column[best]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    found = np.full((scores.shape[0], K), -1)
    found[row[place < K], place[place < K]] = column[place < K]
    return found


def measure(scorer, seen, wanted):
    """Mean recall@K and nDCG@K over the users with test items."""
    discount = 1 / np.log2(np.arange(2, K + 2))
    judged = np.flatnonzero(np.diff(wanted.indptr))
    recall, gain = 0.0, 0.0
    for rows in np.split(judged, range(BLOCK, len(judged), BLOCK)):
        picks = top(scorer.score(rows), seen[rows])
        hits = np.asarray(wanted[np.repeat(rows, K), picks.ravel()]).reshape(picks.shape) * (picks >= 0)
        sizes = np.diff(wanted.indptr)[rows]
        recall += (hits.sum(axis=1) / sizes).sum()
        gain += (hits @ discount / np.cumsum(discount)[np.minimum(sizes, K) - 1]).sum()
    return recall / len(judged), gain / len(judged)


def tell(name, scorer, data, seen, wanted):
    """Fit, judge and print one sentence."""
    start = time.perf_counter()
    scorer.fit(data)
    fitted = time.perf_counter()
    recall, gain = measure(scorer, seen, wanted)
    times = f"fit {fitted - start:.0f} s, score {time.perf_counter() - fitted:.0f} s"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(f"{name}: recall@20 {recall:.4f}, nDCG@20 {gain:.4f}; {times}, peak so far {peak:.1f} GiB\n")
    sys.stdout.flush()


def main(path):
    """Judge each scorer of the shop that learns from purchases alone, with no decay in time."""
    pairs = pd.read_parquet(path)
    data = dataset(pairs[pairs["split"] == "train"])
    bought = data.history.all()
    wanted, seen = target(pairs[pairs["split"] == "test"], data), bought.matrix(bought.times)
    # Enough for K that are left when the most active user's own are taken out.
    deep = {"half_life_days": TIMELESS, "candidates": int(np.diff(seen.indptr).max()) + K}
    scorers = {
        "graph filter, all items": GraphFilter(products=EVERY, neighbours=EVERY, factors=256, **deep),
        "graph filter, 1,000 links for each": GraphFilter(products=EVERY, neighbours=1000, factors=256, **deep),
        f"neighbours (EASE), the {EASE:,} most sold items": Neighbours(products=EASE, **deep),
        "factors (ALS), 256 of them": Factors(factors=256, alpha=100.0, ridge=0.03, **deep),
    }
    sys.stdout.write(f"Gowalla, {data.shape[0]:,} users, {data.shape[1]:,} items; {PUBLISHED}\n")
    for name, scorer in scorers.items():
        tell(name, scorer, data, seen, wanted)


if __name__ == "__main__":
    main(sys.argv[1])
