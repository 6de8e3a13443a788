"""The verbs of the web on the command line."""

import json

import pytest
import typer
from typer.testing import CliRunner

from campaigns import console
from campaigns.cli_web import judge_traffic
from campaigns.init import init
from campaigns.project import Project, real_now
from campaigns.store.hits import Hit, record


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `judge-traffic` on a project with one click and one request of a scanner."""
    init(tmp_path)
    monkeypatch.setattr(console.Options, "folder", tmp_path)
    with Project.open(tmp_path) as project:
        for method in ("GET", "HEAD"):
            record(project.store, Hit("click", real_now(), "r", "c", "p", method, "Mozilla/5.0 Firefox/140.0", method))
    app = typer.Typer()
    app.command()(judge_traffic)
    return lambda *words: CliRunner().invoke(app, words, catch_exceptions=False)


def test_judging_prints_how_many_hits_have_each_verdict(run):
    printed = run().stdout
    assert [line.split() for line in printed.splitlines()] == [["verdict", "hits"], ["human", "1"], ["scanner", "1"]]


def test_the_same_as_json(run):
    assert json.loads(run("--json").stdout) == {"human": 1, "scanner": 1}


def test_days_that_are_less_than_none_are_refused(run):
    assert run("--days", "-1").exit_code == 2
