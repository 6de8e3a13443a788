"""Names of segments: no two alike, in words, kept while the group and its words hold."""

import numpy as np
import pandas as pd
import pytest

from engine.segment_names import name_groups

NO_TASTE = pd.DataFrame(index=range(2_000))


def people(*groups, size=100):
    """Groups of (recency_days, orders, gap_days, spent_minor, tenure_days), each of `size` customers."""
    columns = ["recency_days", "orders", "gap_days", "spent_minor", "tenure_days"]
    known = pd.DataFrame(np.repeat(np.array(groups, float), size, axis=0), columns=columns)
    return np.repeat(np.arange(len(groups)), size), known


ALIKE = [(5, 20, 7, 100, 300), (5, 20, 7, 900, 300), (5, 20, 7, 900, 50)]


def named(*groups, shares=None, before=None):
    labels, known = people(*groups)
    return name_groups(labels, known, NO_TASTE.loc[known.index] if shares is None else shares, before)


def test_groups_of_the_same_rhythm_are_told_apart_by_what_differs_most():
    found = named(*ALIKE)
    assert len(set(found)) == 3
    assert found[0].endswith("small baskets")
    assert [name.rpartition(", ")[2] for name in found[1:]] == ["long known", "newer"]


@pytest.mark.parametrize("seed", range(5))
def test_many_groups_of_one_rhythm_have_names_without_a_number(seed):
    spread = np.random.default_rng(seed).uniform(0.9, 1.1, (8, 5))
    found = named(*(spread * [5, 20, 7, 500, 300]))
    assert len(set(found)) == 8
    assert not any(letter.isdigit() for name in found for letter in name)


def test_taste_tells_groups_apart_where_nothing_else_does():
    shares = pd.DataFrame({"tea": np.repeat([0.52, 0.48], 100), "toys": np.repeat([0.48, 0.52], 100)})
    found = named(ALIKE[0], ALIKE[0], shares=shares)
    assert sorted(name.rpartition(", ")[2] for name in found) == ["less tea", "more tea"]


def test_groups_that_differ_in_nothing_are_one_segment():
    assert len(set(named(ALIKE[0], ALIKE[0]))) == 1


def test_a_new_group_does_not_take_a_name_that_another_one_keeps():
    before = pd.Series(["regular, buys weekly"] * 100 + [None] * 100, dtype="str")
    found = named(ALIKE[0], ALIKE[1], before=before)
    assert found[0] == "regular, buys weekly"
    assert found[1] != found[0]


def test_half_of_the_members_are_not_the_same_group():
    before = pd.Series(["regular, buys weekly, early birds"] * 100 + ["x"] * 100, dtype="str")
    labels, known = people(ALIKE[0])
    doubled = pd.concat([known, known], ignore_index=True)
    found = name_groups(np.repeat(labels, 2), doubled, NO_TASTE.loc[doubled.index], before)
    assert found == ["regular, buys weekly"]


def test_a_department_that_is_bought_less_than_usual_leaves_the_name():
    shares = pd.DataFrame({"tea": np.repeat([0.9, 0.1], 100), "toys": np.repeat([0.1, 0.9], 100)})
    before = pd.Series(["loyal, buys weekly, tea"] * 100 + ["loyal, buys weekly, tea, early birds"] * 100)
    found = named(ALIKE[0], ALIKE[0], shares=shares, before=before)
    assert found[0] == "loyal, buys weekly, tea"
    assert found[1].endswith("buys weekly, toys")


def test_whoever_bought_once_has_no_rhythm():
    found = named((5, 1, np.nan, 100, 5), (5, 20, 7, 100, 300), (200, 1, np.nan, 100, 200))
    assert found == ["occasional, bought once", "loyal, buys weekly", "drifting away, bought once"]
