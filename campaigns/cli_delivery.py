"""Sending on the command line: `send`, `deliver`, `report`, and what an operator decides about a run."""
# ruff: noqa: PLC0415 - a verb is imported only inside its command, so that `--help` loads little

from typing import Annotated

import typer
from rich.markup import escape

from campaigns.console import LOOK, Json, counted, opened, out, show_counts, show_json, show_table

Run = Annotated[str, typer.Argument(help="A campaign, for its newest run; or the id of a run.")]
SHOWN = 50


def mount(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (send, deliver, report, pause, resume, cancel):
        app.command()(command)
    app.command("in-doubt")(in_doubt)


def send(
    campaign: str,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan only on paper: count, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Plan a run of a campaign now: every customer of its audience gets a state; `deliver` sends what waits."""
    from campaigns.send import send as plan_now

    with opened() as project:
        planned = plan_now(project, campaign, dry_run=dry_run)
    if as_json:
        show_json({"run": planned.run_id, "new": planned.new, "counts": counted(planned.counts)})
        return
    out.print(f"run {planned.run_id}" + (" (dry run: nothing written)" if dry_run else ""), markup=False)
    show_counts(planned.counts)


def deliver(
    until_empty: Annotated[bool, typer.Option("--until-empty", help="Go on until nothing waits.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; else the setting.")] = None,
    as_json: Json = False,
) -> None:
    """Deliver what is due."""
    from campaigns.deliver import deliver as go

    with opened() as project:
        done = go(project, until_empty=until_empty, jobs=jobs)
    if as_json:
        show_json(dict(done.states))
    else:
        for state, count in sorted(done.states.items()):
            out.print(f"{state}: {count:,}")
        if not done.states:
            out.print("nothing is due")
    if done.states["failed"] or done.states["in_doubt"]:
        raise typer.Exit(LOOK)


def report(campaign: str, as_json: Json = False) -> None:
    """Count the messages of a campaign's runs by state and reason."""
    from campaigns.report import report as count

    with opened() as project:
        runs = count(project, campaign)
    if as_json:
        show_json({"campaign": campaign, "runs": [found.as_json() for found in runs]})
        return
    for found in runs:
        note = f": {escape(found.note)}" if found.note else ""  # a server's words are no markup
        out.print(f"[bold]{found.run_id}[/bold] {found.state}{note}")
        if found.audience:
            show_counts({(state, reason): n for state, why in found.reasons.items() for reason, n in why.items()})
        if found.states.get("in_doubt"):
            out.print(f"who they are: handpicked in-doubt {found.run_id}", markup=False)


def pause(run: Run) -> None:
    """Send no more of a run until `resume`; what is being sent is finished."""
    from campaigns.control import pause as halt

    with opened() as project:
        out.print(f"{halt(project, run)} is paused; go on with `handpicked resume`", markup=False)


def resume(run: Run) -> None:
    """Go on with a run that was paused, or that was stopped because no message was taken."""
    from campaigns.control import resume as go_on

    with opened() as project:
        out.print(f"{go_on(project, run)} goes on; `handpicked deliver` sends it", markup=False)


def cancel(run: Run) -> None:
    """Send no more of a run, for good; what has not left is skipped."""
    from campaigns.control import cancel as end

    with opened() as project:
        out.print(f"{end(project, run)} is cancelled", markup=False)


def in_doubt(
    run: Run,
    resend: Annotated[bool, typer.Option("--resend", help="Send them again; some may then arrive twice.")] = False,
    as_json: Json = False,
) -> None:
    """Name the messages of a run that may or may not have arrived: a process died with them in its hand."""
    from campaigns.control import doubtful, send_again

    with opened() as project:
        found, rows = doubtful(project, run)
        again = send_again(project, run) if resend else 0
    if as_json:
        show_json({"run": found, "in_doubt": rows, "sent_again": again})
        return
    out.print(f"{found}: {len(rows):,} in doubt", markup=False)
    if rows:
        named = ("customer_id", "address", "reason", "answer")
        shown = [[row[name] or "" for name in named] for row in rows[:SHOWN]]
        show_table(["customer", "address", "why", "the server's words"], shown)
    if len(rows) > SHOWN:
        out.print(f"and {len(rows) - SHOWN:,} more: --json lists them all")
    if again:
        out.print(f"{again:,} wait to be sent again; `handpicked deliver` sends them")
