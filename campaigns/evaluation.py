"""EVALUATE: judge the scorers and the blend on past weeks of the project's own purchases, and say how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, isnan
from typing import Any

import pandas as pd

from campaigns.errors import NotFound
from campaigns.progress import Handle
from campaigns.project import Project
from campaigns.train import World, world
from engine.bootstrap import Difference, interval, paired
from engine.evaluate import BANDS, METRICS, Evaluation, evaluate
from engine.gains import gains
from engine.hybrid import Hybrid
from engine.moment import PARTS
from engine.segments import segment

WEEK = timedelta(weeks=1)
BLEND = Hybrid.name
TITLES = {"any": "any product", "new": "products new to the customer"}
HEADINGS = {"ndcg": "nDCG", "recall": "recall", "map": "MAP", "hit": "hit", "coverage": "cover"}
HEADINGS |= {"novelty": "novel", "diversity": "diverse"}
"""Short, so that a row fits into 80 columns."""
SUMMARY = ["task", "scorer", "customers", *METRICS, "coverage", "low", "high"]


@dataclass(frozen=True)
class Comparison:
    """The blend beside the best single scorer of a task, by nDCG, on the same customers and weeks."""

    task: str
    scorer: str
    difference: Difference

    @property
    def title(self) -> str:
        """What the slates of the task may show, in words."""
        return TITLES[self.task]

    def sentence(self) -> str:
        """Say it in words.

        >>> Comparison("any", "repeat", Difference(0.016, 0.009, 0.023, 0.0005)).sentence()
        'the blend is 1.6 % better than repeat (0.9 to 2.3 %, p < 0.001)'
        >>> Comparison("new", "content", Difference(-0.01, -0.03, 0.01, 0.3)).sentence()
        'the blend is 1.0 % worse than content (-1.0 to 3.0 %, p = 0.300), which may be chance'
        """
        found = self.difference
        if isnan(found.value):
            return f"the blend can't be compared with {self.scorer}: no slate of that one had a hit"
        low, high, word = (found.low, found.high, "better") if found.value >= 0 else (-found.high, -found.low, "worse")
        sure = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
        span = f"{100 * low:.1f} to {100 * high:.1f} %, {sure}"
        chance = ", which may be chance" if found.p >= 0.05 else ""
        return f"the blend is {100 * abs(found.value):.1f} % {word} than {self.scorer} ({span}){chance}"


@dataclass(frozen=True)
class Judged:
    """What judging on past weeks found.

    Attributes:
        evaluation: every figure of every customer, with their segment before each cut-off.
        summary: SUMMARY, by task, the best nDCG first; `low` and `high` are its 95 % interval.
        comparisons: one for each task.
        cutoffs: the judged weeks begin there.
        lines: purchase lines known in all.
        k: size of a slate.
        gains: what each part of the blend adds, as `engine.gains`; None if it was not asked for.
    """

    evaluation: Evaluation
    summary: pd.DataFrame
    comparisons: list[Comparison]
    cutoffs: list[pd.Timestamp]
    lines: int
    k: int
    gains: pd.DataFrame | None = None

    def customers(self, task: str | None = None) -> int:
        """How many customers were judged, in one task or in any."""
        rows = self.evaluation.per_customer
        return int(rows.loc[(rows["task"] == task) | (task is None), "customer_id"].nunique())

    def tables(self, task: str, by: str | None = None) -> list[pd.DataFrame]:
        """Tell a reader of a task, under short headings: the summary, and nDCG by band or segment if asked."""
        mine = self.summary[self.summary["task"] == task].rename(columns=HEADINGS)
        span = [f"{low:.3f}-{high:.3f}" for low, high in zip(mine["low"], mine["high"], strict=True)]
        summary = mine.assign(**{"95 %": span})[["scorer", "nDCG", "95 %", *list(HEADINGS.values())[1:]]]
        if by is None:
            return [summary]
        groups = self.groups(by, task)
        best = groups["scorer"].iloc[0]
        return [summary, groups.rename(columns={"best": best})[[by, "customers", "blend", best]]]

    def groups(self, column: str, task: str | None = None) -> pd.DataFrame:
        """The nDCG of the blend and of the best single scorer within each group of customers.

        Args:
            column: band or segment.
            task: which; None: each of them.

        Returns:
            columns task, the column, customers, blend, scorer (the best single one), best (its nDCG).
        """
        wanted = [each for each in self.comparisons if task in (None, each.task)]
        tables = [_groups(self.evaluation.by(column), column, each) for each in wanted]
        return pd.concat(tables, ignore_index=True)


def evaluate_weeks(
    project: Project, weeks: int, k: int, at: datetime | None = None, *, with_gains: bool = False
) -> Judged:
    """Judge on the last `weeks` whole weeks of purchases before `at`; each fit sees only what came before its week.

    Args:
        project: whose purchases.
        weeks: how many.
        k: size of a slate.
        at: None: now.
        with_gains: learn again without each part of the blend, to see what it adds: as long again for each.

    Raises:
        NotFound: there are fewer weeks than that, or nobody bought anything in them.
    """
    known = world(project, project.as_of(at))
    cutoffs, how = past_weeks(known, weeks), project.settings.engine.parameters()
    with project.progress.track("judge past weeks", weeks) as bar:
        found = evaluate(known.frames(), _told(cutoffs, bar), k, how=how)
    if found.per_customer.empty:
        raise NotFound(
            f"nobody who was known before {cutoffs[0]:%Y-%m-%d} bought a known product in the judged weeks",
            remedy="choose more --weeks, or an earlier --at",
        )
    added = _gains(project, known, cutoffs, found, k) if with_gains else None
    found = replace(found, per_customer=found.per_customer.merge(_segments(known, cutoffs), how="left"))
    with project.progress.track("see how sure it is", None):
        summary = _summary(found)
        return Judged(found, summary, _comparisons(found, summary), cutoffs, len(known.cleaned.purchases), k, added)


def _gains(project: Project, known: World, cutoffs: Sequence[pd.Timestamp], whole: Evaluation, k: int) -> pd.DataFrame:
    """Judge the blend without each of its parts on the same weeks."""
    left, blend = {}, project.settings.engine.parameters()
    with project.progress.track("leave out each part", len(cutoffs) * len(PARTS)) as bar:
        for part in PARTS:
            how = replace(blend, without=part)
            left[part] = evaluate(known.frames(), _told(cutoffs, bar), k, how=how, singles=False)
    return gains(whole, left)


def past_weeks(known: World, weeks: int) -> list[pd.Timestamp]:
    """When the last whole weeks of purchases begin, the earliest first.

    Raises:
        NotFound: there are fewer.
    """
    bought_at = known.cleaned.purchases["at"]
    first, last = bought_at.min().to_pydatetime(), bought_at.max().to_pydatetime()
    end = min(known.as_of, last + timedelta(microseconds=1))
    there = ceil((end - first) / WEEK) - 1  # something must be known before the first of them
    if weeks > there:
        remedy = f"choose --weeks {there} or fewer" if there > 0 else "wait until there is more than a week of them"
        many = f"{there} week{'' if there == 1 else 's'} to judge on, not {weeks}"
        raise NotFound(f"purchases from {first:%Y-%m-%d} to {end:%Y-%m-%d} give {many}", remedy=remedy)
    return [pd.Timestamp(end - back * WEEK) for back in range(weeks, 0, -1)]


def _told(cutoffs: Sequence[pd.Timestamp], bar: Handle) -> Iterator[pd.Timestamp]:
    """The cut-offs, telling of each when it is done."""
    for cutoff in cutoffs:
        yield cutoff
        bar.advance(1)


def _segments(known: World, cutoffs: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """The segment of each customer as it was before each cut-off, one name from week to week."""
    purchases, products = known.cleaned.purchases, known.cleaned.products
    parts: list[pd.DataFrame] = []
    for cutoff in cutoffs:
        last = parts[-1] if parts else None
        found = segment(purchases, products, cutoff, seed=0, before=last).customers[["customer_id", "segment"]]
        parts.append(found.assign(cutoff=cutoff))
    return pd.concat(parts, ignore_index=True)


def _summary(found: Evaluation) -> pd.DataFrame:
    figures = found.summary()
    sure = [
        interval(found.values(str(scorer), str(task)).to_numpy(float))
        for scorer, task in zip(figures["scorer"], figures["task"], strict=True)
    ]
    figures = figures.assign(low=[each.low for each in sure], high=[each.high for each in sure])
    return figures.sort_values(["task", "ndcg"], ascending=[True, False], ignore_index=True)[SUMMARY]


def _comparisons(found: Evaluation, summary: pd.DataFrame) -> list[Comparison]:
    # The best of several was chosen on these very weeks, which flatters it: the blend has the harder side.
    singles = summary[summary["scorer"] != BLEND].drop_duplicates("task")
    return [
        Comparison(task, name, paired(*(found.values(each, task).to_numpy(float) for each in (BLEND, name))))
        for task, name in zip(singles["task"].astype(str), singles["scorer"].astype(str), strict=True)
    ]


def _groups(figures: pd.DataFrame, column: str, each: Comparison) -> pd.DataFrame:
    mine = figures[figures["task"] == each.task].set_index(column)
    blend, best = mine[mine["scorer"] == BLEND], mine[mine["scorer"] == each.scorer]
    table = pd.DataFrame({"task": each.task, "customers": blend["customers"], "blend": blend["ndcg"]})
    table = table.assign(scorer=each.scorer, best=best["ndcg"])
    order = [name for name in BANDS if name in table.index]
    table = table.loc[order] if order else table.sort_values("customers", ascending=False, kind="stable")
    return table.rename_axis(column).reset_index()[["task", column, "customers", "blend", "scorer", "best"]]


def records(figures: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON, which knows no NaN: what is missing is null."""
    rows = figures.astype(object).where(figures.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
