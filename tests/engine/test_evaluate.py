"""Evaluate: figures as a plain count gives them, and nothing of the judged week in what was learnt."""

from math import log2

import numpy as np
import pandas as pd
import pytest

from engine.errors import NothingToLearn
from engine.evaluate import COLUMNS, evaluate

CUTOFF = pd.Timestamp("2026-03-02", tz="UTC")
K = 3
PRODUCTS = pd.DataFrame(
    {
        "product_id": [f"p{n}" for n in range(8)],
        "title": [f"Thing {'abcdefgh'[n] * 3}" for n in range(8)],
        "category_path": "Food",
        "brand": "Mill",
        "size": "",
        "available": True,
        "recommendable": [n != 7 for n in range(8)],
    }
)


def purchases(seed=2):
    """Twelve customers over eight weeks before the cut-off and two weeks after it."""
    rng = np.random.default_rng(seed)
    n = 160
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{k:02}" for k in rng.integers(0, 12, n)],
            "order_id": [f"o{k}" for k in range(n)],
            "product_id": [f"p{k}" for k in rng.integers(0, 8, n)],
            "at": CUTOFF + pd.to_timedelta(rng.uniform(-56, 14, n), unit="D"),
        }
    )
    return frame.assign(quantity=1.0, price_minor=100.0).sort_values("at", ignore_index=True)


def judged(lines=None, products=PRODUCTS, cutoffs=(CUTOFF,)):
    return evaluate(purchases() if lines is None else lines, products, None, None, cutoffs, k=K)


def by_count(task, order_of):
    """Figures of a scorer, from loops and dictionaries: `order_of(customer, past)` ranks the products."""
    lines = purchases()
    lines = lines[lines["product_id"] != "p7"]
    past, week = (
        lines[lines["at"] < CUTOFF],
        lines[(lines["at"] >= CUTOFF) & (lines["at"] < CUTOFF + pd.Timedelta(days=7))],
    )
    figures, shown = [], set()
    for customer, bought in week.groupby("customer_id"):
        before = set(past.loc[past["customer_id"] == customer, "product_id"])
        target = {p for p in bought["product_id"] if p in set(past["product_id"])}
        order = order_of(customer, past)
        if task == "new":
            target, order = target - before, [product for product in order if product not in before]
        if not before or not target:
            continue
        hits = [product in target for product in order[:K]]
        best = min(K, len(target))
        precisions = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits)) if hits[n]]
        gain = sum(1 / log2(n + 2) for n in range(len(hits)) if hits[n])
        figures.append(
            [sum(hits) / K, sum(hits) / len(target), sum(precisions) / best,
             gain / sum(1 / log2(n + 2) for n in range(best)), float(any(hits))]
        )  # fmt: skip
        shown |= set(order[:K])
    return [len(figures), *np.mean(figures, axis=0), len(shown) / past["product_id"].nunique()]


def by_popularity(_, past):
    weight = 0.5 ** ((CUTOFF - past["at"]) / pd.Timedelta(days=14))
    votes = weight.groupby([past["customer_id"], past["product_id"]]).sum().clip(upper=1)
    return votes.groupby("product_id").sum().sort_values(ascending=False).index.tolist()


def by_own_purchases(customer, past):
    mine = past[past["customer_id"] == customer]
    weight = 0.5 ** ((CUTOFF - mine["at"]) / pd.Timedelta(days=112))
    return weight.groupby(mine["product_id"]).sum().sort_values(ascending=False).index.tolist()


@pytest.mark.parametrize("task", ["any", "new"])
@pytest.mark.parametrize(("scorer", "order_of"), [("popularity", by_popularity), ("repeat", by_own_purchases)])
def test_figures_equal_a_plain_count(task, scorer, order_of):
    found = judged().set_index(["task", "scorer"]).loc[(task, scorer), COLUMNS[3:]]
    np.testing.assert_allclose(found.to_numpy(float), by_count(task, order_of), rtol=1e-9)


def test_every_scorer_and_the_blend_are_judged_on_each_task_and_week():
    found = judged(cutoffs=(CUTOFF - pd.Timedelta(days=7), CUTOFF))
    assert list(found) == COLUMNS
    assert found.groupby(["cutoff", "task"])["scorer"].nunique().tolist() == [5] * 4
    assert found.groupby(["cutoff", "task"])["customers"].nunique().tolist() == [1] * 4


def test_what_is_bought_more_often_in_the_judged_week_changes_nothing():
    """Had any scorer seen the week, the trebled purchases would move its order; as a target they count once."""
    lines = purchases()
    week = lines[lines["at"] >= CUTOFF]
    pd.testing.assert_frame_equal(judged(pd.concat([lines, week, week])), judged(lines))


def test_purchases_after_the_judged_week_change_nothing():
    lines = purchases()
    late = lines["at"] >= CUTOFF + pd.Timedelta(days=7)
    scrambled = lines.assign(product_id=lines["product_id"].where(~late, "p1"))
    pd.testing.assert_frame_equal(judged(scrambled), judged(lines))
    pd.testing.assert_frame_equal(judged(lines[~late]), judged(lines))


def test_a_product_first_sold_in_the_judged_week_is_neither_shown_nor_wanted():
    lines = purchases()
    lines.loc[lines["at"] < CUTOFF, "product_id"] = lines["product_id"].replace("p0", "p1")
    week = lines["at"] >= CUTOFF
    without = lines[~(week & (lines["product_id"] == "p0"))]
    assert (week & (lines["product_id"] == "p0")).any()
    pd.testing.assert_frame_equal(judged(lines), judged(without))


def test_a_week_without_purchases_has_no_row_and_a_past_without_any_is_refused():
    lines = purchases()
    found = judged(lines, cutoffs=[CUTOFF + pd.Timedelta(days=100)])
    assert found.empty
    assert list(found) == COLUMNS
    with pytest.raises(NothingToLearn):
        judged(lines, cutoffs=[CUTOFF - pd.Timedelta(days=100)])


def test_one_customer_and_one_product_can_be_judged():
    lines = (
        purchases()
        .head(2)
        .assign(customer_id="c", product_id="p1", at=[CUTOFF - pd.Timedelta(days=8), CUTOFF + pd.Timedelta(days=1)])
    )
    found = judged(lines).set_index("scorer")
    assert found["task"].unique().tolist() == ["any"]
    assert found.loc["repeat", ["customers", "ndcg", "hit", "coverage"]].tolist() == [1, 1, 1, 1]
