"""Products as a shop shows them: from a Google Merchant feed, or from the pages that its sitemap lists.

A feed is read whole when it has changed, or when one of its sale prices begins or ends. Of a site, the pages are read
that the sitemap says are new or changed; those without a date are asked for each time, on condition. What vanished from
a site, and what changed without a word in the sitemap, a full pull finds.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn

import httpx

from crm_adapters.base import FieldChange, FieldUpdate, Health, Page, PushResult, Reject, RemoteField
from crm_adapters.errors import BadSource, Unsupported
from crm_adapters.flat import table_of
from crm_adapters.http.address import address
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.mapping import Field, StreamMapping, load_mapping
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.marks import bad_cursor, print_of
from crm_adapters.product_pages import progress
from crm_adapters.product_pages.feed_reader import FOUND_AT, Batch, Feed, moment
from crm_adapters.product_pages.fetch import Fetcher, Got, Unfit
from crm_adapters.product_pages.guard import Guarded, Places, resolved
from crm_adapters.product_pages.progress import FeedMark, SiteMark
from crm_adapters.product_pages.site import Site, must_be_good, remedy_for, shown
from crm_adapters.product_pages.source import START_BYTES, Kind, kind_of
from crm_adapters.records import Stream
from crm_adapters.translate import sample, translate

if TYPE_CHECKING:
    from crm_adapters.product_pages.site_reader import SiteReader

MAPPING = Path(__file__).parents[1] / "mappings" / "product_pages.toml"
FEED_BYTES = 500 << 20
FEED_ITEMS, SITE_PAGES = 5_000, 50
FRONT = ("", "/")
STREAMS = (Stream.PRODUCTS, Stream.OFFERS)
NOT_MODIFIED = 304
NEEDED = {"title": "title", "price_minor": "price", "currency": "currency"}
LEFT_OUT = {"other_host": "on other hosts", "robots": "that robots.txt forbids"}
READ_ONLY = "push to the system that has the customers"


@dataclass(frozen=True)
class Manners:
    """How we behave at somebody's site.

    Attributes:
        hosts: that may be called beside that of the source, with a port where it is not 80 or 443.
        allow_private: whether these may be in a private network.
        contact: a url or address that tells the shop who we are, sent with each call.
        pause_seconds: between two calls to a host, unless robots.txt wants more.
    """

    hosts: Sequence[str] = ()
    allow_private: bool = False
    contact: str = ""
    pause_seconds: float = 1.0

    @property
    def user_agent(self) -> str:
        """Who we say we are."""
        words = "".join(sign for sign in self.contact if sign.isascii() and sign.isprintable() and sign not in "()")
        return f"Handpicked (+{words})" if words else "Handpicked"


class ProductPages:
    """Pull products; there is nothing to push to.

    Args:
        url: of a feed, a sitemap, or the shop's front page: then robots.txt says where the sitemaps are.
        mapping: a mapping file; else the one that comes with the adapter.
        manners: how we behave there.
        page_records: items of a feed, or pages of a site, between two pages of records.
        transport: what carries calls; none: the network, guarded.
        clock: what time it is.

    Raises:
        BadMapping: the mapping is wrong.
        BadSource: url or hosts are none.
    """

    name: ClassVar[str] = "product_pages"
    api_version: ClassVar[str] = "Google Merchant feeds, sitemaps 0.9, schema.org"
    max_batch: ClassVar[int] = 1
    max_bytes: ClassVar[int] = 1
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        url: str,
        mapping: Path | None = None,
        manners: Manners | None = None,
        *,
        page_records: int | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        manners, self._clock = manners or Manners(), clock or RealClock()
        self._url = address(url, "the shop")
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        carrying = transport or Guarded(resolved, allow_private=manners.allow_private)
        places = Places(self._url, manners.hosts)
        self._fetcher = Fetcher(places, carrying, manners.user_agent, manners.pause_seconds, self._clock)
        self._site = Site(self._url, self._fetcher)
        self.page_records = page_records

    def streams(self) -> list[Stream]:
        """Products, and offers if the mapping has them."""
        return [stream for stream in STREAMS if stream in self.mapping.streams]

    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed; see the module for how that is seen.

        Raises:
            BadCursor: the cursor is not one of this source and stream, as it is mapped now.
            BadSource: the source can't be read as it is, or is at a private address.
            Denied: the shop does not let us in.
            SourceMissing: nothing is there.
            Unreachable: the shop does not answer.
            Unsupported: there is no such stream, or BeautifulSoup is not installed.
        """
        if stream not in self.streams():
            raise Unsupported(f"product pages, as they are mapped, have no {stream}", remedy="bring them by files")
        mapping = self.mapping.stream(stream)
        mapped = print_of([stream, mapping, str(self._url)])
        mark = progress.from_text(since, mapped)
        for batch in self._batches(stream, mark):
            cursor = progress.as_text(batch.mark, mapped)
            yield _page(stream, mapping, batch, cursor)

    def _batches(self, stream: Stream, mark: FeedMark | SiteMark | None) -> Iterator[Batch]:
        now = self._clock.now()
        with self._source(mark.conditions(now) if isinstance(mark, FeedMark) else {}) as (got, kind):
            if got and got.status == NOT_MODIFIED:
                return
            if got and kind in ("feed", "table"):
                if isinstance(mark, SiteMark):
                    raise bad_cursor()
                size = self.page_records or FEED_ITEMS
                for batch in Feed(got, kind == "table", self._site.is_ours, moment(now), size).batches(mark):
                    yield batch if stream is Stream.PRODUCTS else _sales(batch)
                return
            listed = self._site.listed(got)
        if stream is not Stream.PRODUCTS:
            raise Unsupported("pages do not say when sales begin", remedy="take [offers] out of the mapping")
        if isinstance(mark, FeedMark):
            raise bad_cursor()
        yield from _site_reader()(self._site, listed, self.page_records or SITE_PAGES).batches(mark)

    def check(self) -> Health:
        """Say what stands there: the kind of source, how much it lists, and what robots.txt says.

        Raises:
            AdapterError: as for `pull`.
        """
        now = self._clock.now()
        with self._source({}) as (got, kind):
            if got and kind in ("feed", "table"):
                feed = Feed(got, kind == "table", self._site.is_ours, moment(now), FEED_ITEMS)
                items = sum(len(batch.rows) for batch in feed.batches(None))
                form = "a table" if kind == "table" else "XML"
                said_at, found = got.said_at, f"a Merchant feed ({form}) of {items:,} products"
            else:
                listed = self._site.listed(got)
                said_at, found = listed.said_at, f"a site of {len(listed.pages):,} pages"
                found += "".join(f", {count:,} {LEFT_OUT[why]}" for why, count in sorted(listed.left_out.items()))
        return Health(f"{found}, at {shown(self._url)}", self.api_version, said_at and said_at - now)

    def fields(self) -> list[RemoteField]:
        """Refused: nobody's contacts are here."""
        _read_only()

    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Refused: nobody's contacts are here."""
        _read_only()

    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Refused: nobody's contacts are here.

        Raises:
            Unsupported: always.
        """
        _read_only()

    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Refused: nobody's contacts are here."""
        _read_only()

    @contextmanager
    def _source(self, conditions: Mapping[str, str]) -> Iterator[tuple[Got | None, Kind]]:
        """What stands at the url; nothing, where it is the front page of a site.

        Who typed the url knows what he asks for: robots.txt is not asked about it.
        """
        if self._url.path in FRONT and not self._url.query:
            yield None, "site"
            return
        try:
            with self._fetcher.get(self._url, FEED_BYTES, conditions) as got:
                if got.status == NOT_MODIFIED:
                    yield got, "feed"
                    return
                must_be_good(got, "the source")
                kind = kind_of(got.body.read(START_BYTES))
                got.body.seek(0)
                yield (None if kind == "site" else got), kind
        except Unfit as error:
            raise BadSource(f"{shown(self._url)} can't be used: {error.words}", remedy=remedy_for(error)) from error


def _site_reader() -> "type[SiteReader]":
    """What reads pages; a feed needs no BeautifulSoup."""
    try:
        from crm_adapters.product_pages.site_reader import SiteReader  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Unsupported(
            "pages are read with BeautifulSoup, which is not installed", remedy="pip install 'handpicked[pages]'"
        ) from error
    return SiteReader


def _read_only() -> NoReturn:
    raise Unsupported("product pages are only read: there are no contacts to write to", remedy=READ_ONLY)


def _sales(batch: Batch) -> Batch:
    """The rows that say when a sale begins and ends; what can't be read is told with the products."""
    return batch._replace(rows=[row for row in batch.rows if "sale_starts" in row and "sale_ends" in row], rejects=[])


def _page(stream: Stream, mapping: StreamMapping, batch: Batch, cursor: str) -> Page:
    lacking = [_lacking(mapping, row) if stream is Stream.PRODUCTS else None for row in batch.rows]
    whole = [row for row, lack in zip(batch.rows, lacking, strict=True) if lack is None]
    bad = [_reject(row, lack) for row, lack in zip(batch.rows, lacking, strict=True) if lack]
    raw = table_of(whole, [field.column for field in mapping.fields.values() if field.column])
    good, rejects = translate(stream, mapping, raw, lambda row: whole[row][FOUND_AT])
    ids = [row["id"] for row in batch.rows if "id" in row]
    return Page(stream, good, [*batch.rejects, *bad, *rejects], cursor, first=batch.first, sample=sample(raw), ids=ids)


def _lacking(mapping: StreamMapping, row: Mapping[str, str]) -> str | None:
    """What a product needs, and a row has not: nothing is mailed without a title and a price."""
    for ours, usual in NEEDED.items():
        field = mapping.fields.get(ours, Field(usual))
        if field.default is None and not row.get(field.column or usual):
            return usual
    return None


def _reject(row: Mapping[str, str], lack: str) -> Reject:
    record = json.dumps(row, ensure_ascii=False)
    return Reject(row[FOUND_AT], f"missing_{lack}", f"it says no {lack}", record)
