"""Read a feed in pages of records: from where the last pull came to, and not at all where it has not changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import IO, NamedTuple

from crm_adapters.base import Reject
from crm_adapters.errors import BadSource
from crm_adapters.marks import print_of
from crm_adapters.product_pages.feed import next_change, row_of
from crm_adapters.product_pages.fetch import Got
from crm_adapters.product_pages.items import BadTable, Item, table_items, xml_items
from crm_adapters.product_pages.progress import FeedMark, SiteMark
from crm_adapters.product_pages.xml import BadXml

FOUND_AT = "found_at"


class Batch(NamedTuple):
    """Rows of one page, each with the place where it was found; the bad ones; and how far this is."""

    rows: list[dict[str, str]]
    rejects: list[Reject]
    mark: FeedMark | SiteMark
    first: bool


@dataclass(frozen=True)
class Feed:
    """A feed that was fetched.

    Attributes:
        got: the document.
        is_table: whether it is a table, and no XML.
        allowed: whether a url is on the shop's hosts.
        now: the moment whose prices are asked for.
        size: items on a page of records.
    """

    got: Got
    is_table: bool
    allowed: Callable[[str], bool]
    now: datetime
    size: int

    def batches(self, mark: FeedMark | None) -> Iterator[Batch]:
        """Yield pages behind a mark; of a feed that has changed since, or whose prices have, all.

        Raises:
            BadSource: it is broken, with the line.
        """
        document = _digest(self.got.body)
        if mark is None or mark.document != document or mark.is_over(self.now.timestamp()):
            mark = FeedMark(document)
        if mark.whole:
            return
        headers = self.got.headers
        done = replace(mark, etag=headers.get("etag", ""), modified=headers.get("last-modified", ""))
        yield from self._from(done)

    def _from(self, mark: FeedMark) -> Iterator[Batch]:
        rows: list[dict[str, str]] = []
        rejects: list[Reject] = []
        pages, changes = 0, list[float]()
        for number, (row, reject) in enumerate(self._read(), 1):
            rows += [row] if row else []
            rejects += [reject] if reject else []
            if row and (change := next_change(row, self.now)):
                changes = [min([change.timestamp(), *changes])]
            if number % self.size == 0:
                pages += 1
                if pages > mark.pages:
                    yield Batch(rows, rejects, replace(mark, pages=pages), pages == 1)
                rows, rejects = [], []
        # One more, maybe empty: it says that the feed is read to its end.
        yield Batch(
            rows, rejects, replace(mark, pages=pages + 1, whole=True, until=min(changes, default=None)), pages == 0
        )

    def _read(self) -> Iterator[tuple[dict[str, str] | None, Reject | None]]:
        """Each item as a row, or as a reject; the second of an id is one, for only one can be the product."""
        seen: set[int] = set()
        try:
            for item in table_items(self.got.body) if self.is_table else xml_items(self.got.body):
                if item.fault:
                    yield None, Reject(item.place, "bad_item", item.fault, item.raw)
                    continue
                identity = print_of([item.values.get("id")])
                if item.values.get("id") and identity in seen:
                    detail = f"the id {item.values['id']!r} came before"
                    yield None, Reject(item.place, "duplicate_id", detail, _shown(item.values))
                    continue
                seen.add(identity)
                yield self._row(item), None
        except (BadXml, BadTable, UnicodeError) as error:
            raise BadSource(f"the feed is broken: {error}", remedy="let the shop mend it; nothing is lost") from error

    def _row(self, item: Item) -> dict[str, str]:
        row = row_of(item.values, str(self.got.url), self.allowed, self.now)
        return {**row, FOUND_AT: f"product {row['id']}" if "id" in row else item.place}


def _digest(file: IO[bytes]) -> str:
    """What a document is known by; it stands at its start again."""
    digest = blake2b(digest_size=16)
    while piece := file.read(1 << 20):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _shown(values: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {told}" for name, told in values.items())


def moment(seconds: float) -> datetime:
    """A moment of the clock."""
    return datetime.fromtimestamp(seconds, UTC)
