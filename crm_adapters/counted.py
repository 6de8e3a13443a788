"""Read a list whose records are counted by place: what is deleted or changed meanwhile moves those behind it up.

So each page begins with the last record of the one before. Where that is not so, records have moved up past the
border, and the page before is read again, until one is met that was read already.
"""

from collections import deque
from collections.abc import Callable, Collection, Container, Hashable, Iterator, Mapping
from typing import Any

from crm_adapters.errors import BadSource

Item = Mapping[str, Any]
Ask = Callable[[int, int], tuple[list[Item], int | None]]
"""So many records from a place on, and how many there are in all, if the system tells; it may hide some of them."""
REMEMBERED = 8
"""Pages whose records are known again; what moves further up than that comes twice, which is harmless."""


def walk(
    ask: Ask, place: Callable[[Item], Hashable], size: int, *, offset: int = 0, read: Container[Hashable] = ()
) -> Iterator[tuple[list[Item], bool]]:
    """Yield what was not read yet, page by page, and of each page whether it is the last.

    Args:
        ask: the system.
        place: what a record is known again by: its id, and its time where the list is in the order of times.
        size: records asked for at once, 2 or more.
        offset: the place to begin at.
        read: what was read already.

    Raises:
        BadSource: the same page comes again and again.
    """
    recent: deque[Container[Hashable]] = deque([read], maxlen=REMEMBERED)
    doubted: set[tuple[int, Hashable]] = set()
    before: list[Hashable] = []
    since, went_back = 0, False
    while True:
        items, total = ask(offset, size)
        places = [place(item) for item in items]
        since = since if places == before else offset
        if len(places) > 1 and offset > since and (len(places) == size or offset >= since + size):
            raise repeats()
        border = (offset, places[0] if places else None)
        if offset and not _is_known(border[1], recent) and border not in doubted:
            doubted.add(border)
            offset, before, went_back = max(offset - size + 1, 0), [], True
            continue
        new = [item for item, one in zip(items, places, strict=True) if not _is_known(one, recent)]
        end = offset + (len(items) or size)
        is_last = end >= total if total is not None else not (new or went_back)
        recent.append(set(places))
        yield new, is_last
        if is_last:
            return
        offset, before, went_back = max(end - 1, offset + 1), places, False


def repeats() -> BadSource:
    """A list that never ends."""
    return BadSource(
        "the same page of a list comes again and again",
        remedy="let the shop's cache leave its API alone, or try again later; nothing is lost",
    )


def _is_known(place: Hashable, recent: Collection[Container[Hashable]]) -> bool:
    return any(place in page for page in recent)
