"""The shortlist: what is worth describing comes through it, the rest stands behind."""

import numpy as np
import pytest

from engine.dataset import Dataset
from engine.examples import PastWeek, Sample
from engine.hybrid import Hybrid
from engine.shortlist import LIKELIEST, LIKELIEST_ALONE, LIKELIEST_NEW, NEVER, behind
from tests.benchmarks.shop import AS_OF, catalogue, purchases


@pytest.fixture(scope="module")
def data():
    """A year of a shop of 800 customers."""
    return Dataset.from_frames(purchases(800, 500, 120_000), catalogue(500), as_of=AS_OF)


def test_few_candidates_come_through_and_with_them_most_of_what_was_bought(data):
    fold = np.random.default_rng(0).permutation(data.shape[0]) % 10
    week = PastWeek(data, 0, Sample(fold, 2_000, 1.0, seed=0))
    shortlist = week.shortlist()
    held_back = week.customers[fold[week.customers] == 0]
    for _, found, hit in week.partitions(held_back):
        kept = shortlist.of(found).kept
        assert np.bincount(found.row[kept]).max() <= LIKELIEST + LIKELIEST_NEW
        assert kept.mean() < 0.6
        assert kept[hit].mean() > 0.8 > 1.3 * kept.mean()


def test_where_no_discoveries_are_asked_for_fewer_are_kept_all_of_them_likeliest(data):
    week = PastWeek(data, 0, Sample(np.arange(data.shape[0]) % 10, 2_000, 1.0, seed=0))
    shortlist = week.shortlist()
    for _, found, _ in week.partitions(week.customers):
        whole, alone = shortlist.of(found), shortlist.of(found, discoveries=False)
        np.testing.assert_array_equal(alone.first, whole.first)
        assert (alone.first_new == NEVER).all()
        assert not (alone.kept & ~whole.kept).any()
        assert set(np.bincount(found.row[alone.kept])) == {LIKELIEST_ALONE}
        for row in np.unique(found.row):
            mine = found.row == row
            assert whole.first[mine & alone.kept].min() >= whole.first[mine & ~alone.kept].max()


def test_those_left_out_stand_behind_in_their_first_order(data):
    hybrid = Hybrid(weeks=3).fit(data)
    rows = np.arange(40)
    found, ranked = hybrid.moment.found(rows), hybrid.candidates(rows)
    first = hybrid.shortlist.of(found)
    for row in rows:
        mine = found.row == row
        kept, others = mine & first.kept, mine & ~first.kept
        assert ranked.score[others].max() < ranked.score[kept].min()
        rest = np.flatnonzero(others)
        order = np.argsort(-first.first[rest], kind="stable")
        assert (np.diff(ranked.score[rest][order]) <= 0).all()


def test_of_a_customer_none_of_whose_pairs_is_ranked_all_stand_behind_everybodys():
    scores = behind(
        np.array([0, 0, 1]), np.array([3.0, 2.0], np.float32), np.array([True, True, False]), np.zeros(3, np.float32)
    )
    assert scores[2] < scores[:2].min()


def test_where_too_little_that_is_new_is_bought_there_is_no_shortlist(data):
    fold = np.arange(data.shape[0]) % 10
    week = PastWeek(data, 0, Sample(fold, 25, 1.0, seed=0))
    assert week.shortlist() is None
