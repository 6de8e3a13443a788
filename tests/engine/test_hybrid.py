"""The hybrid: what it ranks by is what its reasons may say."""

import numpy as np

from engine.calibration import Calibration
from engine.hybrid import Hybrid
from engine.moment import FEATURES, OFFERED
from engine.ranking import Head, Single
from engine.rhythm import NAMES
from engine.visits import Visits

BOTH = [(f"c{n}", product, 2) for n in range(9) for product in ("ale", "nuts")]


def test_evidence_that_the_order_does_not_use_lifts_nothing(shop):
    data = shop(*BOTH, ("a", "ale", 1), ("z", "rope", 1))
    hybrid = Hybrid().fit(data)
    found = hybrid.candidates(np.array([0]))
    nuts = found.product == data.product_ids.get_loc("nuts")
    assert hybrid.any is None  # nothing to learn from: own purchases and neighbours rank
    features = found.features[nuts]
    for evidence, lifts in ((["neighbours"], True), (OFFERED, False)):
        bare = np.where(np.isin(FEATURES, evidence), 0, features).astype(np.float32)
        assert hybrid.lifted(features, bare, only_new=True).tolist() == [lifts]


def test_a_chance_is_that_of_the_ranking_times_that_of_coming_at_all(shop):
    """In the ranking each is as likely as its score; a quarter of all come, or everybody does."""
    hybrid = Hybrid().fit(shop(*BOTH, ("a", "ale", 1), ("z", "rope", 1)))
    score = np.linspace(0, 1, 1_000, dtype=np.float32)
    hit = np.random.default_rng(0).random(1_000) < score
    hybrid.any = hybrid.new = Head(Single("repeat"), Calibration().fit(score, hit, np.ones_like(score)), {})
    chances = []
    for came in ([True, False, False, False], [True] * 4):
        alike = np.ones((4, len(NAMES)), dtype=np.float32)
        hybrid.visits = Visits().fit(alike, np.array(came))
        chances.append(hybrid.candidates(np.array([0])))
    quarter, whole = chances
    assert len(whole.score) > 1
    np.testing.assert_allclose(quarter.score, whole.score / 4, rtol=1e-3)
    np.testing.assert_allclose(quarter.discovery, whole.discovery / 4, rtol=1e-3)


def test_discoveries_have_an_order_of_their_own_only_where_it_is_asked_for(shop):
    hybrid = Hybrid().fit(shop(*BOTH, ("a", "ale", 1), ("z", "rope", 1)))
    score = np.linspace(0, 1, 100, dtype=np.float32)
    calibration = Calibration().fit(score, score > 0.5, np.ones_like(score))
    hybrid.any, hybrid.new = Head(Single("repeat"), calibration, {}), Head(Single("popularity"), calibration, {})
    hybrid.visits = Visits().fit(np.ones((2, len(NAMES)), dtype=np.float32), np.array([True, False]))
    asked, plain = (hybrid.candidates(np.array([0]), discoveries=wanted) for wanted in (True, False))
    np.testing.assert_array_equal(asked.score, plain.score)
    np.testing.assert_array_equal(plain.discovery, plain.score)
    assert (asked.discovery != asked.score).any()
