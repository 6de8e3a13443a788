"""CONTROL: pause, resume or cancel a run, and decide on what is in doubt."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from campaigns.errors import NotFound
from campaigns.project import Project, real_now
from campaigns.store import outbox, runs


def run_of(project: Project, name: str) -> str:
    """Find a run by its id, or the newest run of a campaign.

    Raises:
        NotFound: no such run, and no campaign of that name has run.
    """
    if runs.exists(project.store, name):
        return name
    newest = runs.newest(project.store, name)
    if newest is None:
        raise NotFound(f"no run and no campaign {name!r} that has run", remedy="see `handpicked report CAMPAIGN`")
    return newest


def pause(project: Project, name: str) -> str:
    """Send no more of a run for now; what is being sent is finished.

    Raises:
        NotFound: no such run, or it is not delivering.
    """
    return _change(project, name, "pause", lambda run, now: runs.halt(project.store, run, "paused", None, now))


def resume(project: Project, name: str) -> str:
    """Go on with a run that was paused, or stopped because no message was taken.

    Raises:
        NotFound: no such run, or it is neither paused nor stopped.
    """
    return _change(project, name, "resume", lambda run, now: runs.resume(project.store, run, now))


def cancel(project: Project, name: str) -> str:
    """Send no more of a run, for good: what has not left is skipped.

    Raises:
        NotFound: no such run, or it is at an end.
    """
    return _change(project, name, "cancel", lambda run, now: runs.cancel(project.store, run, now) is not None)


def _change(project: Project, name: str, verb: str, change: Callable[[str, datetime], bool]) -> str:
    run = run_of(project, name)
    if not change(run, real_now()):
        state = runs.state_of(project.store, run)
        raise NotFound(f"there is nothing to {verb}: {run} is {state}", remedy="see `handpicked report`")
    return run


def doubtful(project: Project, name: str) -> tuple[str, list[Mapping[str, Any]]]:
    """List the messages of a run that may or may not have arrived, each with its recipient."""
    run = run_of(project, name)
    return run, outbox.in_doubt(project.store, run)


def send_again(project: Project, name: str) -> int:
    """Send again what is in doubt in a run: whoever got it the first time gets it twice.

    Returns:
        how many messages wait now.

    Raises:
        NotFound: no such run, or it was cancelled.
    """
    run, rows = doubtful(project, name)
    if runs.state_of(project.store, run) == "cancelled":
        raise NotFound(f"there is nothing to send again: {run} is cancelled", remedy="see `handpicked report`")
    now = real_now()
    with project.store.writing() as write:
        count = outbox.resend(write, [row["rfc_message_id"] for row in rows], "sent again: an operator said so", now)
        runs.reopen(write, run)
    return count
