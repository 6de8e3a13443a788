"""Lift: more than everybody, shrunk by what chance alone would do."""

import numpy as np
import pytest
from scipy import sparse

from engine.scorers.lift import lift_of_groups


def lifts(votes, group, groups=2):
    return lift_of_groups(sparse.csr_array(np.array(votes, dtype=np.float32)), np.array(group), groups)


def test_a_lift_equals_the_figures_worked_by_hand():
    """Groups of 2 and 2 customers: group 0 gives its 4 votes as (3, 1), group 1 as (1, 3).

    Shares of everybody are 1/2 each, so 2 votes are expected in each cell and lifts are 3/2 and 1/2. Votes for a
    product are 1, 2, 0, 1 in one order or another: of one customer the variance is 2/3, of a random pair of the four
    2 * (1 - 2/4) * 2/3 = 2/3, as a lift 2/3 / 2**2 = 1/6. The lifts vary by 1/4, so 1/4 - 1/6 = 1/12 is the spread,
    and each lift is trusted by 1/12 / (1/12 + 1/6) = 1/3.
    """
    found = lifts([[1, 1], [2, 0], [0, 2], [1, 1]], [0, 0, 1, 1])
    np.testing.assert_allclose(found.share, [[3 / 4, 1 / 4], [1 / 4, 3 / 4]])
    assert found.spread == pytest.approx(1 / 12)
    np.testing.assert_allclose(found.lift, [[1 + 1 / 6, 1 - 1 / 6], [1 - 1 / 6, 1 + 1 / 6]])


def test_groups_dealt_at_random_have_no_lift_worth_a_word():
    rng = np.random.default_rng(5)
    found = lifts(rng.random((2000, 30)) < 0.2, rng.integers(0, 4, 2000), groups=4)
    assert found.spread < 0.002
    assert np.abs(found.lift - 1).max() < 0.05


def test_a_small_group_is_shrunk_more_than_a_large_one_of_the_same_shares():
    rng = np.random.default_rng(5)
    group = np.repeat([0, 1, 2], [500, 500, 5])
    likes_first = np.where(group == 1, 0.2, 0.6)
    found = lifts(rng.random((1005, 2)) < np.column_stack([likes_first, 0.8 - likes_first]), group, groups=3)
    raw = found.share[:, 0] / (found.share[:2, 0].mean())
    assert found.lift[0, 0] > 1.3
    assert abs(found.lift[2, 0] - 1) < 0.7 * abs(raw[2] - 1)


def test_who_is_in_no_group_counts_for_nobody():
    found = lifts([[1, 0], [0, 1], [9, 9]], [0, 1, -1])
    assert found.share.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("group", [[-1, -1], [0, -1], [0, 0], [0, 2]])
def test_groups_and_votes_that_are_empty_have_a_lift_of_one(group):
    found = lifts([[0, 0], [0, 0]], group, groups=3)
    assert (found.lift == 1).all()
    assert (found.share == 0).all()
    found = lifts([[1, 2], [1, 2]], group, groups=3)
    assert (found.lift == 1).all()
