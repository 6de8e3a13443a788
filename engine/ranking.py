"""Ranking: one learnt order of all candidates, and one of those that are new to the customer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from engine.calibration import Calibration
from engine.examples import Examples, joined
from engine.metrics import mean_ndcg
from engine.moment import FEATURES
from engine.pairs import Values

FEWEST_HITS = 300
"""With fewer purchases among the examples nothing is learnt: the best single scorer orders the candidates."""
FOLDS = 3
"""Parts that are held back in turn where there are few customers."""
K = 10


@dataclass(frozen=True)
class Recipe:
    """How an order is learnt.

    Attributes:
        params: of the boosted model that is judged.
        trees: sizes of it that are tried.
        more: params of models that then learn from everybody, as many trees each; their mean is steadier than any.
    """

    params: dict[str, Any]
    trees: tuple[int, ...]
    more: tuple[dict[str, Any], ...] = ()


RANKS: dict[str, Any] = {"objective": "lambdarank", "lambdarank_truncation_level": 30}
# One model splits at random places, the other at the best ones of few features: those of own purchases say much the
# same, and the best of them would hide the rest. The two kinds of trees err differently.
ANY = Recipe(
    {**RANKS, "extra_trees": True, "feature_fraction": 0.4, "min_data_in_leaf": 300},
    trees=(80, 160, 250),
    more=({**RANKS, "feature_fraction": 0.25},),
)
# Few trees, split at random: others learn what sold in the very weeks they saw, which customers held back can't tell.
CHANCE: dict[str, Any] = {"objective": "binary", "extra_trees": True, "min_data_in_leaf": 300}
# It stands on the order of any product, which was taught what ranks and not what is bought: the two err differently.
NEW = Recipe(CHANCE, trees=(100, 150), more=(CHANCE, CHANCE))
COMMON: dict[str, Any] = {
    "num_leaves": 31,
    "learning_rate": 0.06,
    "min_data_in_leaf": 100,
    "lambda_l2": 1.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}


SINGLES: dict[str, dict[str, float]] = {
    "repeat": {"own, half-life 112 days": 1},
    "neighbours": {"neighbours": 1},
    "user neighbours": {"user neighbours": 1},
    "popularity": {"votes, half-life 14 days": 1},
    "repeat and user neighbours": {"own, half-life 112 days": 1, "user neighbours": 1},
    "repeat and neighbours": {"own, half-life 112 days": 1, "neighbours": 1},
    "repeat, neighbours and popularity": {
        "own, half-life 112 days": 1,
        "neighbours": 1,
        "votes, half-life 14 days": 1e-3,
    },
    "kinds": {"affinity": 1},
}
"""Orders that need no learning, as weights of features."""

Order = Callable[[Values], Values]
"""From (pairs, features) to (pairs,): the higher, the likelier."""


@dataclass(frozen=True)
class Single:
    """The order of a few features, summed."""

    name: str

    def __call__(self, features: Values) -> Values:
        """Sum the weighed features."""
        total = np.zeros(len(features), dtype=np.float32)
        for feature, weight in SINGLES[self.name].items():
            total += np.float32(weight) * features[:, FEATURES.index(feature)]
        return total


UNLEARNT = Single("repeat, neighbours and popularity")
"""The order where no past week teaches anything."""


@dataclass(frozen=True)
class Learnt:
    """The mean order of gradient-boosted models, up to a number of trees of each."""

    models: tuple[lightgbm.Booster, ...]
    trees: int

    @property
    def judged(self) -> "Learnt":
        """The first model alone, which has not seen the customers that were held back."""
        return Learnt(self.models[:1], self.trees)

    def __call__(self, features: Values) -> Values:
        """Predict."""
        scores = [_raw(model, features, self.trees) for model in self.models]
        return np.asarray(np.mean(scores, axis=0), dtype=np.float32)


@dataclass(frozen=True)
class OnTop:
    """A learnt order on top of another: the sum of both."""

    first: Learnt
    own: Learnt

    def __call__(self, features: Values) -> Values:
        """Sum both."""
        return self.first(features) + self.own(features)


@dataclass(frozen=True)
class Head:
    """One order with its calibration.

    Attributes:
        order: what ranks.
        calibration: from its scores to chances.
        judged: nDCG of every order that was tried, on customers who were held back; for the model card.
    """

    order: Order
    calibration: Calibration
    judged: dict[str, float]


def learn(
    examples: Examples,
    fold: NDArray[np.intp],
    recipe: Recipe,
    seed: int,
    asked: NDArray[np.bool_] | None = None,
    first: Order | None = None,
) -> Head:
    """Choose between what can be learnt and what needs no learning, by customers that were held back.

    So that with little data the ranking is never worse than the best single scorer, beyond what chance hides.

    Args:
        examples: pairs of past weeks.
        fold: (customers,) the part of each customer, 0 and up. Held back is part 0; each in turn if there are few.
        recipe: how an order is learnt.
        seed: of the boosted models.
        asked: (pairs,) which of them the order will be asked for, and is chosen by; None: all. It learns from all.
        first: an order of the same examples and parts. If it was learnt, what is learnt here stands on top of it.
    """
    asked = np.ones(len(examples.hit), dtype=bool) if asked is None else asked
    turns = range(FOLDS) if fold.max() < FOLDS else range(1)
    below = first if isinstance(first, Learnt) and len(turns) == 1 else None
    learnable = int(examples.hit[asked].sum()) >= FEWEST_HITS
    models: list[lightgbm.Booster] = []
    scores: dict[str, list[Values]] = {}
    held: list[Examples] = []
    for turn in turns:
        aside = fold[examples.customer] == turn
        held.append(examples.take(aside & asked))
        orders: dict[str, Order] = {name: Single(name) for name in SINGLES}
        if learnable:
            models.append(_boosted(examples.take(~aside), recipe.params, max(recipe.trees), seed + turn))
            orders |= {f"{trees} trees": _on(below and below.judged, models[-1:], trees) for trees in recipe.trees}
        for name, order in orders.items():
            scores.setdefault(name, []).append(order(held[-1].features))
    mine = joined(held)
    found = {name: np.concatenate(parts) for name, parts in scores.items()}
    judged = {name: mean_ndcg(score, mine.hit, mine.groups, K) for name, score in found.items()}
    best = max(judged, key=lambda name: judged[name])
    chosen = orders[best]
    if not isinstance(chosen, Single):
        # Those that were judged are kept, for their scores are what is calibrated.
        more = enumerate(recipe.more if len(turns) == 1 else (), start=seed + 1)
        models += [_boosted(examples, params, max(recipe.trees), turn) for turn, params in more]
        chosen = _on(below, models, int(best.split()[0]))
    return Head(chosen, Calibration().fit(found[best], mine.hit, mine.weight), judged)


def order_on(first: Values, order: Order, features: Values) -> Values:
    """An order, where the scores of one that it may stand on are there already: (pairs,)."""
    return first + order.own(features) if isinstance(order, OnTop) else order(features)


def _on(first: Learnt | None, models: list[lightgbm.Booster], trees: int) -> Order:
    own = Learnt(tuple(models), trees)
    return own if first is None else OnTop(first, own)


def _raw(model: lightgbm.Booster, features: Values, trees: int) -> Values:
    found = model.predict(features, num_iteration=trees, raw_score=True) if len(features) else []
    return np.asarray(found, dtype=np.float32)


def _boosted(examples: Examples, params: dict[str, Any], trees: int, seed: int) -> lightgbm.Booster:
    params = {**COMMON, **params, "seed": seed}
    ranks = params["objective"] == "lambdarank"
    data = lightgbm.Dataset(
        examples.features,
        examples.hit.astype(np.float32),
        weight=None if ranks else examples.weight,
        group=examples.groups if ranks else None,
        params=params,
        free_raw_data=True,
    )
    return lightgbm.train(params, data, trees)
