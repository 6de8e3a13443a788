"""The score of picks without what their reasons cite: a true reason is evidence, and without it the score falls."""

import copy

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, diags_array


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


def after_removal(recommender, told, score):
    """The scores (score: "score" or "discovery") of picks without what the reason of each cites.

    Picks have columns row, column, cites, rank and reason_kind.
    """
    parts = []
    alone = told["row"].where(told["reason_kind"] == "users", -1)  # what others bought is theirs and everybody's
    for (_, kind, _), mine in told.groupby(["rank", "reason_kind", alone.rename("alone")]):
        row, column = mine["row"].to_numpy(), mine["column"].to_numpy()
        found = without(recommender, kind, row, column, mine["cites"].to_numpy()).candidates(row)
        pairs = zip(found.row.tolist(), found.product.tolist(), strict=True)
        after = dict(zip(pairs, getattr(found, score).tolist(), strict=True))
        parts.append(pd.Series([after.get(pair, 0.0) for pair in enumerate(column)], mine.index))
    return pd.concat(parts)


def fallen(recommender, customers, size, *, only_new=False):
    """The kind of each pick's reason and whether its score fell: columns reason_kind, fell.

    "popularity" cites everybody's purchases and is not asked.
    """
    slates = recommender.recommend(list(customers), size, only_new=only_new)
    told = slates[slates["reason_kind"] != "popularity"].copy()
    told["row"] = recommender.customer_ids.get_indexer(told["customer_id"])
    told["column"] = recommender.product_ids.get_indexer(told["product_id"])
    told["cites"] = recommender.product_ids.get_indexer(pd.Index(told["because"].fillna(-1)))
    after = after_removal(recommender, told, "discovery" if only_new else "score")
    return told[["reason_kind"]].assign(fell=after.loc[told.index] < told["score"])
