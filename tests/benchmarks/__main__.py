"""`make bench`: each speed one sentence, a ratio to something a reader knows, both timed in this run."""

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from campaigns.demo.export import export
from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import pull


def seconds(work):
    """Time a piece of work once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def plain(folder):
    """The recipe that everyone knows: read_csv, then to_sql."""
    with sqlite3.connect(folder / "plain.db") as connection:
        pd.read_csv(folder / "data" / "orders.csv").to_sql("order_lines", connection, index=False)


def pull_of_a_year():
    """A year's order lines, from CSV into SQLite: checked, keyed, with cursors, against read_csv + to_sql."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        init(folder)
        export(folder / "data")
        for other in ("customers.csv", "products.csv", "offers.parquet"):
            (folder / "data" / other).unlink()
        recipe = min(seconds(lambda: plain_again(folder)) for _ in range(2))
        with Project.open(folder) as project:
            ours = seconds(lambda: pull(project, "shop"))
        sys.stdout.write(f"pull is {recipe / ours:.1f} times pandas read_csv + to_sql, 1,469,307 order lines, seed 7\n")


def plain_again(folder):
    """The recipe into a new file."""
    (folder / "plain.db").unlink(missing_ok=True)
    plain(folder)


if __name__ == "__main__":
    pull_of_a_year()
