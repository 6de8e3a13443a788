"""Behaviour events on the command line: `events import`."""
# ruff: noqa: PLC0415 - a verb is imported only inside its command, so that `--help` loads little

from pathlib import Path
from typing import Annotated

import typer

from campaigns.console import LOOK, Json, opened, out, show_json, show_table

SHOWN = 20
events = typer.Typer(help="What customers do on the shop's pages.", no_args_is_help=True)


@events.callback()
def group() -> None:
    """Nothing is shared; a group of one command stays a group."""


@events.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="JSON Lines, one event of Segment or RudderStack a line; or .gz of it.")],
    as_json: Json = False,
) -> None:
    """Import events from a file, each once; exit 3 if a line was kept out."""
    from campaigns.event_files import import_file as take

    with opened() as project:
        done = take(project, file)
    if as_json:
        show_json(done.as_json())
    else:
        kept = done.kept
        others = [("told before", kept.repeated), ("told who is who", kept.identified)]
        others += [(f"not kept: {reason}", count) for reason, count in sorted(kept.not_kept.items())]
        show_table(["what", "count"], [*sorted(kept.new.items()), *others, ("joined with a customer", kept.joined)])
        for bad in done.bad[:SHOWN]:
            out.print(f"{bad.place}: {bad.detail}; kept in quarantine", markup=False)
        if len(done.bad) > SHOWN:
            out.print(f"and {len(done.bad) - SHOWN:,} more lines; --json lists all", markup=False)
    if done.bad:
        raise typer.Exit(LOOK)


def mount(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(events, name="events")
