"""The model card: one page that says how good the picks are, on what they were judged, and how sure that is.

It needs nothing beside itself: no script, no file, no network; the plots are SVG within the page.
"""

import re
from collections.abc import Sequence
from io import StringIO
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cycler import cycler
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from campaigns.evaluation import BLEND, TITLES, Judged
from engine.metrics import calibration_error

SHIPPED = (
    Path(__file__).parent / "_templates" / "console",
    Path(__file__).parents[1] / "templates" / "console",
)
"""Where pages stand in a wheel, and in a checkout."""
INK, SOFT, OURS, OTHERS = "#010203", "#040506", "#070809", "#0a0b0c"
COLOURS = {INK: "var(--ink)", SOFT: "var(--soft)", OURS: "var(--ours)", OTHERS: "var(--others)"}
"""Colours that no plot would use, and what of the page's they stand for: it changes with light and dark."""
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text, for a reader who searches or listens
    "svg.hashsalt": "model card",  # the same figures give the same page
    "font.size": 11,
    "text.color": INK,
    "axes.prop_cycle": cycler(color=[INK]),
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}
TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)
WIDTH = 4.8
"""Inches: at this width the letters are of a readable size on a phone."""


def model_card(judged: Judged) -> str:
    """Write the page of what was found; what each part adds is in it if it was asked for."""
    gains = None if judged.gains is None else judged.gains.to_dict("records")
    pages = Environment(loader=FileSystemLoader(SHIPPED), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    pages.filters["as"] = lambda value, form: "–" if isnan(value) else format(value, form)
    return pages.get_template("model_card.html").render(
        judged=judged,
        blend=BLEND,
        weeks=[f"{cutoff:%Y-%m-%d}" for cutoff in judged.cutoffs],
        tasks=[_task(judged, number) for number in range(len(judged.comparisons))],
        calibration=_calibration(judged.evaluation.calibration),
        gains=gains and [{**row, "title": TITLES[row["task"]]} for row in gains],
    )


def _task(judged: Judged, number: int) -> dict[str, Any]:
    comparison = judged.comparisons[number]
    rows = judged.summary[judged.summary["task"] == comparison.task]
    bands = judged.groups("band", comparison.task)
    return {
        "title": comparison.title,
        "customers": judged.customers(comparison.task),
        "sentence": comparison.sentence(),
        "rows": rows.to_dict("records"),
        "scorers": _scorers(rows, f"scorers-{comparison.task}"),
        "bands": _bands(bands, f"bands-{comparison.task}"),
    }


def _scorers(rows: pd.DataFrame, name: str) -> Markup:
    """Bars of nDCG with their intervals, the best on top."""
    with rc_context(STYLE):
        figure, axes = _empty(0.42 * len(rows) + 0.75)
        reach = [rows["ndcg"] - rows["low"], rows["high"] - rows["ndcg"]]
        colours = [OURS if scorer == BLEND else OTHERS for scorer in rows["scorer"]]
        axes.barh(rows["scorer"], rows["ndcg"], xerr=reach, color=colours, ecolor=INK, capsize=3, height=0.65)
        for place, (value, high) in enumerate(zip(rows["ndcg"], rows["high"], strict=True)):
            axes.annotate(f"{value:.4f}", (high, place), xytext=(5, 0), textcoords="offset points", va="center")
        axes.invert_yaxis()
        axes.set_xlim(0, max(rows["high"].max() * 1.22, 1e-3))
        axes.set_xlabel("nDCG (lines: 95 % interval)")
        told = [f"{row.scorer} {row.ndcg:.4f} ({row.low:.4f} to {row.high:.4f})" for row in rows.itertuples()]
        return _svg(figure, name, "nDCG of each scorer, with 95 % intervals: " + "; ".join(told))


def _bands(rows: pd.DataFrame, name: str) -> Markup:
    """Bars of nDCG by activity band, the blend beside the best single scorer."""
    with rc_context(STYLE):
        figure, axes = _empty(2.6)
        best, places = rows["scorer"].iloc[0], range(len(rows))
        for shift, label, values, colour in ((-0.2, BLEND, rows["blend"], OURS), (0.2, best, rows["best"], OTHERS)):
            bars = axes.bar([place + shift for place in places], values, 0.38, color=colour, label=label)
            axes.bar_label(bars, [f"{value:.4f}" for value in values], padding=2, fontsize=9)
        axes.set_xticks(places, [f"{row.band} orders\n{row.customers:,} customers" for row in rows.itertuples()])
        axes.set_ylim(0, max(rows[["blend", "best"]].max().max() * 1.15, 1e-3))
        axes.set_ylabel("nDCG")
        axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
        told = [f"{row.band} orders: {BLEND} {row.blend:.4f}, {best} {row.best:.4f}" for row in rows.itertuples()]
        return _svg(figure, name, "nDCG by how often customers ordered before. " + "; ".join(told))


def _calibration(table: pd.DataFrame) -> dict[str, Any]:
    with rc_context(STYLE):
        figure, axes = _empty(3.4)
        most = max(table["predicted"].max(), table["observed"].max(), 1e-3) * 1.08
        axes.plot([0, most], [0, most], color=SOFT, linestyle="--", linewidth=1)
        axes.plot(table["predicted"], table["observed"], color=OURS, marker="o", linewidth=1.5)
        # Most chances are small: on a plain scale they would lie on one heap, and a logarithmic one has no 0.
        axes.set_xscale("function", functions=(np.sqrt, np.square))
        axes.set_yscale("function", functions=(np.sqrt, np.square))
        ticks = _apart(most)
        axes.set(xlim=(0, most), ylim=(0, most), xticks=ticks, yticks=ticks)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.set_xlabel("chance that the blend gave")
        axes.set_ylabel("share that was bought")
        told = [f"{row.predicted:.2%} came to {row.observed:.2%}" for row in table.itertuples()]
        plot = _svg(figure, "calibration", "Chances given, and shares bought: " + "; ".join(told))
    top = table.iloc[-1]
    return {"plot": plot, "error": calibration_error(table), "pairs": int(table["pairs"].sum()), "top": top.to_dict()}


def _apart(most: float) -> list[float]:
    """The ticks up to `most` whose labels don't touch on a scale of roots."""
    ticks = [0.0]
    for tick in TICKS:
        if tick <= most and np.sqrt(tick) - np.sqrt(ticks[-1]) > 0.13 * np.sqrt(most):
            ticks.append(tick)
    return ticks


def _empty(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, name: str, label: str) -> Markup:
    """The plot as part of the page: its ids are its own, its colours the page's, its meaning told to who can't see."""
    text = StringIO()
    nothing: Sequence[str] = ("Creator", "Date", "Format", "Type")
    figure.savefig(text, format="svg", transparent=True, metadata=dict.fromkeys(nothing))
    drawn = text.getvalue()[text.getvalue().index("<svg") :]
    drawn = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{name}-", drawn)
    for ours, of_the_page in COLOURS.items():
        drawn = drawn.replace(ours, of_the_page)
    drawn = re.sub(r' (width|height)="[\d.]+pt"', "", drawn, count=2)
    return Markup('<svg role="img" aria-label="{}"').format(label) + Markup(drawn.removeprefix("<svg"))  # noqa: S704
