"""Whether reasons hold on real purchases: without what each cites, does the score of its pick fall?

`python -m tests.benchmarks.quality.reasons MODEL [CUSTOMERS]`: MODEL is a file of PROJECT/models that `make demo` made.
"""

import sys
from pathlib import Path

import numpy as np

from engine.recommender import Recommender
from tests.engine.removal import fallen

SIZE = 8
CUSTOMERS = 150


def main(model, customers=CUSTOMERS):
    """Ask of slates of any products, and of discoveries, of customers drawn by chance."""
    recommender = Recommender.load(Path(model))
    drawn = np.random.default_rng(0).permutation(recommender.customer_ids)[: int(customers)]
    for task in ("any", "new"):
        found = fallen(recommender, drawn, SIZE, only_new=task == "new")
        kinds = found.groupby("reason_kind")["fell"].agg(["mean", "size"])
        told = ", ".join(f"{kind} {mean:.1%} of {size}" for kind, mean, size in kinds.itertuples())
        sys.stdout.write(f"{task}: {found['fell'].mean():.1%} of {len(found):,} picks fall ({told})\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
