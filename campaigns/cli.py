"""The verbs on the command line. A verb is imported only inside its command, so that `--help` loads no pandas.

Exit codes: 0 done; 1 refused, with the remedy; 2 wrong usage; 3 done, but there is something to look at.
"""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from campaigns import cli_delivery, cli_events, cli_feedback, cli_sync, cli_web
from campaigns.console import LOOK, Json, Options, opened, out, refuse, show_json, show_table

app = typer.Typer(
    name="handpicked",
    help="Pick, for every customer, the products worth an email this week; write it, send it once, measure it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
At = Annotated[str | None, typer.Option("--at", help="Look at the data as of this UTC time, e.g. 2017-09-25T04:00.")]


@app.callback()
def options(
    project: Annotated[
        Path, typer.Option("--project", help="The project folder.", envvar="HANDPICKED_PROJECT")
    ] = Path(),
) -> None:
    """Remember what every verb shares."""
    Options.folder = project


def moment(text: str | None) -> datetime | None:
    """Read a time; without a zone it is UTC."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a time; write it like 2017-09-25T04:00") from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


@app.command()
def init(name: Annotated[str, typer.Option(help="The shop's name.")] = "Corner Market") -> None:
    """Lay out a project folder: settings, a weekly digest, a mapping, a place for data."""
    from campaigns.init import init as lay_out

    for path in lay_out(Options.folder, name=name):
        out.print(f"made {path}")
    out.print("next: put customers.csv, products.csv and orders.csv into data/, then `handpicked sync pull shop`")


@app.command()
def demo() -> None:
    """Run the whole journey on a year of real purchases, into a Maildir."""
    from campaigns.demo.journey import demo as travel
    from campaigns.progress import RichProgress

    folder = Path("demo") if Options.folder == Path() else Options.folder
    done = travel(folder, RichProgress())
    for pulled in done.pulled:
        out.print(f"{'order lines' if pulled.stream == 'orders' else pulled.stream} pulled: {pulled.records:,}")
    rejected = sum(pulled.rejected for pulled in done.pulled)
    out.print(f"records in quarantine: {rejected:,}")
    out.print(f"segments found: {done.segments}")
    out.print(f"audience: {done.report.audience:,}")
    for state, reasons in done.report.reasons.items():
        for reason, count in reasons.items():
            out.print(f"{state} ({reason}): {count:,}")
    out.print(f"messages in the Maildir: {done.messages:,}")
    out.print(f"one message: {done.message}")
    out.print("\nnext, try:")
    out.print(f"  handpicked --project {folder} preview weekly_digest --customer {done.customer_id}")
    out.print(f"  handpicked --project {folder} segments")
    out.print(f"  handpicked --project {folder} report weekly_digest")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check database, connections, campaigns, transport and tools; exit 3 if something needs you."""
    from campaigns.doctor import doctor as look

    with opened() as project:
        findings = look(project)
    if as_json:
        show_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            out.print(f"{'ok ' if finding.good else 'BAD'}  {finding.what}: {finding.detail}", markup=False)
    if not all(finding.good for finding in findings):
        raise typer.Exit(LOOK)


@app.command()
def train(at: At = None, as_json: Json = False) -> None:
    """Learn from all purchases before now (or --at), and save the model."""
    from campaigns.train import train as learn

    with opened() as project:
        trained = learn(project, moment(at))
    if as_json:
        show_json({"model": trained.id, **trained.card})
        return
    out.print(f"model {trained.id}")
    for what in ("customers", "products", "lines"):
        out.print(f"{what}: {trained.card[what]:,}")
    show_table(["cleaned", "count"], [[row["reason"], int(row["count"])] for row in trained.card["cleaned"]])


@app.command()
def evaluate(
    weeks: Annotated[int, typer.Option(min=1, help="How many past weeks to judge on.")] = 4,
    k: Annotated[int, typer.Option("--k", min=1, help="Size of the slate.")] = 10,
    by: Annotated[
        Literal["band", "segment"] | None,
        typer.Option("--by", help="Also tell nDCG by how often customers order (band), or by segment."),
    ] = None,
    card: Annotated[Path | None, typer.Option("--card", help="Write the model card, one HTML page, here.")] = None,
    gains: Annotated[
        bool,
        typer.Option("--gains", help="Also tell what each part of the blend adds; takes seven times as long again."),
    ] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Judge every scorer and the blend on past weeks, each trained strictly on what came before."""
    from campaigns.evaluation import evaluate_weeks, records

    if card and not card.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {card.parent}; make it first, or name another")
    with opened() as project:
        judged = evaluate_weeks(project, weeks, k, moment(at), with_gains=gains)
    if card:
        from campaigns.model_card import model_card

        card.write_text(model_card(judged), encoding="utf-8")
    if as_json:
        show_json(records(judged.groups(by) if by else judged.summary))
        return
    for comparison in judged.comparisons:
        out.print(f"[bold]{comparison.title}[/bold], {judged.customers(comparison.task):,} customers")
        for table in judged.tables(comparison.task, by):
            show_table(list(table.columns), table.to_numpy(object).tolist())
        out.print(f"{comparison.sentence()}\n", markup=False)
    if judged.gains is not None:
        out.print("nDCG lost when a part of the blend is left out")
        show_table(list(judged.gains.columns), judged.gains.to_numpy(object).tolist())
    if card:
        out.print(f"model card: {card}", markup=False)


@app.command()
def tune(
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="How long to search.")] = 30,
    weeks: Annotated[int, typer.Option("--weeks", min=1, help="How many past weeks to search by.")] = 1,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Search better parameters of the engine on past weeks; what is surely better goes into handpicked.toml.

    The last four weeks are left alone, so that `evaluate` can tell what it brought.
    """
    from campaigns.tuning import tune_project

    with opened() as project:
        found = tune_project(project, minutes, weeks, moment(at))
    if as_json:
        show_json(found.trials.to_dict("records"))
        return
    show_table(list(found.trials.columns), found.trials.to_numpy(object).tolist())
    out.print(found.sentence(), markup=False)


@app.command()
def picks(
    as_of: Annotated[str, typer.Option("--as-of", help="Train strictly on what came before this UTC time.")],
    out_file: Annotated[Path, typer.Option("--out", help="The Parquet file to write.")],
    size: Annotated[int, typer.Option("--size", help="Products for each customer.")] = 10,
    only_new: Annotated[bool, typer.Option("--only-new", help="Leave out what the customer bought before.")] = False,
    without_offers: Annotated[bool, typer.Option("--without-offers", help="Know nothing of offers.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; as many as there are cores.")] = None,
) -> None:
    """Pick for every customer with a purchase before --as-of, as a Parquet file; no campaign rule applies.

    A run that was broken off goes on where it was when the same is asked again.
    """
    from campaigns.picks import write_picks

    time = moment(as_of)
    assert time is not None
    with opened() as project:
        made = write_picks(project, time, size, out_file, only_new=only_new, with_offers=not without_offers, jobs=jobs)
    out.print(f"{made:,} picks in {out_file}", markup=False)


@app.command()
def rules(campaign: str, as_json: Json = False) -> None:
    """Tell what each rule of a campaign's slates costs in expected purchases, on a sample of those who have bought."""
    from campaigns.picks import rule_costs

    with opened() as project:
        found = rule_costs(project, project.campaign(campaign))
    if as_json:
        show_json(found.to_dict("records"))
        return
    if len(found) == 1:  # all rules together, and not one by itself
        out.print("no rule is in force")
        return
    rows = zip(found["rule"], found["expected"], found["cost"], found["share"], strict=True)
    shown = [[name, f"{expected:.3f}", f"{cost:.3f}", f"{share:.1%}"] for name, expected, cost, share in rows]
    show_table(["rule", "purchases without it", "cost", "share"], shown)
    out.print("purchases: expected of one customer's slate within a week; the cost of two rules may overlap")


@app.command()
def segments(
    size: Annotated[int, typer.Option("--size", min=0, help="Products for each segment.")] = 3,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw them into this .png or .svg file.")] = None,
    as_json: Json = False,
) -> None:
    """Show the segments in words: who is in each, what sets it apart, its top products, who moved, why so many."""
    from campaigns.segment_picture import draw, refuse_other_kinds
    from campaigns.segments import describe

    if plot:
        refuse_other_kinds(plot)
    with opened() as project:
        found = describe(project, size)
    if plot:
        draw(found, plot)
    if as_json:
        show_json(found.as_json())
        return
    if found.since:
        out.print(f"movement since {found.since:%Y-%m-%d %H:%M}\n", markup=False)
    for line in found.lines():
        out.print(line, markup=False)


@app.command()
def preview(
    campaign: str,
    customer: Annotated[str, typer.Option("--customer", help="The customer's id.")],
    at: At = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the HTML part here.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Write a picture here (needs chromium).")] = None,
    width: Annotated[int, typer.Option("--width", help="Width of the picture in pixels.")] = 640,
    dark: Annotated[bool, typer.Option("--dark", help="Draw the picture as a reader in dark mode sees it.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """Show one customer's message: subject, picks with reasons, text; exit 3 if it has a fault."""
    from campaigns.preview import preview as make

    with opened() as project:
        made = make(project, campaign, customer, moment(at))
    if html:
        html.write_text(made.html, encoding="utf-8")
    if png:
        from campaigns.mail.picture import png as draw

        draw(made.html, png, width, dark=dark)
    if open_page:
        _open(made.html, html)
    if as_json:
        facts = {"subject": made.subject, "picks": made.picks, "text": made.text, "faults": made.faults}
        show_json({"customer_id": customer, **facts})
        return
    out.print(f"[bold]Subject:[/bold] {made.subject}\n")
    show_table(
        ["", "product", "why"], [[str(n), pick["title"], pick["reason"]] for n, pick in enumerate(made.picks, 1)]
    )
    out.print(f"\n{made.text}", markup=False)
    for fault in made.faults:
        out.print(f"fault: {fault}", markup=False)
    if made.faults:
        raise typer.Exit(LOOK)


def _open(page: str, html: Path | None) -> None:
    import tempfile
    import webbrowser

    target = html or Path(tempfile.mkdtemp()) / "preview.html"
    target.write_text(page, encoding="utf-8")
    webbrowser.open(target.resolve().as_uri())


@app.command()
def schedule(
    times: Annotated[int, typer.Option("--times", help="How many next times to show.")] = 3,
    as_json: Json = False,
) -> None:
    """List the campaigns and when each is due next."""
    from campaigns.project import real_now
    from campaigns.schedule import next_times, wall_clock

    with opened() as project:
        found = [(each, next_times(each.schedule, real_now(), times)) for each in project.campaigns()]
    if as_json:
        show_json([{"campaign": each.name, **each.schedule.model_dump(), "next": due} for each, due in found])
        return
    show_table(
        ["campaign", "cron", "next"],
        [[each.name, each.schedule.cron, wall_clock(each.schedule, time)] for each, due in found for time in due],
    )


@app.command()
def run() -> None:
    """Stay and fire every campaign at its time; several of these may share one database."""
    from campaigns.running import run as stay

    with opened() as project:
        out.print("running; stop with Ctrl-C")
        stay(project)


cli_delivery.mount(app)
cli_events.mount(app)
cli_feedback.mount(app)
cli_sync.mount(app)
cli_web.mount(app)


def main() -> None:
    """Run the command line; a refusal is printed with its remedy, never as a traceback."""
    try:
        app()
    except Exception as error:
        if not hasattr(error, "remedy"):
            raise
        refuse(error)
        sys.exit(1)
    finally:
        gc.freeze()  # all of it ends with the process: to look for garbage in it first takes a tenth of a second


if __name__ == "__main__":
    main()
