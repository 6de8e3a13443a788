"""What the command line prints: facts as JSON or as tables, refusals with their remedy."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


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
        table.add_row(
            *(
                f"{cell:,}" if isinstance(cell, int) else f"{cell:.4f}" if isinstance(cell, float) else str(cell)
                for cell in row
            )
        )
    out.print(table)


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
