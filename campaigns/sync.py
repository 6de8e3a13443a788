"""SYNC: pull pages of records from a connected system into the store; `write_back` is the way back."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from campaigns.consent import words_of_consent
from campaigns.errors import NotFound
from campaigns.gathered import gathered
from campaigns.project import Project, real_now
from campaigns.store.behaviour import settle
from campaigns.store.pages import clear_cursor, read_cursor, save_page, sweep
from crm_adapters.base import Adapter, Page, System
from crm_adapters.records import Stream
from crm_adapters.registry import Access, open_adapter

MOST_AHEAD, RECORDS_AHEAD = 8, 10_000
"""Pages and records that are fetched while others are saved: of large pages one, of small ones several."""


@dataclass(frozen=True)
class Pulled:
    """What one pull of one stream brought; `gone` are records that the system has deleted, or made part of others."""

    stream: str
    records: int
    rejected: int
    pages: int
    gone: int = 0


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
    access = Access(
        source,
        user=connection.user,
        password=connection.password.get_secret_value(),
        token=connection.token.get_secret_value(),
        state=project.folder / ".handpicked-tokens" / f"{quote(name, safe='')}.json",
        hosts=connection.hosts,
        allow_private=connection.allow_private,
        contact=project.settings.shop.base_url,
    )
    return open_adapter(connection.adapter, access, mapping)


def pull(project: Project, name: str, *, full: bool = False) -> list[Pulled]:
    """Pull every stream of a connection; pages and the cursor behind them are saved in one transaction.

    A system that does not tell what it has deleted is swept: once a whole reading has come to its end, what it did not
    bring is gone.
    """
    adapter = connect(project, name)
    pulled = [_pull_stream(project, adapter, name, stream, full=full) for stream in adapter.streams()]
    settle(project.store, words_of_consent(project))  # events of customers who came now, and of those who are gone
    return pulled


def _pull_stream(project: Project, adapter: Adapter, name: str, stream: Stream, *, full: bool) -> Pulled:
    if full:
        clear_cursor(project.store, name, stream)
    records = rejected = pages = gone = 0
    since = read_cursor(project.store, name, stream)
    sweeps, whole = isinstance(adapter, System) and adapter.sweeps, since is None
    there: set[str] = set()
    with project.progress.track(f"pull {stream}", None) as bar:
        for page in gathered(_read_ahead(adapter.pull(stream, since))):
            rejected += save_page(project.store, name, stream, page, real_now())
            records, pages, gone = records + page.rows.num_rows, pages + 1, gone + len(page.gone) + len(page.merged)
            whole = whole or page.first  # a feed that has changed is read from its start again, also with a cursor
            there.update(_ids(page) if sweeps and whole else ())
            bar.advance(page.rows.num_rows)
    if there:  # a shop that shows nothing at all has hidden its records from us, rather than deleted them
        gone += sweep(project.store, name, stream, there, real_now())
    return Pulled(str(stream), records, rejected, pages, gone)


def _ids(page: Page) -> list[str]:
    """Whom a page tells of, also under the id that the mapping gives; nobody, where the adapter does not say."""
    key = "order_id" if page.stream is Stream.ORDERS else "id"
    return [*page.ids, *page.rows[key].to_pylist()] if page.ids else []


def _read_ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Fetch the next pages while these are saved; a fetched page that is never saved is simply pulled again."""
    worker = ThreadPoolExecutor(1, "read ahead")
    coming = deque([worker.submit(next, pages, None)])
    try:
        while (page := coming.popleft().result()) is not None:
            ahead = min(MOST_AHEAD, 1 + RECORDS_AHEAD // max(1, page.rows.num_rows))
            coming += [worker.submit(next, pages, None) for _ in range(ahead - len(coming))]
            yield page
    finally:
        worker.shutdown(cancel_futures=True)
