"""SYNC: pull pages of records from a connected system into the store, push picks back as contact fields."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from campaigns.errors import NotFound
from campaigns.project import Project, real_now
from campaigns.store.acknowledged import acknowledge, acknowledged_hashes
from campaigns.store.pages import clear_cursor, read_cursor, save_page
from crm_adapters.base import Adapter, FieldUpdate, Page
from crm_adapters.records import Stream
from crm_adapters.registry import open_adapter

Values = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class Pulled:
    """What one pull of one stream brought."""

    stream: str
    records: int
    rejected: int
    pages: int


@dataclass(frozen=True)
class Pushed:
    """What one push did, in customers."""

    written: int
    unchanged: int
    rejected: int
    dry_run: bool


def connect(project: Project, name: str) -> Adapter:
    """Open the adapter of one connection.

    Raises:
        NotFound: no such connection in the settings.
        AdapterError: its mapping or its source is wrong.
    """
    connections = project.settings.connections
    if name not in connections:
        known = ", ".join(sorted(connections)) or "none yet"
        raise NotFound(f"no connection {name!r} in handpicked.toml", remedy=f"choose one of: {known}")
    connection = connections[name]
    source = connection.url or str(project.folder / (connection.path or "."))
    mapping = project.folder / connection.mapping if connection.mapping else None
    return open_adapter(connection.adapter, source=source, mapping=mapping)


def pull(project: Project, name: str, *, full: bool = False) -> list[Pulled]:
    """Pull every stream of a connection; each page and the cursor behind it are saved in one transaction."""
    adapter = connect(project, name)
    return [_pull_stream(project, adapter, name, stream, full=full) for stream in adapter.streams()]


def _pull_stream(project: Project, adapter: Adapter, name: str, stream: Stream, *, full: bool) -> Pulled:
    if full:
        clear_cursor(project.store, name, stream)
    records = rejected = pages = 0
    since = read_cursor(project.store, name, stream)
    with project.progress.track(f"pull {stream}", None) as bar:
        for page in _read_ahead(adapter.pull(stream, since)):
            rejected += save_page(project.store, name, stream, page, real_now())
            records, pages = records + page.rows.num_rows, pages + 1
            bar.advance(page.rows.num_rows)
    return Pulled(str(stream), records, rejected, pages)


def _read_ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Fetch the next page while this one is saved; a fetched page that is never saved is simply pulled again."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = worker.submit(next, pages, None)
            yield page


def push(project: Project, name: str, fields: Mapping[str, Values], *, dry_run: bool = False) -> Pushed:
    """Write each customer's fields where they differ from what the system last acknowledged.

    Args:
        project: the open project.
        name: the connection.
        fields: customer id to field values; None clears a field.
        dry_run: count only, write nothing.
    """
    adapter = connect(project, name)
    known = acknowledged_hashes(project.store, name)
    changed = [
        FieldUpdate(customer, dict(values)) for customer, values in fields.items() if _differs(known, customer, values)
    ]
    unchanged = len(fields) - len(changed)
    if dry_run:
        return Pushed(len(changed), unchanged, 0, dry_run=True)
    written = rejected = 0
    for batch in _batches(changed, adapter.max_batch):
        sent = {result.customer_id for result in adapter.push(batch) if result.status == "sent"}
        acknowledge(project.store, name, _hashes(update for update in batch if update.customer_id in sent), real_now())
        written, rejected = written + len(sent), rejected + len(batch) - len(sent)
    return Pushed(written, unchanged, rejected, dry_run=False)


def _hash(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=12).hexdigest()


def _differs(known: Mapping[tuple[str, str], str], customer: str, values: Values) -> bool:
    return any(known.get((customer, name)) != _hash(value) for name, value in values.items())


def _hashes(updates: Iterator[FieldUpdate]) -> dict[tuple[str, str], str]:
    return {(update.customer_id, name): _hash(value) for update in updates for name, value in update.values.items()}


def _batches(updates: Sequence[FieldUpdate], size: int) -> Iterator[Sequence[FieldUpdate]]:
    for start in range(0, len(updates), size):
        yield updates[start : start + size]
