"""What all commands share: the project they open, and how they print facts, tables and refusals."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from campaigns.project import Project

LOOK = 3
"""Exit code of what is done, but leaves something to look at."""
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Options:
    """What is said once, before the verb."""

    folder = Path()


@contextmanager
def opened() -> Iterator["Project"]:
    """Open the project that --project names, with a progress bar on the terminal."""
    from campaigns.progress import RichProgress  # noqa: PLC0415 - `--help` opens no project
    from campaigns.project import Project  # noqa: PLC0415

    with Project.open(Options.folder, RichProgress()) as project:
        yield project


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table; numbers to the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        numeric = bool(rows) and isinstance(rows[0][number], int | float)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*map(_cell, row))
    out.print(table)


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else escape(str(value))  # a server's words are no markup


def show_counts(counts: Mapping[tuple[str, str], int]) -> None:
    """Print how many customers are in each state, by reason, and the sum."""
    show_table(["state", "reason", "customers"], [[state, reason, n] for (state, reason), n in sorted(counts.items())])
    out.print(f"audience: {sum(counts.values()):,}")


def counted(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Nest counts for JSON: state, then reason."""
    nested: dict[str, dict[str, int]] = {}
    for (state, reason), count in counts.items():
        nested.setdefault(state, {})[reason] = count
    return nested


def refuse(error: Exception) -> None:
    """Print what was refused, with its remedy; never a traceback."""
    err.print(f"[red]error:[/red] {escape(str(error))}")
