"""The model card: one page that needs nothing beside itself, says what was found, and says it to everyone."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from campaigns.evaluation import Comparison, Judged
from campaigns.model_card import model_card
from engine.bootstrap import Difference
from engine.evaluate import COVERAGE_COLUMNS, METRICS, PER_CUSTOMER_COLUMNS, Evaluation

CUTOFFS = [pd.Timestamp("2026-02-16T13:00Z"), pd.Timestamp("2026-02-23T13:00Z")]
GAINS = pd.DataFrame(
    {
        "what": ["<repeat>", "content"],
        "task": ["any", "new"],
        "loss": [0.02, 0.001],
        "low": [0.01, -0.001],
        "high": 0.03,
    }
)


def found(segment="loyal"):
    """Three customers in two weeks, two ways to pick, both tasks."""
    rows = [
        {"scorer": scorer, "task": task, "cutoff": cutoff, "customer_id": f"c{n}", "band": band, "segment": segment}
        | dict.fromkeys(METRICS, worth * (n + 1) / 4)
        for scorer, worth in (("blend", 0.5), ("repeat", 0.4))
        for task in ("any", "new")
        for cutoff in CUTOFFS
        for n, band in enumerate(("few", "some", "many"))
    ]
    figures = pd.DataFrame(rows)[[*PER_CUSTOMER_COLUMNS, "segment"]]
    shown = figures[["scorer", "task", "cutoff"]].drop_duplicates().assign(coverage=0.25)[COVERAGE_COLUMNS]
    chances = pd.DataFrame({"pairs": [50, 50], "predicted": [0.01, 0.2], "observed": [0.0, 0.25]})
    evaluation = Evaluation(figures, shown, chances)
    summary = evaluation.summary().assign(low=lambda rows: rows["ndcg"] - 0.01, high=lambda rows: rows["ndcg"] + 0.01)
    better = Difference(0.25, 0.2, 0.3, 0.0005)
    comparisons = [Comparison(task, "repeat", better) for task in ("any", "new")]
    return Judged(evaluation, summary, comparisons, CUTOFFS, 12_345, 10)


@pytest.fixture(scope="module")
def page():
    return model_card(found())


def words(page):
    return " ".join(BeautifulSoup(page, "html.parser").get_text(" ").split())


def test_the_page_needs_no_script_and_nothing_from_outside(page):
    soup = BeautifulSoup(page, "html.parser")
    assert not soup.find_all(["script", "link", "img", "iframe", "object"])
    assert not re.findall(r"@import|url\((?!#)", page)
    links = [
        value for tag in soup.find_all(True) for name, value in tag.attrs.items() if name.endswith(("href", "src"))
    ]
    assert all(link.startswith("#") for link in links)


def test_it_says_what_was_judged(page):
    text = words(page)
    for fact in (
        "2, from 2026-02-16, 2026-02-23 on",
        "3 who bought",
        "12,345 order lines",
        "10 products for each customer",
    ):
        assert fact in text


def test_each_task_has_its_sentence_its_figures_and_its_plots(page):
    text = words(page)
    assert text.count("the blend is 25.0 % better than repeat (20.0 to 30.0 %, p < 0.001)") == 2
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup.find_all("svg")) == 5
    cells = [[cell.get_text() for cell in row.find_all("td")] for row in soup.find_all("tr", class_="ours")]
    assert cells == [["blend", "25.0%", "25.00%", "0.25", "0.250"]] * 2


def test_every_plot_tells_its_figures_to_who_can_not_see_it(page):
    plots = BeautifulSoup(page, "html.parser").find_all("svg")
    assert all(plot["role"] == "img" for plot in plots)
    told = [plot["aria-label"] for plot in plots]
    assert "blend 0.2500 (0.2400 to 0.2600); repeat 0.2000 (0.1900 to 0.2100)" in told[0]
    assert "few orders: blend 0.1250, repeat 0.1000" in told[1]
    assert "20.00% came to 25.00%" in told[-1]


def test_plots_take_the_colours_of_the_page_so_that_they_can_be_read_in_the_dark(page):
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", drawn))
    assert colours <= {"none", "var(--ink)", "var(--soft)", "var(--ours)", "var(--others)"}
    assert "prefers-color-scheme: dark" in page


def test_no_two_parts_of_the_page_have_one_id_and_every_reference_is_met(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page)) <= set(ids)


def test_the_page_is_well_formed(page):
    open_tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Reader().feed(page)
    assert not open_tags


def test_what_each_part_adds_is_shown_only_when_given(page):
    assert "What each part adds" not in page
    with_gains = model_card(replace(found(), gains=GAINS))
    text = words(with_gains)
    assert "What each part adds" in text
    assert "content products new to the customer 0.0010 -0.0010 to 0.0300" in text
    assert "<repeat>" in text  # as words, not as a tag
    assert "<repeat>" not in with_gains


def test_the_same_figures_give_the_same_page(page):
    assert model_card(found()) == page


def test_a_shop_where_nothing_hit_has_a_card_too():
    nothing = found()
    figures = nothing.evaluation.per_customer.assign(**dict.fromkeys(METRICS, 0.0))
    summary = nothing.summary.assign(**dict.fromkeys([*METRICS, "low", "high"], 0.0)).assign(diversity=np.nan)
    no_chance = pd.DataFrame({"pairs": [4], "predicted": [0.0], "observed": [0.0]})
    evaluation = Evaluation(figures, nothing.evaluation.coverage, no_chance)
    card = model_card(Judged(evaluation, summary, nothing.comparisons, CUTOFFS, 4, 1))
    assert "nan" not in words(card)
