"""How far a pull by change has come: a cursor by (time, id) that looks back for rows written late."""

import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

from crm_adapters.errors import BadCursor

VERSION = 2
LATE = timedelta(minutes=5)
REMEMBERED = 1_000
NEVER = datetime.max.replace(tzinfo=UTC)
# What JSON does not know, and a cursor must give back as it was; a datetime is a date, so it comes first.
TYPED: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}

Row = Sequence[Any]
Position = tuple[Any, Any]


@dataclass(frozen=True)
class Mark:
    """How far a pull by change has come.

    Attributes:
        settled: the position that no row can come late before; None: the start.
        read: the position of the last row read.
        rows: how many rows stand after `settled`, up to `read`.
        total: the sum of their prints, modulo 2**64.
        prints: their prints, or none if they are too many to be listed.
    """

    settled: Position | None = None
    read: Position | None = None
    rows: int = 0
    total: int = 0
    prints: tuple[int, ...] = ()

    @property
    def is_listed(self) -> bool:
        """Whether each row that may come late is known by its print."""
        return self.rows <= REMEMBERED

    def moved(self, settled: Position | None, read: Position, prints: list[int]) -> "Mark":
        """The mark behind one more page, of which `prints` are the rows that are not settled."""
        start = self if settled is None else Mark(settled)
        rows = start.rows + len(prints)
        kept = (*start.prints, *prints) if rows <= REMEMBERED else ()
        return Mark(start.settled, read, rows, (start.total + sum(prints)) % 2**64, kept)

    def as_text(self, mapped: int, ahead: set[int]) -> str:
        """The cursor; `ahead` are the prints of known rows that this pull has yet to come by."""
        return json.dumps(
            {
                "v": VERSION,
                "mapped": mapped,
                "settled": self.settled and [_kept(value) for value in self.settled],
                "read": self.read and [_kept(value) for value in self.read],
                "rows": self.rows,
                "total": self.total,
                "prints": [*self.prints, *ahead] if self.is_listed else [],
            }
        )

    @classmethod
    def from_text(cls, since: str | None, mapped: int) -> "Mark":
        """The mark of a cursor; it must be of this mapping: what another one read would stay as it is."""
        if not since:
            return cls()
        try:
            known = json.loads(since)
            if (known["v"], known["mapped"]) != (VERSION, mapped):
                raise ValueError("of another version or mapping")
            settled, read = (_position(known[name]) for name in ("settled", "read"))
            sorted(each[0] for each in (settled, read) if each and each[0] is not None)  # of one kind, or damaged
            return cls(settled, read, int(known["rows"]), int(known["total"]), tuple(map(int, known["prints"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise bad_cursor() from error


def resumed(
    mark: Mark, read: Callable[[Position | None], tuple[list[Any], bool]], position: Callable[[Any], Position]
) -> tuple[Mark, Position | None, tuple[int, ...]]:
    """Say where a pull goes on: from which mark, at which position, and the prints known behind it.

    Rows that may have come late are known one by one; very many, by their number and sum. If these still hold, nothing
    came late, and the pull goes on behind them.
    """
    if mark.is_listed or mark.read is None:
        return Mark(mark.settled), mark.settled, mark.prints
    at, is_last, rows, total = mark.settled, False, 0, 0
    while not is_last and (at is None or at < mark.read):
        found, is_last = read(at)
        known = [row for row in found if position(row) <= mark.read]
        rows, total = rows + len(known), total + sum(map(print_of, known))
        at = position(found[-1]) if found else mark.read
    if (rows, total % 2**64) == (mark.rows, mark.total):
        return mark, mark.read, ()
    return Mark(mark.settled), mark.settled, ()


def follow(
    read: Callable[[Position | None], tuple[list[Any], bool]],
    position: Callable[[Any], Position],
    fresh: Callable[[list[Any], list[int], set[int]], list[Any]],
    mark: Mark,
    mapped: int,
    at: Position | None,
    known_prints: Collection[int] = (),
) -> Iterator[tuple[list[Any], str]]:
    """Read page after page in the order of positions; leave out what is known, and say the cursor behind each page.

    Args:
        read: the rows after a position, and whether there are no more.
        position: of a row.
        fresh: of rows and their prints, those of which something is not known yet.
        mark: how far an earlier pull has come.
        mapped: a number that stands for the mapping of the stream.
        at: the position to begin at.
        known_prints: of the rows behind it that an earlier pull has brought.

    Yields:
        rows that are new, and the cursor.
    """
    known = set(known_prints)
    is_last = False
    while not is_last:
        rows, is_last = read(at)
        if not rows:
            return
        old = settled([position(row)[0] for row in rows])
        first = 0 if known else old
        prints = [print_of(row) for row in rows[first:]]
        new = fresh(rows, prints, known) if known else rows
        known = set() if is_last else known.difference(prints)
        at = position(rows[-1])
        mark = mark.moved(position(rows[old - 1]) if old else None, at, prints[old - first :])
        if new:
            yield new, mark.as_text(mapped, known)


def bad_cursor() -> BadCursor:
    """A cursor that can't be continued."""
    return BadCursor("the cursor is not one of this stream, as it is mapped now", remedy="pull in full: --full")


def _position(kept: list[Any] | None) -> Position | None:
    if kept is None:
        return None
    time, key = (_given_back(value) for value in kept)
    return time, key


def _kept(value: Any) -> Any:
    """A value of a database as JSON that gives the same type back."""
    for name, (kind, write, _) in TYPED.items():
        if isinstance(value, kind):
            return {name: write(value)}
    return value


def _given_back(value: Any) -> Any:
    if isinstance(value, dict):
        ((name, text),) = value.items()
        return TYPED[name][2](text)
    return value


def settled(times: Sequence[Any]) -> int:
    """How many of these times no row can come late before: those `LATE` older than the newest, or than now."""
    newest = _moment(times[-1])
    if newest is None:
        return times.index(times[-1])
    end = min(newest, datetime.now(UTC))
    return bisect_right(times, -LATE, key=lambda time: (_moment(time) or NEVER) - end)


def _moment(value: Any) -> datetime | None:
    """A time of change as a moment; None for a counter; text that is no time never comes."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return NEVER
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None


def print_of(row: Row) -> int:
    """A row as a number of 64 bits: equal for equal rows, and all but never for others."""
    return int.from_bytes(blake2b(repr(tuple(row)).encode("utf-8", "surrogatepass"), digest_size=8).digest())
