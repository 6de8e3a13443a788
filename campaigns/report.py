"""REPORT: what became of each customer of a campaign's runs; the counts add up to the audience."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from campaigns.errors import NotFound
from campaigns.project import Project
from campaigns.store.tables import messages, runs


@dataclass(frozen=True)
class RunReport:
    """One run: its audience, and how many of it are in each state for which reason."""

    run_id: str
    state: str
    scheduled_at: datetime
    audience: int
    states: dict[str, int]
    reasons: dict[str, dict[str, int]]
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "run": self.run_id,
            "state": self.state,
            "scheduled_at": self.scheduled_at.isoformat(),
            "note": self.note,
            "audience": self.audience,
            "states": self.states,
            "reasons": self.reasons,
        }


def report(project: Project, name: str) -> list[RunReport]:
    """Count the messages of each run of a campaign by state and reason, newest run first.

    Raises:
        NotFound: no such campaign, or it has not run yet.
    """
    project.campaign(name)
    with project.store.engine.connect() as connection:
        found = connection.execute(
            select(runs.c.id, runs.c.state, runs.c.scheduled_at, runs.c.note)
            .where(runs.c.campaign == name)
            .order_by(runs.c.scheduled_at.desc())
        ).all()
        if not found:
            raise NotFound(f"campaign {name!r} has not run yet", remedy=f"run `handpicked send {name}` first")
        return [_report(connection, *run) for run in found]


def _report(connection: Any, run_id: str, state: str, scheduled_at: datetime, note: str | None) -> RunReport:
    counted = connection.execute(
        select(messages.c.state, messages.c.reason, func.count())
        .where(messages.c.run_id == run_id)
        .group_by(messages.c.state, messages.c.reason)
        .order_by(messages.c.state, messages.c.reason)
    ).all()
    reasons: dict[str, dict[str, int]] = {}
    for message_state, reason, count in counted:
        reasons.setdefault(message_state, {})[reason or ""] = count
    states = {name: sum(by_reason.values()) for name, by_reason in reasons.items()}
    return RunReport(run_id, state, scheduled_at, sum(states.values()), states, reasons, note)
