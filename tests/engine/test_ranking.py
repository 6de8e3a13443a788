"""Ranking: learns where there is enough to learn from, and is never worse than the best single scorer where not."""

import numpy as np
import pytest

from engine.examples import Examples
from engine.metrics import mean_ndcg
from engine.moment import FEATURES
from engine.ranking import ANY, FEWEST_HITS, FOLDS, NEW, K, Learnt, OnTop, Single, learn, order_on

OWN, LIKE = FEATURES.index("own, half-life 112 days"), FEATURES.index("neighbours")
GAP, LAST = FEATURES.index("own gap"), FEATURES.index("days since own last")


def examples(customers, chance, pairs=40, seed=0):
    """Pairs with random features of customers, each bought by the chance that its features give."""
    rng = np.random.default_rng(seed)
    features = rng.random((customers * pairs, len(FEATURES))).astype(np.float32)
    hit = rng.random(len(features)) < chance(features)
    customer = np.repeat(np.arange(customers, dtype=np.int32), pairs)
    return Examples(features, hit, np.ones(len(hit), np.float32), customer, np.zeros(len(hit), np.int32))


def parts(customers):
    return np.arange(customers) % FOLDS


def test_of_few_purchases_the_best_single_scorer_is_chosen():
    found = examples(40, lambda x: 0.3 * x[:, LIKE] ** 4)
    assert found.hit.sum() < FEWEST_HITS
    head = learn(found, parts(40), NEW, seed=0)
    assert head.order == Single("neighbours")


def test_what_no_single_scorer_sees_is_learnt():
    due = examples(400, lambda x: np.where((x[:, GAP] > 0.7) & (x[:, LAST] > 0.7), 0.8, 0.02))
    head = learn(due, parts(400), NEW, seed=0)
    assert isinstance(head.order, Learnt)
    fresh = examples(200, lambda x: np.where((x[:, GAP] > 0.7) & (x[:, LAST] > 0.7), 0.8, 0.02), seed=1)
    learnt, single = (
        mean_ndcg(order(fresh.features), fresh.hit, fresh.groups, K) for order in (head.order, Single("repeat"))
    )
    assert learnt > 1.5 * single


def test_a_learnt_model_that_is_worse_is_not_chosen():
    # Only the order within one feature matters, and there is little of it: trees see steps where there is a slope.
    plain = examples(60, lambda x: 0.6 * x[:, OWN] ** 3)
    assert plain.hit.sum() >= FEWEST_HITS
    head = learn(plain, parts(60), NEW, seed=0)
    assert max(head.judged.values()) == head.judged["repeat"]
    assert head.order == Single("repeat")


def test_a_score_is_the_chance_of_a_purchase():
    def chance(x):
        return np.where(x[:, GAP] > 0.5, 0.3, 0.05)

    head = learn(examples(400, chance), parts(400), NEW, seed=0)
    fresh = examples(400, chance, seed=1)
    for likely in (True, False):
        mine = (fresh.features[:, GAP] > 0.5) == likely
        assert head.calibration(head.order(fresh.features))[mine].mean() == pytest.approx(
            chance(fresh.features)[mine].mean(), rel=0.15
        )


def test_the_same_examples_and_seed_learn_the_same():
    found = examples(100, lambda x: 0.4 * x[:, GAP])
    first, second = (learn(found, parts(100), NEW, seed=3).order(found.features) for _ in range(2))
    assert np.array_equal(first, second)


def test_an_order_stands_on_one_that_was_learnt_and_adds_to_it():
    def chance(x):
        return np.where((x[:, GAP] > 0.7) & (x[:, LAST] > 0.7), 0.8, 0.02)

    found = examples(400, chance)
    one_tenth_aside = np.arange(400) % 10
    first = learn(found, one_tenth_aside, ANY, seed=0)
    head = learn(found, one_tenth_aside, NEW, seed=0, first=first.order)
    assert isinstance(head.order, OnTop)
    below, own = first.order(found.features), head.order.own(found.features)
    np.testing.assert_array_equal(head.order(found.features), below + own)
    np.testing.assert_array_equal(order_on(below, head.order, found.features), below + own)


def test_an_order_stands_on_none_that_was_not_learnt():
    found = examples(400, lambda x: np.where((x[:, GAP] > 0.7) & (x[:, LAST] > 0.7), 0.8, 0.02))
    head = learn(found, np.arange(400) % 10, NEW, seed=0, first=Single("repeat"))
    assert isinstance(head.order, Learnt)
    np.testing.assert_array_equal(order_on(found.hit, head.order, found.features), head.order(found.features))
