"""Judging on past weeks: the weeks that are there, how sure a figure is, and what the command line says of it."""

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.errors import NotFound
from campaigns.evaluation import SUMMARY, Comparison, evaluate_weeks, records
from campaigns.project import Project
from campaigns.train import world
from engine.bootstrap import Difference
from engine.moment import PARTS
from engine.segments import segment

NOW = pd.Timestamp("2026-03-02T13:00Z")


@pytest.fixture(scope="module")
def judged(twelve_weeks):
    with Project.open(twelve_weeks) as project:
        return evaluate_weeks(project, 2, 5)


def run(twelve_weeks, *words):
    return CliRunner().invoke(app, ["--project", str(twelve_weeks), "evaluate", "--k", "5", *words])


def test_the_last_whole_weeks_of_purchases_are_judged(judged):
    last = max(judged.cutoffs) + timedelta(weeks=1)
    assert NOW - timedelta(days=1) < last <= NOW
    assert judged.cutoffs[1] - judged.cutoffs[0] == timedelta(weeks=1)
    assert judged.lines == 59 * 12 * 3


def test_every_figure_comes_with_the_interval_that_it_lies_in(judged):
    assert list(judged.summary) == SUMMARY
    assert (judged.summary["low"] <= judged.summary["ndcg"]).all()
    assert (judged.summary["ndcg"] <= judged.summary["high"]).all()


def test_the_blend_is_compared_with_the_single_scorer_of_the_best_ndcg(judged):
    for each in judged.comparisons:
        mine = judged.summary[judged.summary["task"] == each.task].set_index("scorer")["ndcg"]
        assert each.scorer == mine.drop("blend").idxmax()
        assert each.difference.value == pytest.approx(mine["blend"] / mine[each.scorer] - 1)


def test_groups_tell_the_ndcg_of_their_own_customers(judged):
    rows = judged.evaluation.per_customer
    for column in ("band", "segment"):
        assert rows[column].notna().all()
        for found in judged.groups(column).itertuples():
            mine = rows[(rows["task"] == found.task) & (rows[column] == getattr(found, column))]
            weekly = mine[mine["scorer"] == "blend"].groupby("cutoff")["ndcg"].mean()
            assert found.blend == pytest.approx(weekly.mean())
            assert found.customers == mine["customer_id"].nunique()


def test_segments_are_those_of_purchases_before_the_cutoff_alone(twelve_weeks, judged):
    first = judged.cutoffs[0]
    with Project.open(twelve_weeks) as project:
        kept = world(project, NOW.to_pydatetime()).cleaned
    past = kept.purchases[kept.purchases["at"] < first]
    expected = segment(past, kept.products, first, seed=0).customers.set_index("customer_id")["segment"]
    rows = judged.evaluation.per_customer
    mine = rows[rows["cutoff"] == first].drop_duplicates("customer_id").set_index("customer_id")["segment"]
    assert len(mine) > 30
    assert mine.to_dict() == expected[mine.index].to_dict()


def test_more_weeks_than_there_are_is_refused_with_how_many_there_are(twelve_weeks):
    with (
        Project.open(twelve_weeks) as project,
        pytest.raises(NotFound, match="give 11 weeks to judge on, not 60; choose --weeks 11"),
    ):
        evaluate_weeks(project, 60, 5)
    refused = run(twelve_weeks, "--weeks", "60")
    assert isinstance(refused.exception, NotFound)


def test_the_most_weeks_that_are_offered_can_be_judged(twelve_weeks):
    early = (NOW - timedelta(weeks=10)).to_pydatetime()
    with Project.open(twelve_weeks) as project:
        with pytest.raises(NotFound, match="choose --weeks 1 or fewer"):
            evaluate_weeks(project, 2, 5, at=early)
        assert len(evaluate_weeks(project, 1, 5, at=early).cutoffs) == 1


def test_too_short_a_past_is_told_to_wait(twelve_weeks):
    start = (NOW - timedelta(weeks=12)).to_pydatetime()
    with Project.open(twelve_weeks) as project, pytest.raises(NotFound, match="0 weeks to judge on, not 1; wait"):
        evaluate_weeks(project, 1, 5, at=start + timedelta(days=5))


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Difference(0.016, 0.009, 0.023, 0.0005), "the blend is 1.6 % better than repeat (0.9 to 2.3 %, p < 0.001)"),
        (Difference(-0.02, -0.03, -0.01, 0.004), "the blend is 2.0 % worse than repeat (1.0 to 3.0 %, p = 0.004)"),
        (Difference(0.004, -0.01, 0.02, 0.4), "(-1.0 to 2.0 %, p = 0.400), which may be chance"),
        (Difference(np.nan, np.nan, np.nan, 0.1), "the blend can't be compared with repeat: no slate"),
    ],
)
def test_a_comparison_is_one_sentence(difference, words):
    assert words in Comparison("any", "repeat", difference).sentence()


def test_the_command_prints_a_table_and_a_sentence_for_each_task(twelve_weeks, judged):
    done = run(twelve_weeks, "--weeks", "2")
    assert done.exit_code == 0, done.output
    for each in judged.comparisons:
        assert f"{each.title}, {judged.customers(each.task)} customers" in done.output
        assert each.sentence() in done.output
        best = judged.tables(each.task)[0].iloc[0]
        assert [best["scorer"], f"{best['nDCG']:.4f}", best["95 %"]] in [
            line.split()[:3] for line in done.stdout.splitlines()
        ]


def test_by_band_adds_a_line_for_each_band(twelve_weeks):
    lines = [line.split() for line in run(twelve_weeks, "--weeks", "1", "--by", "band").stdout.splitlines()]
    bands = {words[0] for words in lines if words} & {"few", "some", "many"}
    assert bands
    assert ["band", "customers", "blend", "repeat"] in lines


def test_json_is_the_summary_or_the_groups_as_records(twelve_weeks, judged):
    found = json.loads(run(twelve_weeks, "--weeks", "2", "--json").stdout)
    assert found == json.loads(json.dumps(records(judged.summary)))
    groups = json.loads(run(twelve_weeks, "--weeks", "2", "--json", "--by", "segment").stdout)
    assert groups == json.loads(json.dumps(records(judged.groups("segment"))))


def test_what_has_no_figure_is_null_in_json():
    assert records(pd.DataFrame({"diversity": [np.nan, 0.5], "customers": [3, 4]})) == [
        {"diversity": None, "customers": 3},
        {"diversity": 0.5, "customers": 4},
    ]


def test_a_card_is_written_and_a_folder_that_is_not_there_is_refused_before_the_work(twelve_weeks, tmp_path):
    done = run(twelve_weeks, "--weeks", "1", "--card", str(tmp_path / "card.html"))
    assert done.exit_code == 0, done.output
    assert "model card:" in done.output
    assert (tmp_path / "card.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    refused = run(twelve_weeks, "--card", str(tmp_path / "nowhere" / "card.html"))
    assert refused.exit_code == 2
    assert "there is no folder" in " ".join(refused.output.split())


def test_what_each_part_adds_is_told_when_asked(twelve_weeks):
    done = run(twelve_weeks, "--weeks", "1", "--gains")
    assert done.exit_code == 0, done.output
    told = done.stdout.split("nDCG lost")[1]
    assert all(f"\n{part} " in told for part in PARTS)
    assert "nDCG lost" not in run(twelve_weeks, "--weeks", "1").stdout
