"""The four weeks of the protocol, by the command that people use, judged from its files alone.

`python -m tests.benchmarks.quality.weeks PROJECT FOLDER [WEEK...]`: PROJECT is what `make demo` made, FOLDER takes the
picks. Picks that are there already are judged again, not made again, so the weeks can be made apart.
"""

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from tests.benchmarks.quality.judge import WEEKS, judge, means, sentence

TASKS = {
    "any": ("any", ["--without-offers"]),
    "new": ("new", ["--without-offers", "--only-new"]),
    "new, offers known": ("new", ["--only-new"]),
}
"""What is asked: the target that it is judged by, and the options."""


def make(project, path, week, options):
    """Have the picks of one week made; tells how long it took."""
    command = [sys.executable, "-m", "campaigns.cli", "--project", project, "picks", "--as-of", WEEKS[week]]
    start = time.perf_counter()
    subprocess.run([*command, "--out", str(path), *options], check=True, capture_output=True)
    return f"{time.perf_counter() - start:.0f} s"


def main(project, folder, *asked):
    """Make what is missing, judge all, and print each and the means."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, (target, options) in TASKS.items():
        judged = []
        for week in [int(number) for number in asked] or WEEKS:
            path = Path(folder) / f"{week} {name}.parquet"
            took = "made before" if path.exists() else make(project, path, week, options)
            judged.append(judge(pd.read_parquet(path), WEEKS[week], target))
            sys.stdout.write(f"week {week}, {name}: {sentence(judged[-1])} ({took})\n")
            sys.stdout.flush()
        sys.stdout.write(f"mean of {len(judged)}, {name}: {sentence(means(judged))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
