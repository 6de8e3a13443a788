"""A picture of the segments: how many customers each has, beside the median of what they spent."""

from pathlib import Path
from textwrap import fill
from typing import Any

from campaigns.errors import BadSettings, MissingTool
from campaigns.segments import Segments

KINDS = (".png", ".svg")
COLOURS = ("#3b6ea5", "#c98a3b")
STYLE: Any = {
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.15,
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "handpicked",
    "text.parse_math": False,
}
"""The same segments make the same file, and a dollar sign is a dollar sign."""


def refuse_other_kinds(path: Path) -> None:
    """Tell before the work is done that a file of this kind can't be drawn.

    Raises:
        BadSettings: it is neither .png nor .svg.
    """
    if path.suffix.lower() not in KINDS:
        raise BadSettings(f"{path.name} is neither .png nor .svg", remedy="choose a name that ends so")


def draw(found: Segments, path: Path) -> None:
    """Draw the segments as bars, the largest on top, into a .png or .svg file.

    Raises:
        MissingTool: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: PLC0415 the only command that needs it
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingTool("matplotlib is not installed", remedy="pip install matplotlib") from error
    stories = found.stories[::-1]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 1.4 + 0.6 * len(stories)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        names = [fill(story.name, 34) for story in stories]
        counts = [f"{story.customers:,} ({story.share:.0%})" for story in stories]
        _bars(left, names, [story.customers for story in stories], counts, COLOURS[0])
        _bars(right, names, [story.facts["spent_minor"] for story in stories], [s.spent for s in stories], COLOURS[1])
        left.set_title("customers", loc="left")
        right.set_title("median spent", loc="left")
        figure.suptitle(f"Segments on {found.as_of:%Y-%m-%d}", x=0.01, ha="left", weight="bold")
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def _bars(axes: Any, names: list[str], lengths: list[float], labels: list[str], colour: str) -> None:
    bars = axes.barh(names, lengths, color=colour, height=0.6)
    axes.bar_label(bars, labels, padding=4)
    axes.set_xlim(0, 1.4 * max([*lengths, 1]))
    axes.xaxis.set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
