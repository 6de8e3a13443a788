"""The verbs of the web on the command line: `serve`, `judge-traffic`. `cli` mounts them."""
# ruff: noqa: PLC0415 - a verb is imported only inside its command, as in `cli`

from datetime import timedelta
from typing import Annotated

import typer

from campaigns.console import Json, opened, show_json, show_table


def serve(
    host: Annotated[str | None, typer.Option("--host", help="Where to listen; else the setting web.host.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="The port; else the setting web.port.")
    ] = None,
) -> None:
    """Answer the links in messages: unsubscribe, preferences, clicks, opens, view in browser."""
    from campaigns.serve import serve as answer

    with opened() as project:
        answer(project, host, port)


def judge_traffic(
    days: Annotated[float, typer.Option("--days", min=0, help="How many past days to judge.")] = 30,
    as_json: Json = False,
) -> None:
    """Tell people from scanners and proxies among clicks and opens; only people's become events."""
    from campaigns.project import real_now
    from campaigns.traffic import judge

    with opened() as project:
        until = real_now() + timedelta(seconds=1)
        counts = judge(project, until - timedelta(days=days), until)
    if as_json:
        show_json(dict(counts))
        return
    show_table(["verdict", "hits"], [[verdict, count] for verdict, count in counts.most_common()])


def mount(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(serve)
    app.command()(judge_traffic)
