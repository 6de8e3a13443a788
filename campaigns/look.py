"""LOOK: ask a connected system how it is and how its records are read; tell how far each connection has come."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import func, select

from campaigns.project import Project, real_now
from campaigns.store import dead_letters
from campaigns.store.tables import cursors, quarantine
from campaigns.sync import connect
from crm_adapters.base import Adapter, Health, RemoteField, System
from crm_adapters.errors import Unsupported
from crm_adapters.translate import SAMPLE

SHOWN = 20
"""Refused updates that are shown of each connection."""


@dataclass(frozen=True)
class Seen:
    """Some records of a stream, as they came and as they are read; the others of their page are only counted."""

    stream: str
    before: list[dict[str, object]] = field(default_factory=list)
    after: list[dict[str, object]] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """How a system is (None: it can't be asked), and how its records are read."""

    health: Health | None
    streams: list[Seen]


@dataclass(frozen=True)
class Progress:
    """How far a stream has come."""

    connection: str
    stream: str
    records: int
    pages: int
    last_page: datetime
    ago: str
    quarantine: int


@dataclass(frozen=True)
class Refused:
    """An update that a system refused."""

    connection: str
    customer_id: str
    status: str
    message: str


def look(project: Project, name: str) -> Look:
    """Read the first page of each stream, and write nothing.

    Raises:
        AdapterError: the system does not let us in, or can't be read as it is mapped.
    """
    adapter = connect(project, name)
    health = adapter.check() if isinstance(adapter, System) else None
    return Look(health, [_seen(adapter, stream) for stream in adapter.streams()])


def _seen(adapter: Adapter, stream: str) -> Seen:
    for page in islice(adapter.pull(stream, None), 1):  # type: ignore[arg-type]
        after = page.rows.slice(0, SAMPLE).to_pylist()
        return Seen(stream, list(map(dict, page.sample)), after, dict(Counter(each.reason for each in page.rejects)))
    return Seen(stream)


def remote_fields(project: Project, name: str) -> list[RemoteField]:
    """List the contact fields of a system.

    Raises:
        Unsupported: it has none of its own: whatever is written back gets a column.
    """
    adapter = connect(project, name)
    if not isinstance(adapter, System):
        raise Unsupported(
            f"{name} has no contact fields of its own", remedy="push: each field that is written gets a column"
        )
    return adapter.fields()


def progress_of(project: Project) -> tuple[list[Progress], list[Refused]]:
    """Tell how far each stream of each connection has come, and what systems refused when it was written back."""
    now = real_now()
    c, q = cursors.c, quarantine.c
    with project.store.engine.connect() as read:
        query = select(q.connection, q.stream, func.count()).group_by(q.connection, q.stream)
        bad = {(connection, stream): count for connection, stream, count in read.execute(query)}
        rows = read.execute(
            select(c.connection, c.stream, c.records, c.pages, c.updated_at).order_by(c.connection, c.stream)
        ).all()
    found = [Progress(*row, _ago((now - row[4]).total_seconds()), bad.get((row[0], row[1]), 0)) for row in rows]
    refused = [
        Refused(name, letter.customer_id, letter.status, letter.message)
        for name in project.settings.connections
        for letter in dead_letters.kept(project.store, name)[:SHOWN]
    ]
    return found, refused


def _ago(seconds: float) -> str:
    """Write a span in one unit.

    >>> _ago(30), _ago(7200), _ago(200_000)
    ('30 s', '2 h', '2 days')
    """
    for unit, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit or (unit == 60 and seconds >= unit):
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"
