"""What came back, on the command line: `feedback` and `suppressions`."""
# ruff: noqa: PLC0415 - a verb is imported only inside its command, so that `--help` loads little

from pathlib import Path
from typing import Annotated

import typer

from campaigns.console import LOOK, Json, opened, out, show_json, show_table

SHOWN = 20
feedback = typer.Typer(help="Take in what comes back: bounces, complaints, unsubscribe mails.", no_args_is_help=True)
suppressions = typer.Typer(help="The addresses that are never written to, kept as hashes.", no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(feedback, name="feedback")
    app.add_typer(suppressions, name="suppressions")


@feedback.callback()
@suppressions.callback()
def group() -> None:
    """Nothing is shared; a group of one command stays a group."""


@feedback.command("read")
def read(as_json: Json = False) -> None:
    """Read the mailbox for bounces; exit 3 if a mail was left flagged for you to read."""
    from campaigns.feedback import read_mailbox

    with opened() as project:
        counts = read_mailbox(project)
    if as_json:
        show_json(counts.as_json())
    else:
        told = counts.recorded
        others = [("told before", told.repeated), ("about no message of ours", told.unknown)]
        rows = [("mails read", counts.mails), ("left flagged for you", counts.flagged), *sorted(told.new.items())]
        show_table(["what", "count"], [*rows, *others, ("addresses suppressed", told.suppressed)])
    if counts.flagged:
        raise typer.Exit(LOOK)


@suppressions.command("list")
def list_counts(as_json: Json = False) -> None:
    """Count the suppressed addresses by reason."""
    from campaigns.store.suppression import suppression_counts

    with opened() as project:
        counts = suppression_counts(project.store)
    if as_json:
        show_json([{"reason": reason, "addresses": count, "newest": newest} for reason, count, newest in counts])
        return
    show_table(["reason", "addresses", "newest"], [[why, count, f"{at:%Y-%m-%d %H:%M}"] for why, count, at in counts])


@suppressions.command("add")
def add(
    address: str,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words.")] = "added by hand",
) -> None:
    """Never write to an address again, whatever campaign."""
    from campaigns.suppressions import add as suppress

    with opened() as project:
        new = suppress(project, address, reason)
    out.print("suppressed" if new else "was suppressed before", markup=False)


@suppressions.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file of addresses, or of their SHA-256 hashes.")],
    as_json: Json = False,
) -> None:
    """Import addresses that must not be written to; exit 3 if a line was kept out."""
    from campaigns.suppressions import import_file as take

    with opened() as project:
        done = take(project, file)
    if as_json:
        show_json({**vars(done), "bad": [vars(line) for line in done.bad]})
    else:
        out.print(f"added: {done.added:,}\nsuppressed before: {done.known:,}")
        out.print(f"messages that waited and are not sent: {done.withdrawn:,}")
        for bad in done.bad[:SHOWN]:
            out.print(f"{file}:{bad.line}: {bad.problem}; kept out", markup=False)
        if len(done.bad) > SHOWN:
            out.print(f"and {len(done.bad) - SHOWN:,} more lines; --json lists all", markup=False)
    if done.bad:
        raise typer.Exit(LOOK)


@suppressions.command("export")
def export_file(file: Annotated[Path, typer.Argument(help="The CSV file to write.")]) -> None:
    """Export all suppressions: hash of the address, reason, since when."""
    from campaigns.suppressions import export_file as write

    with opened() as project:
        count = write(project, file)
    out.print(f"{count:,} suppressions in {file}", markup=False)
