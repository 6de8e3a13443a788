"""Reasons hold: without the evidence that a reason cites, the score falls; told of many picks of a made-up shop."""

import copy

import numpy as np
import pandas as pd
import pytest

from engine.dataset import Dataset
from engine.recommender import Recommender
from tests.benchmarks.shop import AS_OF, catalogue, purchases

SIZE = 8


@pytest.fixture(scope="module")
def recommender():
    """Fitted on 150 customers of a made-up shop, with a tenth of its products on offer."""
    goods, bought = catalogue(600), purchases(150, 600, 6_000)
    week = pd.Timedelta(days=7)
    offers = [
        {"product_id": n, "kind": "mailer", "starts_at": AS_OF - week * back, "ends_at": AS_OF - week * (back - 1)}
        for back in range(9)
        for n in range(back, 600, 10)
    ]
    offers = pd.DataFrame(offers).assign(announced_at=AS_OF - 9 * week)
    return Recommender().fit(Dataset.from_frames(bought, goods, None, offers, as_of=AS_OF))


def without(recommender, cited, on_offer):
    """The hybrid as it were had these purchases, as (row, column), and these offers not been."""
    hybrid = copy.deepcopy(recommender.hybrid)
    history = hybrid.moment.history
    row = np.repeat(np.arange(history.shape[0]), np.diff(history.start))
    kept = ~np.isin(row * history.shape[1] + history.product, [r * history.shape[1] + p for r, p in cited])
    history.product, history.age_days = history.product[kept], history.age_days[kept]
    history.start = np.searchsorted(row[kept], np.arange(history.shape[0] + 1))
    hybrid.moment.offered[on_offer] = 0
    return hybrid


@pytest.mark.slow
def test_without_what_a_reason_cites_the_score_falls(recommender):
    slates = recommender.recommend(list(recommender.customer_ids), SIZE)
    told = slates[slates["reason_kind"].isin(["repeat", "neighbours", "offer"])].copy()
    row = recommender.customer_ids.get_indexer(told["customer_id"])
    column = recommender.product_ids.get_indexer(told["product_id"])
    cites = recommender.product_ids.get_indexer(pd.Index(told["because"].fillna(-1)))
    told["after"] = 0.0
    for place in range(1, SIZE + 1):  # one pick of each customer at a time
        mine = np.flatnonzero(told["rank"] == place)
        cited = [(row[n], cites[n]) for n in mine if cites[n] >= 0]
        offered = [column[n] for n in mine if told["reason_kind"].iloc[n] == "offer"]
        found = without(recommender, cited, offered).candidates(row[mine])
        pairs = zip(found.row.tolist(), found.product.tolist(), strict=True)
        after = dict(zip(pairs, found.score.tolist(), strict=True))
        told.iloc[mine, told.columns.get_loc("after")] = [after.get((n, column[m]), 0.0) for n, m in enumerate(mine)]
    assert len(told) > 900
    fell = told["after"] < told["score"]
    assert fell.mean() > 0.95, fell.groupby(told["reason_kind"]).mean().to_dict()
