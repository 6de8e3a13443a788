"""Factors: a few hidden tastes of each customer and product, whose match tells what is bought (a factor model)."""

from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from engine.dataset import Dataset
from engine.history import Rows
from engine.scorers.base import keep_top

BLOCK = 500
"""Customers of which a dense row over all products is held at a time."""

ENTRIES = 16_384
"""Entries of which both factors are gathered at a time: as many as stay in the processor's cache."""

STEPS = 3
"""Of conjugate gradients in each round; the next round goes on from where they ended."""

NOISE = 1e-2
"""Of 1, a product bought: what is expected less is a difference of larger numbers, lost in the rounding of float32."""

Matrix = NDArray[np.float32]


class Factors:
    """Implicit-feedback matrix factorisation by alternating least squares, on log counts.

    Every product is preferred (1) if bought and else not (0), with trust 1 + alpha * log(1 + decayed purchases).

    Attributes (after fit):
        customers: (customers, factors) taste of each customer; 0 of who bought nothing.
        products: (products, factors) of each product; 0 of what was never bought.

    Source: Hu, Koren, Volinsky 2008 (ICDM), "Collaborative Filtering for Implicit Feedback Datasets"; solved as in
    Takacs, Pilaszy, Tikk 2011 (RecSys), "Applications of the Conjugate Gradient Method for Implicit Feedback
    Collaborative Filtering"; the ridge grows with what is known of a row as in Zhou et al. 2008 (AAIM), "Large-scale
    Parallel Collaborative Filtering for the Netflix Prize", so that it fits a shop of any size.
    """

    name = "factors"

    def __init__(
        self,
        factors: int = 64,
        alpha: float = 3.0,
        ridge: float = 0.05,
        half_life_days: float = 112.0,
        rounds: int = 8,
        candidates: int = 150,
        seed: int = 0,
    ) -> None:
        self.factors, self.alpha, self.ridge, self.half_life_days = factors, alpha, ridge, half_life_days
        self.rounds, self.candidates, self.seed = rounds, candidates, seed

    def fit(self, data: Dataset) -> Self:
        """Solve for customers and products in turn; who or what has no purchase is left out, and stays 0."""
        bought = data.history.all()
        trust = bought.matrix(np.float32(self.alpha) * np.log1p(bought.decayed(self.half_life_days)))
        buyers = np.flatnonzero(np.diff(trust.indptr))
        sold = np.unique(trust.indices)
        tastes, products = self._alternate(sparse.csr_array(trust[buyers][:, sold]))
        self.customers = np.zeros((data.shape[0], self.factors), dtype=np.float32)
        self.products = np.zeros((data.shape[1], self.factors), dtype=np.float32)
        self.customers[buyers], self.products[sold] = tastes, products
        return self

    def score(self, rows: Rows) -> sparse.csr_array:
        """Expect how much each product is preferred, about 0 to 1; also of what was bought already."""
        parts = [self._block(part) for part in np.split(rows, range(BLOCK, len(rows), BLOCK))]
        return sparse.csr_array(sparse.vstack(parts, format="csr"))

    def _block(self, rows: Rows) -> sparse.csr_array:
        scores = np.where(rows[:, None] >= 0, self.customers[rows], np.float32(0)) @ self.products.T
        scores[scores < NOISE] = 0
        return keep_top(scores, self.candidates)

    def _alternate(self, trust: sparse.csr_array) -> tuple[Matrix, Matrix]:
        turned = trust.T.tocsr()
        spread = 0.1 / np.sqrt(self.factors)
        draw = np.random.default_rng(self.seed).standard_normal((trust.shape[1], self.factors), dtype=np.float32)
        products, tastes = np.float32(spread) * draw, np.zeros((trust.shape[0], self.factors), dtype=np.float32)
        for _ in range(self.rounds):
            _improve(tastes, products, trust, self.ridge)
            _improve(products, tastes, turned, self.ridge)
        return tastes, products


def _improve(mine: Matrix, others: Matrix, trust: sparse.csr_array, ridge: float) -> None:
    """Bring factors nearer to the least squares, in place, the others being given.

    Args:
        mine: (n, factors) to be improved.
        others: (m, factors) of the other side.
        trust: (n, m) extra trust of each pair bought.
        ridge: for each unit of extra trust in the row.
    """
    gram = others.T @ others
    for start, stop in _blocks(trust.indptr):
        equations = _Equations(trust[start:stop], others, gram, ridge)
        mine[start:stop] = equations.improved(mine[start:stop])


def _blocks(starts: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Cut rows into blocks of up to `ENTRIES` entries; a longer row is a block of its own."""
    start, last = 0, len(starts) - 1
    while start < last:
        stop = int(np.searchsorted(starts, starts[start] + ENTRIES, side="right")) - 1
        yield start, max(stop, start + 1)
        start = max(stop, start + 1)


class _Equations:
    """The normal equations of a block of rows, (Y'Y + Y'(C - 1)Y + ridge) x = Y'C p: applied, never written out."""

    def __init__(self, trust: sparse.csr_array, others: Matrix, gram: Matrix, ridge: float) -> None:
        self._sizes, self._trust, self._gram = np.diff(trust.indptr), trust.data, gram
        self._others = others[trust.indices]
        self._ends, self._places = trust.indptr, np.arange(trust.nnz, dtype=trust.indptr.dtype)
        self._ridge = np.float32(ridge) * trust.sum(axis=1, dtype=np.float32)[:, None]

    def improved(self, x: Matrix) -> Matrix:
        """Take some steps of conjugate gradients, all rows at once."""
        x = x.copy()
        rest = self._summed(1 + self._trust) - self._times(x)
        step, size = rest.copy(), _squares(rest)
        for _ in range(STEPS):
            image = self._times(step)
            length = size / np.maximum(np.einsum("nf,nf->n", step, image)[:, None], np.float32(1e-30))
            x += length * step
            rest -= length * image
            before, size = size, _squares(rest)
            step = rest + size / np.maximum(before, np.float32(1e-30)) * step
        return x

    def _times(self, x: Matrix) -> Matrix:
        """The left side's product with x."""
        match = np.einsum("ef,ef->e", self._others, np.repeat(x, self._sizes, axis=0))
        left: Matrix = x @ self._gram + self._ridge * x + self._summed(self._trust * match)
        return left

    def _summed(self, weight: NDArray[np.float32]) -> Matrix:
        """Sum the others' factors over the entries of each row, weighed."""
        shape = (len(self._sizes), len(weight))
        return np.asarray(sparse.csr_array((weight, self._places, self._ends), shape=shape) @ self._others)


def _squares(rest: Matrix) -> Matrix:
    return np.asarray(np.einsum("nf,nf->n", rest, rest)[:, None])
