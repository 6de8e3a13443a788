"""Gains: what is lost without a part, on the same customers and weeks."""

import pandas as pd
import pytest

from engine.evaluate import COVERAGE_COLUMNS, Evaluation
from engine.gains import COLUMNS, gains

WEEKS = pd.to_datetime(["2026-02-16", "2026-02-23"], utc=True)


def judged(*ndcg, task="any"):
    """The blend's nDCG of customers c0, c1 ... in the first week, then in the second."""
    half = len(ndcg) // 2
    rows = [
        {"scorer": "blend", "task": task, "cutoff": WEEKS[n // half], "customer_id": f"c{n % half}", "ndcg": value}
        for n, value in enumerate(ndcg)
    ]
    return Evaluation(pd.DataFrame(rows), pd.DataFrame(columns=COVERAGE_COLUMNS), pd.DataFrame())


def test_a_gain_is_the_ndcg_lost_without_the_part_the_greatest_first():
    whole = judged(0.5, 0.4, 0.3, 0.2)
    found = gains(whole, {"offers": judged(0.5, 0.4, 0.3, 0.2), "repeat": judged(0.1, 0.2, 0.3, 0.0)})
    assert list(found) == COLUMNS
    assert found["what"].tolist() == ["repeat", "offers"]
    assert found["loss"].tolist() == pytest.approx([0.2, 0.0])
    assert (found["low"] <= found["loss"]).all()
    assert (found["loss"] <= found["high"]).all()
    assert found["high"].tolist()[1] == 0


def test_a_task_that_nobody_was_judged_in_has_no_gain():
    assert gains(judged(0.5, 0.5, task="new"), {"repeat": judged(0.5, 0.5, task="new")})["task"].tolist() == ["new"]
    assert gains(judged(0.5, 0.5), {}).empty
