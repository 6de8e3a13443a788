"""Scale: training and finished slates with reasons, in a made-up shop of any size, beside other libraries.

`python -m tests.benchmarks.scale CUSTOMERS PRODUCTS LINES [ASKED]`; ASKED: make slates for so many customers only.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from joblib import cpu_count

from engine.batch import Job, make_slates
from engine.dataset import Dataset
from engine.recommender import Recommender
from tests.benchmarks.peers import PEERS
from tests.benchmarks.shop import AS_OF, catalogue, purchases

SIZE = 8
SHOP = (200_000, 20_000, 6_000_000)
ASKED = 20_000
"""Customers that slates are made for; it takes the same for each."""


def shop(customers, products, lines):
    """The dataset of a shop."""
    return Dataset.from_frames(purchases(customers, products, lines), catalogue(products), as_of=AS_OF)


def ours(data, asked):
    """Seconds to train; customers per second to slates with reasons; GiB of the trainer, and of one maker of slates."""
    start = time.perf_counter()
    recommender = Recommender().fit(data)
    trained = time.perf_counter() - start
    peak = gib(resource.RUSAGE_SELF)
    ids = data.customer_ids[:asked].tolist()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "shop.model"
        recommender.save(model)
        del recommender
        # A first few make the processes ready: it is the rate that is told, not how long Python takes to start.
        make_slates(Job(model, SIZE), ids[: 2 * cpu_count()], Path(folder) / "first", jobs=cpu_count())
        start = time.perf_counter()
        make_slates(Job(model, SIZE), ids, Path(folder) / "slates", jobs=cpu_count())
        rate = len(ids) / (time.perf_counter() - start)
        held = max(worker_gib(), default=0)
    return trained, rate, peak, held


def gib(who):
    """The most that a process held, or any of those that it waited for."""
    return resource.getrusage(who).ru_maxrss / 2**20


def worker_gib():
    """The most that each process of this one holds or held, shared pages counted in each."""
    for pid in Path("/proc/self/task").glob("*/children"):
        for child in pid.read_text().split():
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
            yield from (int(line.split()[1]) / 2**20 for line in lines if line.startswith("VmHWM"))


def sentences(customers, products, lines, asked=ASKED, peers=()):
    """Run, and say each figure."""
    data = shop(customers, products, lines)
    trained, rate, peak, held = ours(data, int(asked))
    yield (
        f"{customers:,} customers x {products:,} products x {lines:,} lines, seed 7: training {trained:.0f} s, "
        f"{rate:,.0f} customers/s to slates of {SIZE} with reasons, peak {peak:.2f} GiB, each worker {held:.2f} GiB"
    )
    for name in peers:
        fitted, speed = PEERS[name](data)
        yield f"  training takes {trained / fitted:.1f} times {name}'s fit, slates {rate / speed:.2f} times as fast"


if __name__ == "__main__":
    for sentence in sentences(*(int(value) for value in sys.argv[1:])):
        sys.stdout.write(sentence + "\n")
