"""Demographic: what customers of the same age, income, household or region buy; for who has not bought yet."""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.attributes import as_words
from engine.dataset import Dataset
from engine.history import Rows
from engine.scorers.lift import lift_of_groups
from engine.scorers.popularity import Popularity, votes

FEWEST_KNOWN = 20
"""Buyers of whom an attribute must be known before anything is learnt from it."""

LEAST_LIFT = 0.01
"""A group that bought none of a product so far may still begin to: its lift is never quite 0."""

Codes = NDArray[np.int16]
"""(n, attributes) which value of each attribute a customer has; -1: not known."""


class Demographic:
    """Popularity, times how much more the customer's groups buy a product than everybody.

    The lifts of several attributes are averaged in logarithms, each weighed by how much its groups differ, for age,
    income and household tell much the same and would count thrice if multiplied. Taste by group changes slowly, so
    its half-life is long; what sells changes fast, so that of popularity is short.

    Attributes (after fit):
        people: (people, attributes) those attributes of everybody that something was learnt from.
        all_votes: decayed votes of all products together.
    """

    name = "demographic"

    def __init__(
        self, half_life_days: float = 14.0, group_half_life_days: float = 180.0, candidates: int = 200
    ) -> None:
        self.half_life_days, self.group_half_life_days = half_life_days, group_half_life_days
        self.candidates = candidates

    def fit(self, data: Dataset) -> Self:
        """Compare the groups of each attribute of which enough is known."""
        self._popularity = Popularity(self.half_life_days, self.candidates).fit(data)
        cast = sparse.csr_array(votes(data.history, self.group_half_life_days)[:, self._popularity.top])
        buyers = np.unique(data.customer)
        self.all_votes = float(self._popularity.popular.sum())
        self.people = _well_known(data.attributes, data.customer_ids[buyers])
        self._codes = self.codes(data.customer_ids)
        group = np.full(self._codes.shape, -1, dtype=np.intp)
        group[buyers] = self._codes[buyers]
        levels = [len(self.people[name].cat.categories) for name in self.people]
        found = [lift_of_groups(cast, mine, size) for mine, size in zip(group.T, levels, strict=True)]
        # The last row is for a value that is not known: it tells nothing.
        self._lifts = [np.vstack([each.lift, np.ones(cast.shape[1])]) for each in found]
        self._spreads = [each.spread for each in found]
        return self

    def codes(self, customer_ids: pd.Index, customers: pd.DataFrame | None = None) -> Codes:
        """Look up which value of each attribute customers have.

        Args:
            customer_ids: (n,) of whom; anybody.
            customers: customer_id and attributes, newer than those of the dataset; what it lacks is taken from there.
        """
        known = self.people.reindex(customer_ids)
        fresh = None if customers is None else _by_id(customers).reindex(customer_ids)
        codes = np.full((len(customer_ids), known.shape[1]), -1, dtype=np.int16)
        for place, name in enumerate(known):
            codes[:, place] = known[name].cat.codes
            if fresh is not None and name in fresh:
                now = known[name].cat.categories.get_indexer(pd.Index(as_words(fresh[name]), dtype=object))
                codes[:, place] = np.where(now >= 0, now, codes[:, place])
        return codes

    def score(self, rows: Rows) -> sparse.csr_array:
        """The popular products in the order of each customer's groups; who is not known gets plain popularity."""
        unknown = np.full((1, self._codes.shape[1]), -1, dtype=np.int16)
        return self.score_like(np.concatenate([self._codes, unknown])[rows])

    def score_like(self, codes: Codes) -> sparse.csr_array:
        """Score for customers who need not be in the dataset.

        Args:
            codes: (n, attributes) of each, see `codes`.

        Returns:
            (n, products) float32: decayed votes times the lift.
        """
        top, popular = self._popularity.top, self._popularity.popular
        logs, weight = np.zeros((len(codes), len(top))), np.zeros((len(codes), 1))
        for lift, spread, code in zip(self._lifts, self._spreads, codes.T, strict=True):
            logs += spread * np.log(np.maximum(lift[code], LEAST_LIFT))
            weight += spread * (code >= 0)[:, None]
        values = popular[top] * np.exp(logs / np.maximum(weight, 1e-12))
        starts = np.arange(len(codes) + 1) * len(top)
        columns = np.tile(top, len(codes))
        return sparse.csr_array((values.astype(np.float32).ravel(), columns, starts), shape=(len(codes), len(popular)))

    def best_lift(self, codes: Codes, product: NDArray[np.intp]) -> NDArray[np.float64]:
        """How much more the group that lifts a candidate most buys it than everybody.

        Args:
            codes: (pairs, attributes) of the customer of each pair.
            product: (pairs,) column of a product.

        Returns:
            (pairs,) the highest lift over the attributes; 1 where none is known, or of the product nothing is.
        """
        top = self._popularity.top
        place = np.minimum(np.searchsorted(top, product), len(top) - 1)
        lifts = [lift[code, place] for lift, code in zip(self._lifts, codes.T, strict=True)]
        return np.where(top[place] == product, np.max(lifts, axis=0), 1.0) if lifts else np.ones(len(product))


def _well_known(attributes: pd.DataFrame, buyers: pd.Index) -> pd.DataFrame:
    """Keep the attributes that differ among enough buyers."""
    known = attributes.reindex(buyers)
    enough = [name for name in known if known[name].count() >= FEWEST_KNOWN and known[name].nunique() >= 2]
    return attributes[enough]


def _by_id(customers: pd.DataFrame) -> pd.DataFrame:
    return customers.drop_duplicates("customer_id").set_index("customer_id")
