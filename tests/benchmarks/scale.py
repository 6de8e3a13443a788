"""Scale: training and finished slates with reasons, in a made-up shop of any size.

`python -m tests.benchmarks.scale CUSTOMERS PRODUCTS LINES [ASKED]`; ASKED: make slates for so many customers only.
"""

import resource
import sys
import time

from engine.dataset import Dataset
from engine.recommender import Recommender
from tests.benchmarks.shop import AS_OF, catalogue, purchases

SIZE = 8


def ours(customers, products, lines, asked=None):
    """Seconds to the dataset, to a trained recommender, and to slates; customers asked for; peak memory in GiB."""
    goods, bought = catalogue(products), purchases(customers, products, lines)
    before = time.perf_counter()
    data = Dataset.from_frames(bought, goods, as_of=AS_OF)
    del bought
    loaded = time.perf_counter()
    recommender = Recommender().fit(data)
    trained = time.perf_counter()
    ids = data.customer_ids[: asked or len(data.customer_ids)]
    made = 0
    for start in range(0, len(ids), 10_000):
        made += recommender.recommend(ids[start : start + 10_000], SIZE)["customer_id"].nunique()
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "dataset": loaded - before,
        "training": trained - loaded,
        "slates": done - trained,
        "customers": made,
        "peak_gib": peak,
    }


def main(customers, products, lines, asked=None):
    """Print one run's figures."""
    found = ours(customers, products, lines, asked)
    rate = found["customers"] / found["slates"]
    sys.stdout.write(
        f"{customers:,} customers x {products:,} products x {lines:,} lines, seed 7: dataset {found['dataset']:.0f} s, "
        f"training {found['training']:.0f} s, {rate:,.0f} customers/s to slates of {SIZE} with reasons, "
        f"peak {found['peak_gib']:.2f} GiB\n"
    )


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
