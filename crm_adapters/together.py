"""Translate several pages of a system together: ten pages take little longer than one."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

USUAL, MANY, SECONDS = 100, 1_000, 1.0


def together(
    found: Iterable[tuple[list[Any], str]], page_records: int, now: Callable[[], float] = time.monotonic
) -> Iterator[tuple[list[Any], str]]:
    """Join what pages brought, each time with the cursor of the last.

    They are given on when there are many, when a second has passed, or before a record comes again. Pages smaller than
    systems have them are somebody's wish to see each.

    Args:
        found: rows, which know their `id`, and the cursor behind them.
        page_records: how many the system gives at a time.
        now: seconds of a clock.
    """
    most = max(page_records, MANY) if page_records >= USUAL else page_records
    rows: list[Any] = []
    ids: set[Any] = set()
    cursor, since = "", now()
    try:
        for more, behind in found:
            told = {row.id for row in more}
            if rows and (ids & told or len(rows) + len(more) > most):
                yield rows, cursor
                rows, ids, since = [], set(), now()
            rows, ids, cursor = [*rows, *more], ids | told, behind
            if len(rows) >= most or now() - since >= SECONDS:
                yield rows, cursor
                rows, ids, since = [], set(), now()
    except Exception:  # what came before the system broke off is not lost
        if rows:
            yield rows, cursor
        raise
    if rows:
        yield rows, cursor
