"""The lighter learning of shops with many customers, on the four weeks: what its speed costs in picks; no offers known.

`python -m tests.benchmarks.quality.many_customers PROJECT [WEEK...]`: PROJECT is what `make demo` made.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from campaigns.project import Project
from campaigns.train import fit, world
from engine import hybrid
from tests.benchmarks.quality.judge import WEEKS, K, judge, means, sentence


def main(project, *asked):
    """Fit, pick and judge each week, then print the means."""
    hybrid.MANY_CUSTOMERS = 0  # so that every shop is one of many customers
    judged = {"any": [], "new": []}
    with Project.open(Path(project)) as opened:
        for week in [int(number) for number in asked] or WEEKS:
            cutoff = datetime.fromisoformat(WEEKS[week]).replace(tzinfo=UTC)
            recommender = fit(opened, world(opened, cutoff), with_offers=False)
            for task, found in judged.items():
                picks = recommender.recommend(list(recommender.customer_ids), K, only_new=task == "new")
                found.append(judge(picks, WEEKS[week], task))
                sys.stdout.write(f"week {week}, {task}: {sentence(found[-1])}\n")
                sys.stdout.flush()
    for task, found in judged.items():
        sys.stdout.write(f"mean of {len(found)}, {task}: {sentence(means(found))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
