"""Visits: as many customers come as it says, and who has nothing to say it by gets the share of all."""

import numpy as np
import pytest

from engine.rhythm import NAMES
from engine.visits import Visits


def people(size, seed=0):
    """Customers of random rhythms, each coming by a chance that falls with the days since the last order."""
    rng = np.random.default_rng(seed)
    rhythm = rng.gamma(1.5, 20, (size, len(NAMES))).astype(np.float32)
    chance = 1 / (1 + np.maximum(rhythm[:, NAMES.index("days since last order")], 1) / 20)
    return rhythm, rng.random(size) < chance, chance


def test_as_many_come_as_it_says_of_those_who_come_often_and_of_those_who_seldom_do():
    rhythm, came, _ = people(20_000)
    fresh, _, chance = people(20_000, seed=1)
    found = Visits().fit(rhythm, came)(fresh)
    order = np.argsort(chance)
    for part in np.array_split(order, 5):
        assert found[part].mean() == pytest.approx(chance[part].mean(), rel=0.1)


@pytest.mark.parametrize("share", [0, 1])
def test_where_all_or_none_came_there_is_nothing_to_tell_them_apart_by(share):
    rhythm, _, _ = people(50)
    assert (Visits().fit(rhythm, np.full(50, share, dtype=bool))(rhythm) == share).all()


def test_nobody_asked_for_has_no_chance_of_anything():
    rhythm, came, _ = people(50)
    assert Visits().fit(rhythm, came)(rhythm[:0]).shape == (0,)
