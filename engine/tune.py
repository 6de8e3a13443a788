"""Tune: a search over the few parameters that matter, on past weeks; what does not win for sure is not taken.

Source: the search is the tree-structured Parzen estimator, Bergstra, Bardenet, Bengio, Kegl 2011 (NeurIPS), by optuna.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import optuna
import pandas as pd

from engine.bootstrap import Difference, paired
from engine.evaluate import Evaluation
from engine.gains import TASKS
from engine.hybrid import Hybrid
from engine.parameters import DEFAULTS, Parameters

RANGES: Mapping[str, tuple[float, float]] = {
    "neighbours_ridge": (30.0, 3000.0),
    "neighbours_half_life_days": (28.0, 730.0),
    "user_neighbours": (20, 400),
    "kinds_ridge": (10.0, 1000.0),
    "popularity_half_life_days": (3.5, 56.0),
}
"""Where each is looked for, on a logarithmic scale."""
SURE = 0.05

Judge = Callable[[Parameters], Evaluation]
"""Judges the blend of some parameters on certain past weeks."""


@dataclass(frozen=True)
class Tuned:
    """What the search found.

    Attributes:
        trials: a column for each of RANGES, any, new (nDCG of either task) and score (their mean, each over that of
            the defaults), in the order tried, the defaults first.
        found: the parameters of the highest score.
        proof: for each task, how much better they are than the defaults on weeks that the search did not see; empty if
            nothing beat the defaults.
    """

    trials: pd.DataFrame
    found: Parameters
    proof: dict[str, Difference]

    @property
    def best(self) -> Parameters:
        """The parameters to use: those found if they are surely better in a task and surely worse in none."""
        better = any(each.value > 0 and each.p < SURE for each in self.proof.values())
        worse = any(each.value < 0 and each.p < SURE for each in self.proof.values())
        return self.found if better and not worse else DEFAULTS


def tune(
    search: Judge, prove: Judge, seconds: float, *, seed: int = 0, tried: Callable[[], None] | None = None
) -> Tuned:
    """Search until the time is up, then prove what was found.

    The defaults are tried first; nothing is begun that would not end in time, going by the longest trial so far.

    Args:
        search: judges on the weeks to search by.
        prove: judges on weeks after them.
        seconds: for the search.
        seed: of the search.
        tried: told after each trial.
    """
    ends, longest = time.monotonic() + seconds, 0.0
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: getattr(DEFAULTS, name) for name in RANGES})
    rows: list[dict[str, float]] = []
    while not rows or time.monotonic() + longest <= ends:
        start, trial = time.monotonic(), study.ask()
        how = _suggested(trial)
        figures = {task: _mean(search(how), task) for task in TASKS}
        first = rows[0] if rows else figures
        score = float(np.mean([figures[task] / first[task] for task in TASKS if first[task] > 0] or [1.0]))
        rows.append({name: getattr(how, name) for name in RANGES} | figures | {"score": score})
        study.tell(trial, score)
        longest = max(longest, time.monotonic() - start)
        if tried:
            tried()
    trials, best = pd.DataFrame(rows), max(rows, key=lambda row: row["score"])
    found = _parameters({name: best[name] for name in RANGES})
    return Tuned(trials, found, {} if found == DEFAULTS else _proof(prove(found), prove(DEFAULTS)))


def _suggested(trial: optuna.Trial) -> Parameters:
    whole = {name for name, value in asdict(DEFAULTS).items() if isinstance(value, int)}
    return _parameters(
        {
            name: trial.suggest_int(name, int(low), int(high), log=True)
            if name in whole
            else trial.suggest_float(name, low, high, log=True)
            for name, (low, high) in RANGES.items()
        }
    )


def _parameters(values: Mapping[str, float]) -> Parameters:
    """The parameters of some values; a count is a whole number."""
    return Parameters(**{name: type(getattr(DEFAULTS, name))(value) for name, value in values.items()})


def _mean(judged: Evaluation, task: str) -> float:
    weekly = judged.values(Hybrid.name, task).mean()
    return float(weekly.mean()) if len(weekly) else 0.0


def _proof(found: Evaluation, defaults: Evaluation) -> dict[str, Difference]:
    tables = {task: [each.values(Hybrid.name, task).to_numpy(float) for each in (found, defaults)] for task in TASKS}
    return {task: paired(*both) for task, both in tables.items() if both[0].size}
