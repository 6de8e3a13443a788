"""Read a list that can't be asked for changes: whole each time, by ascending number, giving on what is new in it.

A print of each record is kept in the cursor (about 9 bytes a record), so that one that did not change costs nothing
behind the adapter, and one that is missing from a reading is known to be gone.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from crm_adapters.errors import BadSource
from crm_adapters.marks import bad_cursor

VERSION = 1
PRINT_BYTES = 6
"""Of a print: that a change makes the same one again happens once in 10**14."""
PORTION = 100
"""News wait until they are one part in so many of all: the cursor is as long as the list, and written with them."""


class Seen(NamedTuple):
    """One record of a reading: its number, its print, and itself."""

    number: int
    print: int
    record: Mapping[str, Any]


@dataclass(frozen=True)
class News:
    """What a reading found to be new or changed, what is gone, and the cursor behind it."""

    records: list[Mapping[str, Any]]
    gone: list[str]
    cursor: str


@dataclass
class Whole:
    """What is known of a list.

    Attributes:
        mapped: a number that stands for the mapping of the stream.
        prints: of each record, by its number.
        at: the number that a reading which did not come to its end has come to; None: it did.
    """

    mapped: int
    prints: dict[int, int]
    at: int | None = None

    @classmethod
    def from_text(cls, since: str | None, mapped: int) -> "Whole":
        """What a cursor knows; it must be of this mapping: what another one read would stay as it is.

        Raises:
            BadCursor: it is of something else.
        """
        if not since:
            return cls(mapped, {})
        try:
            known = json.loads(since)
            if (known["v"], known["mapped"]) != (VERSION, mapped):
                raise ValueError("of another version or mapping")
            prints = dict(zip(_numbers(known["numbers"]), _prints(known["prints"]), strict=True))
            return cls(mapped, prints, None if known["at"] is None else int(known["at"]))
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
            raise bad_cursor() from error

    def as_text(self, at: int | None) -> str:
        """The cursor behind a number; None: behind the end."""
        ordered = sorted(self.prints.items())
        numbers, prints = _packed([number for number, _ in ordered]), b"".join(_bytes(each) for _, each in ordered)
        told = {"numbers": numbers, "prints": b64encode(prints).decode()}
        return json.dumps({"v": VERSION, "mapped": self.mapped, "at": at, **told})

    @property
    def read(self) -> int:
        """How many records the reading that did not come to its end had come by."""
        return sum(number <= self.at for number in self.prints) if self.at is not None else 0

    def follow(self, pages: Iterable[tuple[Sequence[Seen], bool]], size: int) -> Iterator[News]:
        """Hold a reading against what is known, and give on the news: `size` records at once, of a long list more.

        A list that shows nothing at all has hidden its records, rather than lost them: then none is gone.

        Args:
            pages: of the list behind `at`, by ascending number; and of each whether it is the last.
            size: news to wait for before they are given on.

        Raises:
            BadSource: the numbers do not ascend; what is missing could not be told from what is gone.
        """
        left, start, at = iter(sorted(number for number in self.prints if number > (self.at or 0))), self.at, self.at
        coming = next(left, None)
        records: list[Mapping[str, Any]] = []
        gone: list[str] = []
        for rows, is_last in pages:
            _must_ascend(rows)
            for row in rows:
                if at is not None and row.number <= at:
                    continue
                while coming is not None and coming <= row.number:
                    gone += self._left_out(coming, row.number)
                    coming = next(left, None)
                records += self._news(row)
                at = row.number
            if len(records) >= max(size, len(self.prints) // PORTION) and not is_last:
                yield News(records, gone, self.as_text(at))
                records, gone, start = [], [], at
        while coming is not None and at is not None and at != self.at:
            gone += self._left_out(coming, at)
            coming = next(left, None)
        if records or gone or start is not None:
            yield News(records, gone, self.as_text(None))

    def _news(self, row: Seen) -> list[Mapping[str, Any]]:
        kept = row.print % 256**PRINT_BYTES
        if self.prints.get(row.number) == kept:
            return []
        self.prints[row.number] = kept
        return [row.record]

    def _left_out(self, number: int, met: int) -> list[str]:
        if number == met:
            return []
        del self.prints[number]
        return [str(number)]


def _must_ascend(rows: Sequence[Seen]) -> None:
    if late := next((after.number for before, after in pairwise(rows) if after.number <= before.number), None):
        raise BadSource(
            f"the list is not in the order of its numbers: {late} comes too late",
            remedy="a plugin of the shop may change the order; let it leave the API alone",
        )


def _bytes(value: int) -> bytes:
    return value.to_bytes(PRINT_BYTES)


def _prints(text: str) -> list[int]:
    kept = b64decode(text, validate=True)
    return [int.from_bytes(kept[start : start + PRINT_BYTES]) for start in range(0, len(kept), PRINT_BYTES)]


def _packed(numbers: Sequence[int]) -> str:
    """Ascending numbers as the steps between them: mostly 1, which packs to nearly nothing."""
    steps = " ".join(str(after - before) for before, after in pairwise([0, *numbers]))
    return b64encode(zlib.compress(steps.encode())).decode()


def _numbers(text: str) -> list[int]:
    return list(accumulate(map(int, zlib.decompress(b64decode(text, validate=True)).split())))
