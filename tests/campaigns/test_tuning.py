"""Tuning a project: which weeks are searched, what is written, and what the command says."""

import sys
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.errors import BadSettings, MissingTool, NotFound
from campaigns.init import init
from campaigns.project import Project
from campaigns.settings import Settings
from campaigns.tuning import Tuning, _write, tune_project
from engine.bootstrap import Difference
from engine.parameters import DEFAULTS

NOW = pd.Timestamp("2026-03-02T13:00Z")


def test_the_last_four_weeks_are_left_for_the_test_and_the_one_before_for_the_proof(twelve_weeks):
    with Project.open(twelve_weeks) as project:
        found = tune_project(project, 0, 2)
    last = found.proved[0] + timedelta(weeks=5)
    assert NOW - timedelta(days=1) < last <= NOW
    assert [found.proved[0] - week for week in found.searched] == [timedelta(weeks=2), timedelta(weeks=1)]
    assert len(found.trials) == 1
    assert found.trials["any"].iloc[0] > 0


def test_too_few_weeks_are_refused(twelve_weeks):
    with Project.open(twelve_weeks) as project, pytest.raises(NotFound, match="give 11 weeks to judge on, not 13"):
        tune_project(project, 0, 8)


def test_the_command_prints_what_was_tried_and_leaves_the_settings_alone(twelve_weeks):
    before = (twelve_weeks / "handpicked.toml").read_text()
    done = CliRunner().invoke(app, ["--project", str(twelve_weeks), "tune", "--minutes", "0"])
    assert done.exit_code == 0, done.output
    assert "score" in done.output
    assert "the defaults, which stay" in done.output
    assert (twelve_weeks / "handpicked.toml").read_text() == before


def test_what_won_stands_in_the_settings_and_all_else_stays(twelve_weeks, tmp_path):
    text = (twelve_weeks / "handpicked.toml").read_text()
    (tmp_path / "handpicked.toml").write_text(text)
    best = replace(DEFAULTS, neighbours_ridge=41.5, user_neighbours=60)
    with Project.open(tmp_path) as project:
        _write(project, best)
    assert (tmp_path / "handpicked.toml").read_text().startswith(text)
    assert Settings.load(tmp_path).engine.parameters() == best


def test_a_parameter_that_is_none_is_refused(tmp_path):
    init(tmp_path)
    path = tmp_path / "handpicked.toml"
    path.write_text(path.read_text() + "\n[engine]\nneighbours_ridge = -1\n")
    with pytest.raises(BadSettings, match="neighbours_ridge: Input should be greater than 0"):
        Settings.load(tmp_path)


def test_the_outcome_is_one_sentence():
    better = Difference(0.016, 0.009, 0.023, 0.0005)
    weeks = [pd.Timestamp("2026-01-26", tz="UTC")]
    won = Tuning(pd.DataFrame({"score": [1.1, 1.0]}), replace(DEFAULTS, kinds_ridge=5.0), [], weeks, {"any": better})
    assert won.sentence() == (
        "the best found beside the defaults, in the week from 2026-01-26 on: nDCG any +1.6 % (+0.9 to +2.3 %); "
        "written into handpicked.toml"
    )
    assert "that may be chance" in replace(won, best=DEFAULTS).sentence()
    assert replace(won, proof={}).sentence() == "none of 1 others beat the defaults, which stay"


def test_without_optuna_the_command_says_how_to_get_it(twelve_weeks, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "engine.tune", raising=False)
    with Project.open(twelve_weeks) as project, pytest.raises(MissingTool, match=r"pip install 'handpicked\[tune\]'"):
        tune_project(project, 0, 1)
