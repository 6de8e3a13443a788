"""Gains: what each part of the blend adds, told by what is lost when it is left out and all is learnt again."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from engine.bootstrap import interval
from engine.evaluate import Evaluation
from engine.hybrid import Hybrid

TASKS = ("any", "new")
COLUMNS = ["what", "task", "loss", "low", "high"]


def gains(whole: Evaluation, without: Mapping[str, Evaluation]) -> pd.DataFrame:
    """Compare the blend with what is left of it, on the same customers and weeks.

    Args:
        whole: the blend, judged.
        without: the blend without each of some parts, judged on the same weeks.

    Returns:
        COLUMNS, by task, the greatest loss first: the part, the task, nDCG lost, and its 95 % interval over customers.
    """
    rows = []
    for task in TASKS:
        ours = whole.values(Hybrid.name, task)
        for part, left in without.items():
            rest = left.values(Hybrid.name, task).reindex(index=ours.index, columns=ours.columns)
            if not np.isfinite(rest.to_numpy(float)).any():
                continue
            lost = interval((ours - rest).to_numpy(float))
            rows.append((part, task, lost.value, lost.low, lost.high))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["task", "loss"], ascending=[True, False], ignore_index=True)
