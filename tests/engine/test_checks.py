"""Every scorer keeps the contract, and a scorer that breaks one rule is caught by that rule."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from engine.checks import check_scorer
from engine.dataset import Dataset
from engine.scorers.content import Content
from engine.scorers.demographic import Demographic
from engine.scorers.kinds import KindAffinity
from engine.scorers.neighbours import Neighbours
from engine.scorers.offers import Offers
from engine.scorers.popularity import Popularity
from engine.scorers.repeat import Repeat
from engine.scorers.user_neighbours import UserNeighbours

SCORERS = [Popularity, Repeat, Neighbours, UserNeighbours, KindAffinity, Offers, Content, Demographic]


@pytest.mark.parametrize("scorer", SCORERS)
def test_every_scorer_keeps_the_contract(scorer):
    check_scorer(scorer)


def change(**parts):
    """A popularity scorer of which some parts are replaced."""
    return type("Broken", (Popularity,), parts)


def scores(spoil):
    """A scorer that spoils sound scores before it hands them out."""
    return change(score=lambda self, rows: spoil(Popularity.score(self, rows)))


def spoilt_data(spoil):
    def changed(found):
        found.data = spoil(found.data)
        return found

    return scores(changed)


def backwards(found):
    rows = [found[[row]] for row in range(found.shape[0])]
    for row in rows:
        row.indices, row.data = row.indices[::-1], row.data[::-1]
    return sparse.vstack(rows, format="csr") if rows else found


def by_place(self, rows):
    found = Popularity.score(self, rows)
    place = np.where(rows < 0, 1, 1 + np.arange(len(rows)))
    found.data *= np.repeat(place, np.diff(found.indptr)).astype(np.float32)
    return found


def by_batch(self, rows):
    found = Popularity.score(self, rows)
    found.data *= np.float32(1 + len(rows))
    return found


def unknown_by_place(self, rows):
    found = Popularity.score(self, rows)
    unknown = np.where(rows < 0, 1 + np.arange(len(rows)), 1)
    found.data *= np.repeat(unknown, np.diff(found.indptr)).astype(np.float32)
    return found


def by_chance(self, data):
    Popularity.fit(self, data)
    self.popular = self.popular * np.float32(1 + np.random.default_rng().random())
    return self


def all_products(self, data):
    Popularity.fit(self, data)
    self.popular = self.popular + np.float32(1)
    self.top = np.arange(len(self.popular))
    return self


def wants_much(self, data):
    if min(data.shape) < 2:
        raise ValueError("too little data")
    return Popularity.fit(self, data)


def writes_rows(self, rows):
    found = Popularity.score(self, rows)
    rows[rows < 0] = 0
    return found


def writes_data(self, data):
    data.age_days[:] = 1
    return Popularity.fit(self, data)


def own_scores(self, rows):
    if len(rows) not in self.__dict__.setdefault("given", {}):
        self.given[len(rows)] = Popularity.score(self, rows)
    return self.given[len(rows)]


BROKEN = {
    "fit returns the scorer itself": [change(fit=lambda self, data: None)],
    "a scorer has a name": [change(name="")],
    "scores are a csr array": [scores(lambda found: found.toarray()), scores(lambda found: found.tocsc())],
    "scores have the shape": [scores(lambda found: found[:, :-1])],
    "scores are float32": [scores(lambda found: found.astype(np.float64))],
    "scores are finite": [spoilt_data(lambda data: data * np.float32(np.nan))],
    "only scores above 0 are stored": [spoilt_data(np.negative), spoilt_data(lambda data: data - data.min(initial=9))],
    "columns are in order within each row, each once": [scores(backwards)],
    "everybody who is not known": [change(score=unknown_by_place)],
    "customers in another order": [change(score=by_place)],
    "customers in other batches": [change(score=by_batch)],
    "two fits on the same data": [change(fit=by_chance)],
    "scores are those of a dataset made 7 days earlier": [change(fit=all_products)],
    "is enough data": [change(fit=wants_much)],
    "leaves the rows": [change(score=writes_rows)],
    "leave the dataset": [change(fit=writes_data)],
    "are not part of the model": [change(score=own_scores)],
}


@pytest.mark.parametrize(("rule", "broken"), [(rule, each) for rule, many in BROKEN.items() for each in many])
def test_a_scorer_that_breaks_a_rule_is_caught_by_that_rule(rule, broken):
    with pytest.raises(AssertionError, match=f"broken rule: .*{rule.replace('(', '[(]')}"):
        check_scorer(broken)


def test_a_dataset_that_lets_later_purchases_through_is_caught(monkeypatch):
    honest = Dataset.from_frames.__func__

    def a_week_ahead(cls, purchases, *frames, as_of):
        shifted = purchases.assign(at=purchases["at"] - pd.Timedelta(days=7))
        return honest(cls, shifted, *frames, as_of=as_of)

    monkeypatch.setattr(Dataset, "from_frames", classmethod(a_week_ahead))
    with pytest.raises(AssertionError, match="purchases after the cut-off change nothing"):
        check_scorer(Popularity)
