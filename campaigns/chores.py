"""CHORES: pull from a connected system and write back to it at the times that its connection says."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.campaign import Schedule
from campaigns.contact_fields import give_back
from campaigns.errors import NotFound
from campaigns.project import Project, real_now
from campaigns.schedule import scheduled_time
from campaigns.store.tokens import use_once
from campaigns.sync import pull

PULL, PUSH = "pull", "push"


@dataclass(frozen=True)
class Chore:
    """One thing to be done for a connection, again and again."""

    connection: str
    kind: str
    schedule: Schedule

    @property
    def name(self) -> str:
        """As it is told: sync pull shop."""
        return f"sync {self.kind} {self.connection}"


def chores(project: Project) -> Iterator[Chore]:
    """Every chore of the connections; cron lines are read in the shop's zone."""
    for name, connection in project.settings.connections.items():
        for kind, cron in ((PULL, connection.pull_at), (PUSH, connection.push_at)):
            if cron is not None:
                yield Chore(name, kind, Schedule(cron=cron, zone=project.settings.shop.time_zone))


def fire(project: str, name: str) -> None:
    """Do a chore because its time has come: the scheduler calls this, in one process or in several.

    Whoever comes second at the same nominal time finds it taken.

    Raises:
        NotFound: the connection has no such time any more.
        AdapterError: the system can't be used.
    """
    with Project.open(Path(project)) as opened:
        chore = next((each for each in chores(opened) if each.name == name), None)
        if chore is None:
            raise NotFound(f"{name} is not in handpicked.toml any more", remedy="start `handpicked run` again")
        due = scheduled_time(chore.schedule, real_now())
        if due is None or not use_once(opened.store, _turn(chore, due.isoformat()), real_now()):
            return
        if chore.kind == PULL:
            pull(opened, chore.connection)
        else:
            give_back(opened, chore.connection)


def _turn(chore: Chore, due: str) -> str:
    return hashlib.sha256(f"{chore.name} {due}".encode()).hexdigest()
