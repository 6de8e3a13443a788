"""What others take for the same shop: each fitted once, then asked for 8 products of every customer, or of some."""

import time

import numpy as np
import pandas as pd
from scipy import sparse

SIZE = 8
SOME = 300
"""Customers asked of those that would take hours for all."""


def counts(data):
    """(customers, products) on how many days each was bought."""
    bought = data.history.all()
    return sparse.csr_matrix(bought.matrix(bought.times))


def implicit_als(data):
    """Seconds to fit ALS (64 factors, 15 iterations), and customers per second for all of them."""
    from implicit.als import AlternatingLeastSquares

    table = counts(data)
    model = AlternatingLeastSquares(factors=64, iterations=15, random_state=7)
    fitted = timed(lambda: model.fit(table, show_progress=False))
    everybody = np.arange(table.shape[0])
    return fitted, len(everybody) / timed(lambda: model.recommend(everybody, table, N=SIZE))


def implicit_items(data):
    """The same of implicit's item-item model."""
    from implicit.nearest_neighbours import CosineRecommender

    table = counts(data)
    model = CosineRecommender(K=50)
    fitted = timed(lambda: model.fit(table, show_progress=False))
    everybody = np.arange(table.shape[0])
    return fitted, len(everybody) / timed(lambda: model.recommend(everybody, table, N=SIZE))


def sklearn_neighbours(data):
    """The same of brute-force neighbours by cosine, for some customers: their purchases, summed, best first."""
    from sklearn.neighbors import NearestNeighbors

    table = counts(data)
    model = NearestNeighbors(n_neighbors=50, metric="cosine", algorithm="brute")
    fitted = timed(lambda: model.fit(table))

    def slates():
        for near in model.kneighbors(table[:SOME], return_distance=False):
            np.argsort(-np.asarray(table[near].sum(axis=0)).ravel())[:SIZE]

    return fitted, SOME / timed(slates)


def surprise_svd(data, lines=200_000):
    """The same of surprise's SVD, fitted on some lines, every product estimated for a few customers."""
    from surprise import SVD, Dataset, Reader

    bought = data.history.all()
    taken = np.random.default_rng(7).permutation(len(bought.row))[:lines]
    frame = pd.DataFrame({"u": bought.row[taken], "i": bought.product[taken], "r": np.log1p(bought.times[taken])})
    rated = Dataset.load_from_df(frame, Reader(rating_scale=(0, 6))).build_full_trainset()
    model = SVD(n_factors=64, n_epochs=5, random_state=7)
    fitted = timed(lambda: model.fit(rated)) * len(bought.row) / len(taken)
    asked = np.unique(bought.row)[: SOME // 60]

    def slates():
        for customer in asked:
            estimates = [model.predict(customer, product).est for product in range(data.shape[1])]
            np.argsort(estimates)[-SIZE:]

    return fitted, len(asked) / timed(slates)


def timed(work):
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


PEERS = {
    "implicit ALS": implicit_als,
    "implicit item-item": implicit_items,
    "scikit-learn neighbours": sklearn_neighbours,
    "surprise SVD": surprise_svd,
}
