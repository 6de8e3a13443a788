"""Kinds: what sells best of the kinds of product that a customer buys, or that go with those."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Purchases, Rows
from engine.scorers.base import keep_top, most
from engine.scorers.neighbours import item_weights
from engine.tastes import HALF_LIFE_DAYS, Kinds

OWN_SHARE = 0.5
"""What a purchase of the kind itself counts beside what follows from other kinds."""


class KindAffinity:
    """How much a customer is drawn to a kind, times the root of what each of its products sells.

    A kind is a whole category path. It follows from the kinds bought by the linear item-item model of `Neighbours`,
    here over kinds: so dense that it also speaks for products that few have bought yet.
    """

    name = "kinds"

    def __init__(self, kinds: int = 2000, products: int = 6000, ridge: float = 100.0, candidates: int = 100) -> None:
        self.kinds, self.products, self.ridge, self.candidates = kinds, products, ridge, candidates

    def fit(self, data: Dataset) -> Self:
        """Learn which kinds go together, and what sells."""
        self.history = data.history
        self.kind = Kinds.of(data.catalog).kind
        bought = _decayed(data.history.all(), self.kind)
        buyers = np.bincount(bought.indices, minlength=bought.shape[1])
        self.members = most(buyers, self.kinds)
        bought.data = np.log1p(bought.data)
        self._weights = item_weights(sparse.csr_array(bought[:, self.members]), self.ridge)
        entries = data.history.product[data.history.age_days <= 28]
        self.sold = np.bincount(entries, minlength=data.shape[1]).astype(np.float32)
        self._shelf = most(self.sold, self.products)
        return self

    def follows(self, bought: Purchases) -> NDArray[np.float32]:
        """(customers, kinds) how much each kind follows from the others bought."""
        mine = _decayed(bought, self.kind)
        mine.data = np.log1p(mine.data)
        wide = np.zeros(mine.shape, dtype=np.float32)
        wide[:, self.members] = sparse.csr_array(mine[:, self.members]) @ self._weights
        return wide

    def drawn(self, follows: NDArray[np.float32], bought: Purchases) -> NDArray[np.float32]:
        """(customers, kinds) how much each is drawn to a kind: what `follows`, and the kind itself."""
        own = _decayed(bought, self.kind).toarray()
        return np.asarray(follows + np.float32(OWN_SHARE) * own, dtype=np.float32)

    def affinity(self, rows: Rows) -> NDArray[np.float32]:
        """(customers, kinds) how much some customers are drawn to each kind."""
        bought = self.history.of(rows)
        return self.drawn(self.follows(bought), bought)

    def best(
        self, drawn: NDArray[np.float32], shelf: NDArray[np.intp], sold: NDArray[np.float32], candidates: int
    ) -> sparse.csr_array:
        """The best of some products by affinity and sales: (customers, products).

        Args:
            drawn: (customers, kinds).
            shelf: columns of products, ascending.
            sold: (products,) what they sell.
            candidates: how many for each customer, at most.
        """
        scores = np.take(drawn, self.kind[shelf], axis=1) * np.sqrt(sold[shelf])
        top = keep_top(scores, candidates)
        return sparse.csr_array((top.data, shelf[top.indices], top.indptr), shape=(len(drawn), len(sold)))

    def top(self, drawn: NDArray[np.float32]) -> sparse.csr_array:
        """The best of the most sold products for customers of whom it is known what they are drawn to."""
        return self.best(drawn, self._shelf, self.sold, self.candidates)

    def score(self, rows: Rows) -> sparse.csr_array:
        """Affinity to the kind, times the root of the last four weeks' sales."""
        return self.top(self.affinity(rows))


def _decayed(bought: Purchases, kind: NDArray[np.intp]) -> sparse.csr_array:
    """(customers, kinds) decayed purchases."""
    shape = (bought.shape[0], int(kind.max(initial=-1)) + 1)
    return sparse.coo_array((bought.decayed(HALF_LIFE_DAYS), (bought.row, kind[bought.product])), shape=shape).tocsr()
