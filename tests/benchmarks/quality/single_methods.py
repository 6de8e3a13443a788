"""The single methods that a user would reach for, each written by its paper and apart from the engine's scorers.

Each is a function of rows: (rows, products) scores. `table(half_life)` are the purchases as (customers, products), each
day of a purchase counting 1, half as much every so many days.
"""

import numpy as np
from scipy import sparse

EASE_PRODUCTS = 6000
RIDGES = (100.0, 500.0)
NEAREST = 300
LEAST = 1e-9
"""The share of what sells that breaks ties, so that no slate is short."""


def popularity(table):
    """What sold lately, for everybody."""
    sold = np.asarray(table(14.0).sum(axis=0)).ravel()
    return lambda rows: np.tile(sold, (len(rows), 1))


def decayed_repeat(table):
    """What the customer bought, the recent and the frequent first."""
    own = table(112.0)
    return lambda rows: own[rows].toarray()


def ease(table, ridge):
    """EASE (Steck 2019, WWW) on log counts of the products most sold."""
    counts = table(365.0)
    counts.data = np.log1p(counts.data)
    most = np.argsort(-np.asarray((counts > 0).sum(axis=0)).ravel())[:EASE_PRODUCTS]
    mine = counts.tocsc()[:, most].tocsr()
    gram = (mine.T @ mine).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores, products = np.asarray(mine @ weights, dtype=np.float32), counts.shape[1]

    def score(rows):
        found = np.zeros((len(rows), products), np.float32)
        found[:, most] = scores[rows]
        return found

    return score


def tifu_knn(table, own_share=0.7):
    """TIFU-KNN (Hu et al. 2020, SIGIR): the customer's own decayed counts, and those of the nearest customers."""
    own, recent = table(112.0), table(28.0)
    length = np.asarray(recent.multiply(recent).sum(axis=1)).ravel()
    customers = own.shape[0]
    nearest = min(NEAREST, max(customers // 4, 1), customers - 1)

    def score(rows):
        distance = length[rows][:, None] + length[None, :] - 2 * (recent[rows] @ recent.T).toarray()
        distance[np.arange(len(rows)), rows] = np.inf
        near = np.argpartition(distance, nearest - 1, axis=1)[:, :nearest]
        place = np.repeat(np.arange(len(rows)), nearest), near.ravel()
        share = sparse.csr_array((np.full(near.size, 1 / nearest), place), shape=(len(rows), customers))
        return own_share * own[rows].toarray() + (1 - own_share) * (share @ own).toarray()

    return score


def fitted(table):
    """Each by its name."""
    sold, own = popularity(table), decayed_repeat(table)
    found = {"popularity": sold, "decayed repeat": own}
    for ridge in RIDGES:
        found[f"EASE {ridge:.0f}"] = others = ease(table, ridge)
        found[f"EASE {ridge:.0f} and own"] = _sum(others, own)
    found["TIFU-KNN"] = tifu_knn(table)
    return {name: _with_ties_broken(score, sold) for name, score in found.items()}


def _sum(first, second):
    return lambda rows: first(rows) + second(rows)


def _with_ties_broken(score, sold):
    return lambda rows: score(rows) + LEAST * sold(rows)
