"""Pages that are saved together: a transaction takes longer than a page of a hundred records."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pyarrow as pa

from crm_adapters.base import Page
from crm_adapters.records import Stream

RECORDS, SECONDS = 5_000, 1.0
KEYS = {Stream.CUSTOMERS: "id", Stream.PRODUCTS: "id", Stream.ORDERS: "order_id"}


def gathered(pages: Iterable[Page], now: Callable[[], float] = time.monotonic) -> Iterator[Page]:
    """Join pages into larger ones, each with the cursor of its last: a crash repeats what was not saved yet.

    They are given on when `RECORDS` are together or `SECONDS` have passed. No page has a record twice: what is told of
    it last counts. A page without records is not kept waiting, for what follows it may take long.

    Args:
        pages: of one stream, in their order.
        now: seconds of a clock.
    """
    waiting: list[Page] = []
    known: set[str] = set()
    since = now()
    try:
        for page in pages:
            told = _told(page)
            if waiting and (page.first or known & told):
                yield _joined(waiting)
                waiting, known = [], set()
            since = since if waiting else now()
            waiting.append(page)
            known |= told
            is_enough = sum(each.rows.num_rows for each in waiting) >= RECORDS or now() - since >= SECONDS
            if is_enough or not page.rows.num_rows or page.stream not in KEYS:
                yield _joined(waiting)
                waiting, known = [], set()
    except Exception:  # what came before the system broke off is not lost
        if waiting:
            yield _joined(waiting)
        raise
    if waiting:
        yield _joined(waiting)


def _told(page: Page) -> set[str]:
    """Of which records a page tells, good, gone or merged; the bad ones change nothing in the store."""
    rows = page.rows[KEYS[page.stream]].to_pylist() if page.stream in KEYS else []
    return {*rows, *page.gone, *page.merged}


def _joined(pages: list[Page]) -> Page:
    if len(pages) == 1:
        return pages[0]
    return replace(
        pages[0],
        rows=pa.concat_tables([page.rows for page in pages]),
        rejects=[reject for page in pages for reject in page.rejects],
        cursor=pages[-1].cursor,
        gone=[one for page in pages for one in page.gone],
        merged={one: other for page in pages for one, other in page.merged.items()},
        ids=[one for page in pages for one in page.ids],
    )
