"""TUNE: search the engine's parameters on past weeks of the project, and write what won into handpicked.toml."""

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

import pandas as pd
import tomlkit

from campaigns.errors import MissingTool
from campaigns.evaluation import past_weeks
from campaigns.project import Project
from campaigns.train import world
from engine.bootstrap import Difference
from engine.evaluate import evaluate
from engine.parameters import DEFAULTS, Parameters

LEFT = 4
"""Weeks that the search leaves alone, for `handpicked evaluate` to test on."""
PROOF = 1
"""Weeks before those, to prove on what was found."""


@dataclass(frozen=True)
class Tuning:
    """What was tried, what won, and the weeks that it was told by.

    Attributes:
        trials: as `engine.tune.Tuned`, the best first.
        best: the parameters to use from now on.
        searched: the weeks that the search judged on begin there.
        proved: the same of the weeks that it was proved on.
        proof: how much better what was found is than the defaults there, by task.
    """

    trials: pd.DataFrame
    best: Parameters
    searched: list[pd.Timestamp]
    proved: list[pd.Timestamp]
    proof: dict[str, Difference]

    def sentence(self) -> str:
        """Say what came of it, in words."""
        if not self.proof:
            return f"none of {len(self.trials) - 1} others beat the defaults, which stay"
        told = ", ".join(
            f"{task} {100 * each.value:+.1f} % ({100 * each.low:+.1f} to {100 * each.high:+.1f} %)"
            for task, each in self.proof.items()
        )
        weeks = ", ".join(f"{week:%Y-%m-%d}" for week in self.proved)
        end = "the defaults stay: that may be chance" if self.best == DEFAULTS else "written into handpicked.toml"
        return f"the best found beside the defaults, in the week from {weeks} on: nDCG {told}; {end}"


def tune_project(project: Project, minutes: float, weeks: int, at: datetime | None = None) -> Tuning:
    """Search on `weeks` past weeks before `at`, none of them one of the last four, and keep what is surely better.

    Raises:
        NotFound: there are too few weeks.
        MissingTool: optuna is not installed.
    """
    try:
        from engine.tune import tune  # noqa: PLC0415 the only command that needs optuna
    except ModuleNotFoundError as error:
        raise MissingTool("optuna is not installed", remedy="pip install 'handpicked[tune]'") from error
    as_of = project.as_of(at)
    known = world(project, as_of)
    cutoffs = past_weeks(known, weeks + PROOF + LEFT)[:-LEFT]
    searched, proved = cutoffs[:weeks], cutoffs[weeks:]
    judge = partial(evaluate, known.frames(), singles=False)
    with project.progress.track("try parameters", None) as bar:
        found = tune(
            lambda how: judge(searched, how=how),
            lambda how: judge(proved, how=how),
            60 * minutes,
            tried=lambda: bar.advance(1),
        )
    if found.best != DEFAULTS:
        _write(project, found.best)
    trials = found.trials.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    return Tuning(trials, found.best, searched, proved, found.proof)


def _write(project: Project, best: Parameters) -> None:
    """Set the engine's table in the project's settings; all else in the file, comments too, stays as it is."""
    path = project.folder / "handpicked.toml"
    text = tomlkit.parse(path.read_text(encoding="utf-8"))
    changed = {name: value for name, value in asdict(best).items() if value != getattr(DEFAULTS, name)}
    text["engine"] = changed
    path.write_text(tomlkit.dumps(text), encoding="utf-8")
