"""A shop's site: what it asks of us, and which pages it lists."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from crm_adapters.errors import BadSource, Denied, SourceMissing, Unreachable
from crm_adapters.http.address import place
from crm_adapters.product_pages import sitemap
from crm_adapters.product_pages.fetch import Fetcher, Got, Unfit
from crm_adapters.product_pages.robots import LONGEST_BYTES, Robots, read_robots
from crm_adapters.product_pages.sitemap import Entry
from crm_adapters.product_pages.source import START_BYTES, WHAT, kind_of
from crm_adapters.product_pages.xml import BadXml

SITEMAP_BYTES, ROBOTS_BYTES = 64 << 20, 4 << 20
MOST_URLS, MOST_SITEMAPS = 1_000_000, 5_000
LONGEST_PAUSE_SECONDS = 300.0
GONE = (404, 410)
ADD_HOST = "if that is the shop's too, add its host to `hosts` of the connection"


@dataclass
class Listed:
    """What a site lists.

    Attributes:
        pages: url -> when it is said to have changed, as it is written.
        left_out: how many are not read: `other_host` (or no url at all), and `robots`, which robots.txt forbids.
        elsewhere: the first url that is on no given host.
        said_at: when the first sitemap was answered, by the server's clock in seconds since 1970.
    """

    pages: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    elsewhere: str = ""
    said_at: float | None = None


class Site:
    """A shop's hosts, and what they ask of us."""

    def __init__(self, source: httpx.URL, fetcher: Fetcher) -> None:
        self._source, self.fetcher = source, fetcher
        self._robots: dict[str, Robots] = {}

    def allows(self, url: httpx.URL) -> bool:
        """Whether robots.txt lets us fetch a page.

        Raises:
            Unreachable: robots.txt can't be had for now; until then nothing may be fetched (RFC 9309, 2.3.1.4).
        """
        return self.robots(url).allows(url.raw_path.decode("ascii"))

    def is_ours(self, url: str) -> bool:
        """Whether a url, which a page or feed says, is on the shop's hosts."""
        return self._url(url) is not None

    def robots(self, url: httpx.URL) -> Robots:
        """What the host of a url asks of us; read once.

        Raises:
            BadSource: it wants pauses without end.
            Unreachable: its robots.txt can't be had for now.
        """
        host = place(url)
        if host not in self._robots:
            self._robots[host] = found = self._read_robots(url)
            if found.delay_seconds > LONGEST_PAUSE_SECONDS:
                raise BadSource(
                    f"robots.txt of {url.host} wants {found.delay_seconds:.0f} seconds between two calls",
                    remedy="let it say less for the user agent Handpicked, or name a feed",
                )
            self.fetcher.pause(url, found.delay_seconds)
        return self._robots[host]

    def _read_robots(self, url: httpx.URL) -> Robots:
        try:
            with self.fetcher.get(url.copy_with(raw_path=b"/robots.txt", userinfo=b""), ROBOTS_BYTES) as got:
                if got.status >= 500:
                    raise Unreachable(
                        f"robots.txt of {url.host} can't be read: it says {got.status}", remedy="try again later"
                    )
                return read_robots(got.body.read(LONGEST_BYTES).decode("utf-8", "replace")) if got.good else Robots()
        except Unfit:
            return Robots()  # none that can be had, which asks nothing (RFC 9309, 2.3.1.3)

    def sitemaps(self) -> list[httpx.URL]:
        """Where the sitemaps of the site are: as robots.txt says, else at the usual place."""
        named = self.robots(self._source).sitemaps
        told = [url for one in named if (url := self._url(one))]
        if named and not told:
            raise BadSource(f"robots.txt names only sitemaps elsewhere, as {named[0][:200]!r}", remedy=ADD_HOST)
        return told or [self._source.copy_with(raw_path=b"/sitemap.xml", userinfo=b"")]

    def listed(self, opened: Got | None = None) -> Listed:
        """Read the sitemaps of the site, and those that they name.

        Args:
            opened: the sitemap to begin with, if the source is one; else robots.txt says where they are.

        Raises:
            BadSource: one is broken, or there are too many.
            Denied: one is refused to us.
            SourceMissing: one is not there.
        """
        waiting = [self._source] if opened else self.sitemaps()
        seen: set[str] = set()
        found = Listed()
        while waiting:
            url = waiting.pop(0)
            if str(url) not in seen:
                seen.add(str(url))
                waiting += self._add(found, url, opened)
            opened = None
            if len(found.pages) > MOST_URLS or len(seen) > MOST_SITEMAPS:
                raise BadSource(f"the sitemaps list more than {MOST_URLS:,} pages", remedy="name one with products")
        if not found.pages and found.left_out["other_host"]:
            raise BadSource(f"the sitemap lists only pages elsewhere, as {found.elsewhere!r}", remedy=ADD_HOST)
        return found

    def _add(self, found: Listed, url: httpx.URL, opened: Got | None) -> list[httpx.URL]:
        """Add what one sitemap lists; the sitemaps that it names."""
        inner = []
        with self._again(opened) if opened else self._fetched(url) as got:
            found.said_at = found.said_at or got.said_at or self.fetcher.clock.now()
            for entry in _entries(got):
                read = self._url(entry.url)
                if read is None:
                    found.left_out["other_host"] += 1
                    found.elsewhere = found.elsewhere or entry.url[:200]
                elif entry.is_sitemap:
                    inner.append(read)
                elif self.allows(read):
                    found.pages.setdefault(str(read), entry.changed)
                else:
                    found.left_out["robots"] += 1
        return inner

    @contextmanager
    def _again(self, opened: Got) -> Iterator[Got]:
        yield opened

    @contextmanager
    def _fetched(self, url: httpx.URL) -> Iterator[Got]:
        try:
            with self.fetcher.get(url, SITEMAP_BYTES) as got:
                must_be_good(got, f"the sitemap {shown(url)}")
                yield got
        except Unfit as error:
            said = f"the sitemap {shown(url)} can't be read: {error.words}"
            raise BadSource(said, remedy=remedy_for(error)) from error

    def _url(self, written: str) -> httpx.URL | None:
        """A url that may be called; None, if it is none, or of somebody else."""
        try:
            url = httpx.URL(written.strip()).copy_with(fragment=None)
            url.host.encode("idna")
        except (httpx.InvalidURL, UnicodeError):
            return None
        return None if self.fetcher.places.refusal(url) else url


def _entries(got: Got) -> Iterator[Entry]:
    """What a sitemap lists, in XML or as text."""
    kind = kind_of(got.body.read(START_BYTES))
    got.body.seek(0)
    if kind not in ("sitemap", "list"):
        raise BadSource(f"{shown(got.url)} is no sitemap", remedy=WHAT)
    try:
        yield from sitemap.entries(got.body) if kind == "sitemap" else sitemap.lines(got.body)
    except BadXml as error:
        raise BadSource(
            f"the sitemap {shown(got.url)} can't be read: {error}", remedy="let the shop mend it"
        ) from error


def must_be_good(got: Got, what: str) -> None:
    """Refuse what was not answered well.

    Raises:
        BadSource: it is refused.
        Denied: it is refused to us.
        SourceMissing: it is not there.
        Unreachable: the server fails.
    """
    said = f"{what} can't be had: {got.url.host} says {got.status}"
    if got.status in (401, 403):
        raise Denied(said, remedy="let the shop's protection pass the user agent Handpicked")
    if got.status in GONE:
        raise SourceMissing(said, remedy="check the connection's url")
    if got.status >= 500:
        raise Unreachable(said, remedy="nothing is lost; try again later")
    if not got.good:
        raise BadSource(said, remedy="check the connection's url")


def remedy_for(error: Unfit) -> str:
    """What to do about a document that can't be used."""
    return ADD_HOST if error.reason == "other_host" else WHAT


def shown(url: httpx.URL) -> str:
    """A url without what may be secret in it: no user, no query."""
    return f"{place(url)}{url.path}"
