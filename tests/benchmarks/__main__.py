"""`make bench`: each speed one sentence, a ratio to something a reader knows, both timed in this run.

Name one or more to run only those: `python -m tests.benchmarks pull`.
"""

import gc
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import adbc_driver_sqlite.dbapi
import pandas as pd
import pyarrow.csv
from sqlalchemy import create_engine

from campaigns.demo.export import export
from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import pull

ROUNDS = 3


def seconds(work):
    """Time a piece of work once, after the rubbish of the last one."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def year_of_orders(folder):
    """Lay out a project whose data is a year's order lines and nothing else."""
    init(folder)
    export(folder / "data")
    for other in ("customers.csv", "products.csv", "offers.parquet"):
        (folder / "data" / other).unlink()


def plain(folder):
    """The recipe that everyone knows, into a new file: read_csv, then to_sql."""
    (folder / "plain.db").unlink(missing_ok=True)
    with sqlite3.connect(folder / "plain.db") as connection:
        pd.read_csv(folder / "data" / "orders.csv").to_sql("order_lines", connection, index=False)


def through_sqlalchemy(folder):
    """The same, over SQLAlchemy, which pandas asks for with every other database."""
    (folder / "plain.db").unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{folder / 'plain.db'}")
    pd.read_csv(folder / "data" / "orders.csv").to_sql("order_lines", engine, index=False)
    engine.dispose()


def ours(folder):
    """A pull into a new store; the time of the pull alone."""
    for path in folder.glob("handpicked.db*"):
        path.unlink()
    with Project.open(folder) as project:
        _ = project.store
        return seconds(lambda: pull(project, "shop"))


def bare(folder):
    """SQLite's own floor: seven columns, parsed already, through the bulk driver into a table without a key."""
    (folder / "bare.db").unlink(missing_ok=True)
    names = ["order_id", "line_id", "product_id", "status", "currency", "quantity", "unit_price"]
    rows = pyarrow.csv.read_csv(folder / "data" / "orders.csv").select(names)
    with adbc_driver_sqlite.dbapi.connect(str(folder / "bare.db")) as connection, connection.cursor() as cursor:

        def work():
            cursor.adbc_ingest("order_lines", rows, mode="create")
            connection.commit()

        return seconds(work)


def pull_of_a_year():
    """A year's order lines, from CSV into SQLite: checked, keyed, with cursors, against read_csv + to_sql."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        year_of_orders(folder)
        rounds = [(seconds(partial(plain, folder)), ours(folder), bare(folder)) for _ in range(ROUNDS)]
        # Last, and once: the heap that its lists of rows leave behind changes the speed of what comes after it.
        slowest = seconds(partial(through_sqlalchemy, folder))
    ratio, floor = (sorted(one[0] / one[place] for one in rounds)[ROUNDS // 2] for place in (1, 2))
    again = slowest / sorted(one[1] for one in rounds)[ROUNDS // 2]
    tell(f"pull is {ratio:.1f} times pandas read_csv + to_sql over sqlite3, 1,469,307 order lines, seed 7")
    tell(f"  ({again:.1f} times over SQLAlchemy; only writing such rows into a table without a key: {floor:.1f} times)")


def demo():
    """The whole demo, as a process of its own: time and peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "campaigns.cli", "--project", str(folder / "demo"), "demo"]
        took = seconds(lambda: subprocess.run(command, check=True, capture_output=True))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        recipe = seconds(lambda: plain(folder / "demo"))
    ratio = took / recipe
    tell(f"the demo takes {took:.0f} s and {peak:.2f} GiB, {ratio:.0f} times read_csv + to_sql of its order lines")


def tell(sentence):
    """Print one sentence."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def scale():
    """Training and slates of a large shop, beside four libraries."""
    from tests.benchmarks.peers import PEERS
    from tests.benchmarks.scale import SHOP, sentences

    for sentence in sentences(*SHOP, peers=PEERS):
        tell(sentence)


def delivery():
    """Messages that leave, beside Postfix's and Python's own senders."""
    from tests.benchmarks.delivery import COUNT, sentences

    for sentence in sentences(COUNT):
        tell(sentence)


def crm():
    """Customers that come in from a system that is called, beside httpx alone."""
    from tests.benchmarks.crm import sentences

    for sentence in sentences():
        tell(sentence)


BENCHMARKS = {"demo": demo, "pull": pull_of_a_year, "crm": crm, "scale": scale, "delivery": delivery}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()
