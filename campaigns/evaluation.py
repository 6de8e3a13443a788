"""EVALUATE: judge the scorers and the blend on past weeks of the project's own purchases."""

from datetime import datetime, timedelta

import pandas as pd

from campaigns.project import Project
from campaigns.train import world
from engine.evaluate import evaluate


def evaluate_weeks(project: Project, weeks: int, k: int, at: datetime | None = None) -> pd.DataFrame:
    """Judge on the last `weeks` whole weeks of purchases before `at`; each fit sees only what came before its week.

    Returns:
        one row a scorer and task, metrics averaged over the weeks.
    """
    as_of = project.as_of(at)
    known = world(project, as_of)
    kept = known.cleaned
    last = kept.purchases["at"].max().to_pydatetime()
    end = min(as_of, last + timedelta(microseconds=1))
    cutoffs = [pd.Timestamp(end - timedelta(weeks=back)) for back in range(weeks, 0, -1)]
    with project.progress.track("judge past weeks", None):
        figures = evaluate(kept.purchases, kept.products, kept.customers, known.offers, cutoffs, k=k)
    metrics = [column for column in figures.columns if column not in {"scorer", "task", "cutoff"}]
    return figures.groupby(["task", "scorer"], as_index=False)[metrics].mean()
