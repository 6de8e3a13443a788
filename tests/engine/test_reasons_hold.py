"""Reasons hold: without the evidence that a reason cites, the score falls; told of many picks of a made-up shop."""

import copy

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, diags_array

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


def without(recommender, kind, row, column, cites):
    """The hybrid as it were had what these reasons of one kind cite not been; one pick a customer."""
    hybrid = copy.copy(recommender.hybrid)
    hybrid.moment = moment = copy.copy(hybrid.moment)
    moment.history = history = copy.copy(moment.history)
    owner = np.repeat(np.arange(history.shape[0]), np.diff(history.start))
    group, cited = np.arange(history.shape[1]), np.full(history.shape[0], -1)
    if kind in ("repeat", "neighbours"):
        cited[row] = cites
    elif kind == "brand":
        group = moment.kinds.brand
        cited[row] = group[column]
    elif kind == "offer":
        moment.offered = moment.offered.copy()
        moment.offered[column] = 0
    elif kind == "users":
        moment.user_neighbours = copy.copy(moment.user_neighbours)
        others = diags_array((~np.isin(group, column)).astype(np.float32))
        moment.user_neighbours._votes = csr_array(moment.user_neighbours._votes @ others)
        moment.user_neighbours._begun = csr_array(moment.user_neighbours._begun @ others)
    kept = group[history.product] != cited[owner]
    history.product, history.age_days = history.product[kept], history.age_days[kept]
    history.start = np.searchsorted(owner[kept], np.arange(history.shape[0] + 1))
    return hybrid


def after_removal(recommender, told):
    """The scores of picks (columns row, column, cites, rank, reason_kind) without what their reasons cite."""
    parts = []
    alone = told["row"].where(told["reason_kind"] == "users", -1)  # what others bought is theirs and everybody's
    for (_, kind, _), mine in told.groupby(["rank", "reason_kind", alone.rename("alone")]):
        row, column = mine["row"].to_numpy(), mine["column"].to_numpy()
        found = without(recommender, kind, row, column, mine["cites"].to_numpy()).candidates(row)
        pairs = zip(found.row.tolist(), found.product.tolist(), strict=True)
        after = dict(zip(pairs, found.score.tolist(), strict=True))
        parts.append(pd.Series([after.get(pair, 0.0) for pair in enumerate(column)], mine.index))
    return pd.concat(parts)


@pytest.mark.slow
def test_without_what_a_reason_cites_the_score_falls(recommender):
    slates = recommender.recommend(list(recommender.customer_ids), SIZE)
    told = slates[slates["reason_kind"] != "popularity"].copy()
    told["row"] = recommender.customer_ids.get_indexer(told["customer_id"])
    told["column"] = recommender.product_ids.get_indexer(told["product_id"])
    told["cites"] = recommender.product_ids.get_indexer(pd.Index(told["because"].fillna(-1)))
    fell = after_removal(recommender, told).loc[told.index] < told["score"]
    assert len(told) > 900
    assert fell.mean() > 0.95, fell.groupby(told["reason_kind"]).agg(["mean", "size"]).to_dict()
