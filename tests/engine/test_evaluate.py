"""Evaluate: figures as a plain count gives them, and nothing of the judged week in what was learnt."""

from math import log2

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset, Frames
from engine.errors import NothingToLearn
from engine.evaluate import COVERAGE_COLUMNS, METRICS, PER_CUSTOMER_COLUMNS, Evaluation, evaluate
from engine.hybrid import Hybrid
from engine.metrics import PER_CUSTOMER
from engine.recommender import Recommender

CUTOFF = pd.Timestamp("2026-03-02", tz="UTC")
K = 3
PRODUCTS = pd.DataFrame(
    {
        "product_id": [f"p{n}" for n in range(8)],
        "title": [f"Thing {'abcdefgh'[n] * 3}" for n in range(8)],
        "category_path": ["Food > Milk", "Food > Milk", "Food > Bread", "Food", "Home > Soap", "Home", "", ""],
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
    return evaluate(Frames(purchases() if lines is None else lines, products), cutoffs, k=K)


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
    columns = ["customers", *PER_CUSTOMER, "coverage"]
    found = judged().summary().set_index(["task", "scorer"]).loc[(task, scorer), columns]
    np.testing.assert_allclose(found.to_numpy(float), by_count(task, order_of), rtol=1e-9)


@pytest.mark.parametrize("task", ["any", "new"])
def test_the_blend_is_judged_on_the_slates_that_customers_get(task):
    lines = purchases()
    recommender = Recommender().fit(Dataset.from_frames(lines, PRODUCTS, as_of=CUTOFF))
    mine = judged(lines).values("blend", task, "precision")[CUTOFF]
    slates = recommender.recommend(list(mine.index), K, only_new=task == "new")
    week = lines[(lines["at"] >= CUTOFF) & (lines["at"] < CUTOFF + pd.Timedelta(days=7))]
    bought = set(zip(week["customer_id"], week["product_id"], strict=True))
    hits = pd.Series([pair in bought for pair in zip(slates["customer_id"], slates["product_id"], strict=True)])
    np.testing.assert_allclose(mine, hits.groupby(slates["customer_id"]).sum() / K)


def test_every_scorer_and_the_blend_are_judged_on_each_task_and_week_for_the_same_customers():
    found = judged(cutoffs=(CUTOFF - pd.Timedelta(days=7), CUTOFF))
    assert list(found.per_customer) == PER_CUSTOMER_COLUMNS
    assert list(found.coverage) == COVERAGE_COLUMNS
    assert not found.per_customer.duplicated(["scorer", "task", "cutoff", "customer_id"]).any()
    for _, mine in found.per_customer.groupby(["cutoff", "task"]):
        whom = mine.groupby("scorer")["customer_id"].agg(frozenset)
        assert len(whom) >= 5
        assert whom.nunique() == 1
    assert len(found.coverage) == 2 * 2 * found.per_customer["scorer"].nunique()


def a_finding(rows):
    """An evaluation of one scorer: (cutoff, customer, band, value of every metric)."""
    frame = pd.DataFrame(rows, columns=["cutoff", "customer_id", "band", "value"]).assign(scorer="blend", task="any")
    frame = frame.assign(**dict.fromkeys(METRICS, frame["value"]))[PER_CUSTOMER_COLUMNS]
    shown = frame.groupby(["scorer", "task", "cutoff"], as_index=False)["ndcg"].mean()
    return Evaluation(frame, shown.rename(columns={"ndcg": "coverage"}), pd.DataFrame())


def test_the_mean_is_over_customers_within_a_week_then_over_weeks_so_that_a_busy_week_counts_once():
    found = a_finding([(1, "a", "few", 1.0), (1, "b", "many", 0.0), (1, "c", "many", 0.5), (2, "a", "few", 0.0)])
    summary = found.summary().iloc[0]
    assert summary["customers"] == 3
    assert summary["ndcg"] == summary["coverage"] == 0.25
    bands = found.by("band").set_index("band")
    assert bands["ndcg"].to_dict() == {"few": 0.5, "many": 0.25}
    assert bands["customers"].to_dict() == {"few": 1, "many": 2}


def test_values_have_a_gap_where_a_customer_was_not_judged():
    found = a_finding([(1, "a", "few", 1.0), (1, "b", "many", 0.0), (2, "a", "few", 0.5)]).values("blend", "any")
    np.testing.assert_array_equal(found.to_numpy(), [[1, 0.5], [0, np.nan]])


def test_bands_are_the_thirds_of_all_customers_by_orders_before_the_cutoff():
    """Six customers of 1 to 6 orders; the week's own orders do not count."""
    sizes = range(1, 7)
    past = [(f"c{n}", f"o{n}-{m}", CUTOFF - pd.Timedelta(days=m + 1)) for n in sizes for m in range(n)]
    week = [(f"c{n}", f"w{n}-{m}", CUTOFF + pd.Timedelta(hours=m + 1)) for n in sizes for m in range(9 - n)]
    lines = pd.DataFrame(past + week, columns=["customer_id", "order_id", "at"])
    found = judged(lines.assign(product_id="p1", quantity=1.0, price_minor=100.0)).per_customer
    bands = found.drop_duplicates("customer_id").set_index("customer_id")["band"].sort_index()
    assert bands.tolist() == ["few", "few", "some", "some", "many", "many"]


def test_novelty_and_diversity_are_those_of_what_was_shown():
    """Both customers bought milk, one also soap: 0 bits and 1 bit; the two share no category."""
    days = [CUTOFF - pd.Timedelta(days=3), CUTOFF - pd.Timedelta(days=2), CUTOFF - pd.Timedelta(days=2)]
    lines = pd.DataFrame({"customer_id": ["a", "b", "b", "b"], "product_id": ["p0", "p0", "p4", "p0"]})
    lines = lines.assign(order_id=["1", "2", "2", "3"], at=[*days, CUTOFF], quantity=1.0, price_minor=100.0)
    found = judged(lines).per_customer.set_index(["scorer", "task"])
    assert found.loc[("repeat", "any"), ["novelty", "diversity"]].tolist() == [0.5, 1]


def test_calibration_is_of_all_candidates_of_customers_who_bought_in_the_week_and_of_those_who_did_not():
    lines = purchases()
    lines = lines[(lines["at"] < CUTOFF) | (lines["customer_id"] > "c05")]
    found = judged(lines)
    data = Dataset.from_frames(lines, PRODUCTS, as_of=CUTOFF)
    everybody = np.arange(data.shape[0])
    assert 0 < len(found.values("blend", "any")) < len(everybody)
    table = found.calibration
    assert table["pairs"].sum() == len(Hybrid().fit(data).candidates(everybody).row)
    assert len(table) == 10
    assert table["predicted"].is_monotonic_increasing
    assert table["observed"].between(0, 1).all()


def assert_same(one, other):
    for table in ("per_customer", "coverage", "calibration"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))


def test_what_is_bought_more_often_in_the_judged_week_changes_nothing():
    """Had any scorer seen the week, the trebled purchases would move its order; as a target they count once."""
    lines = purchases()
    week = lines[lines["at"] >= CUTOFF]
    assert_same(judged(pd.concat([lines, week, week])), judged(lines))


def test_purchases_after_the_judged_week_change_nothing():
    lines = purchases()
    late = lines["at"] >= CUTOFF + pd.Timedelta(days=7)
    scrambled = lines.assign(product_id=lines["product_id"].where(~late, "p1"))
    assert_same(judged(scrambled), judged(lines))
    assert_same(judged(lines[~late]), judged(lines))


def test_a_product_first_sold_in_the_judged_week_is_neither_shown_nor_wanted():
    lines = purchases()
    lines.loc[lines["at"] < CUTOFF, "product_id"] = lines["product_id"].replace("p0", "p1")
    week = lines["at"] >= CUTOFF
    without = lines[~(week & (lines["product_id"] == "p0"))]
    assert (week & (lines["product_id"] == "p0")).any()
    assert_same(judged(lines), judged(without))


def test_a_week_without_purchases_has_no_row_and_a_past_without_any_is_refused():
    lines = purchases()
    found = judged(lines, cutoffs=[CUTOFF + pd.Timedelta(days=100)])
    assert found.per_customer.empty
    assert list(found.per_customer) == PER_CUSTOMER_COLUMNS
    assert found.calibration.empty
    assert found.summary().empty
    with pytest.raises(NothingToLearn):
        judged(lines, cutoffs=[CUTOFF - pd.Timedelta(days=100)])


def test_one_customer_and_one_product_can_be_judged():
    lines = (
        purchases()
        .head(2)
        .assign(customer_id="c", product_id="p1", at=[CUTOFF - pd.Timedelta(days=8), CUTOFF + pd.Timedelta(days=1)])
    )
    found = judged(lines).summary().set_index("scorer")
    assert found["task"].unique().tolist() == ["any"]
    assert found.loc["repeat", ["customers", "ndcg", "hit", "coverage"]].tolist() == [1, 1, 1, 1]
