"""A moment: each part tells features of its own, and one that is left out tells nothing."""

import numpy as np
import pytest

from engine.dataset import Dataset
from engine.moment import FEATURES, PARTS, SEEN, Moment
from engine.parameters import Parameters
from tests.benchmarks.shop import AS_OF, catalogue, purchases

ROWS = np.arange(30)


@pytest.fixture(scope="module")
def data():
    """A year of a shop of 100 customers."""
    return Dataset.from_frames(purchases(100, 300, 4_000), catalogue(300), as_of=AS_OF)


def test_every_feature_is_told_by_one_part():
    told = [name for part in PARTS.values() for name in part]
    assert sorted(told) == sorted(FEATURES)
    assert set(SEEN) <= set(FEATURES)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_left_out_tells_nothing_and_the_others_tell_the_same(data, part):
    whole, rest = Moment(data).found(ROWS), Moment(data, Parameters(without=part)).found(ROWS)
    pairs = {pair: place for place, pair in enumerate(zip(whole.row.tolist(), whole.product.tolist(), strict=True))}
    places = np.array([pairs[pair] for pair in zip(rest.row.tolist(), rest.product.tolist(), strict=True)])
    full, left = whole.features()[places], rest.features()
    for column, name in enumerate(FEATURES):
        if name in PARTS[part] and name == "own purchases":
            assert (left[:, column] == (full[:, column] > 0)).all()  # what is new stays known
        elif name in PARTS[part]:
            assert not left[:, column].any()
        elif "rank" not in name:  # ranks are those among fewer candidates
            np.testing.assert_array_equal(left[:, column], full[:, column])
    for column, name in enumerate(SEEN):
        if name in PARTS[part] and name != "own purchases":
            assert not rest.seen()[:, column].any()


@pytest.mark.parametrize("part", ["neighbours", "users"])
def test_a_scorer_that_is_left_out_proposes_nothing(data, part):
    moment = Moment(data, Parameters(without=part))
    assert part not in [scorer.name for scorer in moment.all()]
    assert len(moment.found(ROWS).row) < len(Moment(data).found(ROWS).row)
