"""Read a list that a system orders by a time of change: each of its pages once, in the order of (time, id)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from crm_adapters.marks import Position


class Row(NamedTuple):
    """One record as it came, and its place in the order of changes."""

    time: datetime
    id: str
    raw: Mapping[str, Any]


def position(row: Row) -> Position:
    """Where a record stands in the order of changes."""
    return row.time, row.id


def fresh(rows: list[Row], prints: list[int], known: set[int]) -> list[Row]:
    """Of rows and their prints, those that are not known yet."""
    return [row for row, seen in zip(rows, prints, strict=True) if seen not in known]


class InOrder:
    """Gives records on by (time, id), however the system orders those of one time: it reads all of these first.

    Args:
        pages: the system's pages after a position, or a little before it; the times in them ascend.
        size: how many records are given on at once, at most.
    """

    def __init__(self, pages: Callable[[Position | None], Iterator[list[Row]]], size: int) -> None:
        self._pages, self._size = pages, size
        self._at: Position | None = (None, None)  # nothing was read yet
        self._coming: Iterator[list[Row]] = iter(())
        self._ready: list[Row] = []
        self._open: list[Row] = []  # of the last time, of which more may come

    def after(self, at: Position | None) -> tuple[list[Row], bool]:
        """The records after a position, and whether there are no more; it costs least to go on where the last ended."""
        if at != self._at:
            self._coming, self._ready, self._open = self._pages(at), [], []
        while len(self._ready) <= self._size and (page := next(self._coming, None)) is not None:
            rows = self._open + [row for row in page if at is None or position(row) > at]
            self._ready += sorted((row for row in rows if row.time < rows[-1].time), key=position)
            self._open = [row for row in rows if row.time >= rows[-1].time]
        if len(self._ready) <= self._size:
            self._ready, self._open = self._ready + sorted(self._open, key=position), []
        rows, self._ready = self._ready[: self._size], self._ready[self._size :]
        self._at = position(rows[-1]) if rows else at
        return rows, not self._ready
