"""Read a list of Shopify page by page, in the order of changes, beyond the number of records that one list shows.

The filter by time is taken as a hint: it counts in seconds, and the vendor's words say of customers that it matches
whole days. So it is asked for a little more, never for "later than", and what is known is left out here.

The list is that of a search index, which follows a change after a while: till then a record stands at its former place,
with its new time. So what changed in the last minutes is given on last of all.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from crm_adapters.errors import BadSource
from crm_adapters.in_order import Row, position
from crm_adapters.marks import LATE, Position, print_of
from crm_adapters.shopify.calls import Shop, TooDear
from crm_adapters.shopify.lists import Listing

MOST_PAGED = 25_000
"""Records that one list shows, however it is paged."""
MOST_INNER = 100


class Pages:
    """One list of a shop.

    Args:
        shop: whom to ask.
        asked: which list.
        size: records of a page at most; they become fewer where the question would cost too much.
    """

    def __init__(self, shop: Shop, asked: Listing, size: int) -> None:
        self._shop, self._asked, self.size = shop, asked, size

    def after(self, at: Position | None) -> Iterator[list[Row]]:
        """The pages after a position, or a little before it; the times in them ascend.

        Raises:
            BadSource: so many records are of one time that Shopify does not show them all, or a page repeats.
            AdapterError: as `Shop.asked`.
        """
        since, last, cursor, shown = at and at[0], _Last(), None, 0
        seen: set[str | int] = set()
        settled = datetime.fromtimestamp(self._shop.clock.now(), UTC) - LATE
        held: list[Row] = []
        while True:
            found = self._page(since, cursor)
            rows = [self._asked.row(each) for each in self._whole(found["nodes"])]
            new = last.new(rows)
            held += [row for row in new if row.time > settled]
            yield [row for row in new if row.time <= settled]
            shown += self.size
            cursor = next_of(found)
            if cursor is None:
                break
            refuse_seen(seen, cursor)
            if shown + self.size > MOST_PAGED:
                since, cursor, shown, seen = self._begun_again(since, rows), None, 0, set()
        yield sorted(held, key=position)

    def _begun_again(self, since: datetime | None, rows: list[Row]) -> datetime:
        """From when to list again, as this list shows no more."""
        if not rows or (since is not None and rows[-1].time <= since):
            raise BadSource(
                f"more than {MOST_PAGED:,} {self._asked.name} changed at once, and Shopify lists no more",
                remedy="pull in full: --full; a bulk operation has no such limit",
            )
        return rows[-1].time

    def _page(self, since: datetime | None, cursor: str | None) -> Mapping[str, Any]:
        """A page, halved until Shopify does not find it too dear."""
        query = f"updated_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'" if since else None
        while True:
            variables = {"first": self.size, "after": cursor, "query": query}
            try:
                found = self._shop.read(self._asked.name, self._asked.page, variables)
            except TooDear:
                if self.size == 1:
                    raise
                self.size //= 2
                continue
            return found

    def _whole(self, nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Records with all of the list within each; one that is deleted meanwhile is left out."""
        for node in nodes:
            if not self._asked.inner:
                yield node
                continue
            inner = node[self._asked.inner]
            more = self._inner(node["id"], inner)
            if more is not None:
                yield {**node, self._asked.inner: [*inner["nodes"], *more]}

    def _inner(self, gid: str, inner: Mapping[str, Any]) -> list[Any] | None:
        """What else is in the list within a record; None: the record is gone."""
        more: list[Any] = []
        seen: set[str | int] = set()
        while (cursor := next_of(inner)) is not None:
            refuse_seen(seen, cursor)
            variables = {"id": gid, "first": MOST_INNER, "after": cursor}
            record = self._shop.find(self._asked.one, self._asked.more, variables)
            if record is None:
                return None
            inner = record[self._asked.inner]
            refuse_seen(seen, print_of(inner["nodes"]))
            more += inner["nodes"]
        return more


class _Last:
    """Leaves out what was there already: where a list is begun again, or where a record has moved in it meanwhile."""

    def __init__(self) -> None:
        self._seen: set[tuple[datetime, str]] = set()

    def new(self, rows: list[Row]) -> list[Row]:
        new = [row for row in rows if (row.time, row.id) not in self._seen]
        if rows:
            newest = rows[-1].time
            self._seen = {each for each in self._seen if each[0] >= newest}
            self._seen |= {(row.time, row.id) for row in rows if row.time >= newest}
        return new


def next_of(found: Mapping[str, Any]) -> str | None:
    """Where the next page begins; None: there is none."""
    info = found["pageInfo"]
    return str(info["endCursor"]) if info["hasNextPage"] else None


def refuse_seen(seen: set[str | int], page: str | int) -> None:
    """Refuse a page, by its place or its print, that was there before: reading on would never end."""
    if page in seen:
        raise BadSource("Shopify gives the same page again and again", remedy="try again later; nothing is lost")
    seen.add(page)
