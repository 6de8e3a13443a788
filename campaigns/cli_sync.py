"""The commands of `handpicked sync`: pull records from connected systems, and give picks back to them."""

# ruff: noqa: PLC0415 - a verb is imported only inside its command, so that `--help` loads little

from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.console import LOOK, Json, opened, out, show_json, show_table

if TYPE_CHECKING:
    from campaigns.write_back import Pushed

sync = typer.Typer(
    help="Pull records from a connected system; give picks back as contact fields.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="The connection, as handpicked.toml names it.")]


@sync.command()
def systems(as_json: Json = False) -> None:
    """List what can be connected, and what is."""
    from crm_adapters.registry import KINDS

    with opened() as project:
        used: dict[str, list[str]] = {}
        for name, connection in project.settings.connections.items():
            used.setdefault(connection.adapter, []).append(name)
    if as_json:
        show_json(
            [{"adapter": kind, "what": words, "connections": used.get(kind, [])} for kind, words in KINDS.items()]
        )
    else:
        show_table(
            ["adapter", "what", "connections"],
            [[kind, words, ", ".join(used.get(kind, [])) or "-"] for kind, words in KINDS.items()],
        )


@sync.command()
def fields(name: Name, as_json: Json = False) -> None:
    """List the contact fields of a connected system."""
    from campaigns.look import remote_fields

    with opened() as project:
        found = remote_fields(project, name)
    if as_json:
        show_json([vars(field) for field in found])
        return
    rows = [[f.name, f.kind, "yes" if f.writable else "no", "-" if f.longest is None else f.longest] for f in found]
    show_table(["field", "holds", "writable", "letters"], rows)


@sync.command()
def check(name: Name, as_json: Json = False) -> None:
    """See whether a system lets us in, and how five records of each stream are read; nothing is written."""
    from campaigns.look import look

    with opened() as project:
        found = look(project, name)
    if as_json:
        show_json({"health": found.health and vars(found.health), "streams": [vars(seen) for seen in found.streams]})
    else:
        if found.health is not None:
            skew = found.health.clock_skew_seconds
            clock = "" if skew is None else f", its clock {skew:+.0f} s from ours"
            out.print(f"{name}: {found.health.account}, API {found.health.api_version}{clock}", markup=False)
        for seen in found.streams:
            if not seen.before:
                out.print(f"\n{seen.stream}: none there", markup=False)
                continue
            out.print(f"\n{seen.stream}, as they come:", markup=False)
            show_table(["field", *map(str, range(1, len(seen.before) + 1))], _turned(seen.before))
            out.print("as we read them:", markup=False)
            show_table(["field", *map(str, range(1, len(seen.after) + 1))], _turned(seen.after))
            for reason, count in seen.rejected.items():
                out.print(f"rejected: {count:,} for {reason}", markup=False)
    if any(seen.rejected for seen in found.streams):
        raise typer.Exit(LOOK)


def _turned(records: list[dict[str, object]]) -> list[list[object]]:
    """One line a field, one column a record; fields that no record fills are left out."""
    names = dict.fromkeys(name for record in records for name in record)
    lines: list[list[object]] = [[name, *(_short(record.get(name)) for record in records)] for name in names]
    return [line for line in lines if any(line[1:])]


def _short(value: object) -> str:
    words = "" if value is None else str(value)
    return words if len(words) <= 24 else words[:23] + "…"


@sync.command()
def pull(
    name: Name,
    full: Annotated[bool, typer.Option("--full", help="Forget the cursors and pull everything.")] = False,
    as_json: Json = False,
) -> None:
    """Pull what is new from a connected system; bad records are kept in quarantine, with their reason."""
    from campaigns.store.quarantine import quarantine_counts
    from campaigns.sync import pull as go

    with opened() as project:
        pulled = go(project, name, full=full)
        kept = quarantine_counts(project.store)
    rejected = sum(stream.rejected for stream in pulled)
    if as_json:
        show_json([vars(stream) for stream in pulled])
    else:
        show_table(
            ["stream", "records", "rejected", "gone"], [[s.stream, s.records, s.rejected, s.gone] for s in pulled]
        )
        if rejected:
            out.print("in quarantine:", markup=False)
            show_table(list(kept.columns), kept.values.tolist())
    if rejected:
        raise typer.Exit(LOOK)


@sync.command()
def push(
    name: Name,
    size: Annotated[int | None, typer.Option(help="Products for each customer; else as the mapping names.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would change, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Write each consenting customer's picks and segment back as contact fields; only what changed."""
    from campaigns.contact_fields import give_back

    with opened() as project:
        pushed = give_back(project, name, size, dry_run=dry_run)
    _show(pushed, "would write" if dry_run else "written", as_json=as_json)


@sync.command()
def retry(name: Name, as_json: Json = False) -> None:
    """Send once more what a system refused."""
    from campaigns.write_back import retry as go

    with opened() as project:
        pushed = go(project, name)
    _show(pushed, "written", as_json=as_json)


def _show(pushed: "Pushed", verb: str, *, as_json: bool) -> None:
    if as_json:
        show_json(vars(pushed))
    else:
        out.print(f"{verb}: {pushed.written:,}\nunchanged: {pushed.unchanged:,}\nrejected: {pushed.rejected:,}")
        for line in pushed.missing:
            out.print(f"missing there: {line}", markup=False)
        if any(pushed.fields.values()):
            show_table(["fields", "count"], [[kind, count] for kind, count in pushed.fields.items()])
        if pushed.rejected:
            out.print("see `handpicked sync status`; when it is mended there, `handpicked sync retry`")
    if pushed.rejected:
        raise typer.Exit(LOOK)


@sync.command()
def status(as_json: Json = False) -> None:
    """Tell how far each stream of each connection is, and what was refused on the way in and back."""
    from campaigns.look import progress_of

    with opened() as project:
        streams, refused = progress_of(project)
    if as_json:
        show_json({"streams": [vars(each) for each in streams], "refused": [vars(each) for each in refused]})
        return
    show_table(
        ["connection", "stream", "records", "pages", "last page", "ago", "quarantine"],
        [
            [s.connection, s.stream, s.records, s.pages, f"{s.last_page:%Y-%m-%d %H:%M}", s.ago, s.quarantine]
            for s in streams
        ],
    )
    if refused:
        out.print("\nrefused when written back:", markup=False)
        show_table(
            ["connection", "customer", "status", "what it says"],
            [[each.connection, each.customer_id, each.status, each.message] for each in refused],
        )


def mount(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(sync, name="sync")
