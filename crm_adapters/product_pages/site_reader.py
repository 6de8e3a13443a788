"""Read the pages of a site: those that its sitemap says are new or changed, and on condition those without a date."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from email.utils import formatdate
from typing import NamedTuple

import httpx

from crm_adapters.base import Reject
from crm_adapters.errors import Denied, Unreachable
from crm_adapters.marks import LATE, print_of
from crm_adapters.product_pages import known
from crm_adapters.product_pages.feed_reader import FOUND_AT, Batch
from crm_adapters.product_pages.fetch import Got, Unfit
from crm_adapters.product_pages.page import read_page
from crm_adapters.product_pages.product import rows_of
from crm_adapters.product_pages.progress import SiteMark
from crm_adapters.product_pages.site import GONE, Listed, Site

log = logging.getLogger(__name__)
PAGE_BYTES = 10 << 20
IN_A_ROW = 10
"""So many failures one after the other are not the pages' fault."""
SHOWN = 5_000


class Outcome(NamedTuple):
    """What became of one page: rows, or rejects, or why it was left out; and whether to try it again next time."""

    rows: Sequence[dict[str, str]] = ()
    rejects: Sequence[Reject] = ()
    left_out: str = ""
    again: bool = False


class SiteReader:
    """Reads the pages of a site.

    Args:
        site: the shop's hosts.
        listed: what its sitemap lists.
        size: so many pages are read, about, between two pages of records.

    Attributes:
        left_out: how many pages were not products or were not read, by reason.
    """

    def __init__(self, site: Site, listed: Listed, size: int) -> None:
        self._site, self._listed, self._size = site, listed, size
        self._seen: dict[int, int] = {}  # prints of products -> of their titles
        self._places: set[str] = set()
        self._failed = 0
        self.left_out: Counter[str] = Counter(listed.left_out)

    def batches(self, mark: SiteMark | None) -> Iterator[Batch]:
        """Yield pages of records behind a mark; at the end one that says so, unless nothing was to be read.

        Raises:
            BadSource: robots.txt can't be kept to.
            Denied: the shop lets us read no page.
            Unreachable: the shop does not answer; what was yielded before is done.
        """
        old = mark or SiteMark()
        wanted, buckets, sums = known.sums_of(self._listed.pages), self._buckets(), list(old.sums)
        began = old.began if old.at else self._listed.said_at
        found, read, is_news = Batch([], [], old, mark is None), 0, mark is None or old.at > 0
        for bucket in range(old.at, known.BUCKETS):
            is_same, again = wanted[bucket] == sums[bucket], False
            for url in buckets[bucket]:
                if is_same and self._listed.pages[url]:
                    continue
                outcome = self._outcome(url, _conditions(old.since) if is_same else {})
                read, again = read + 1, again or outcome.again
                self._gather(found, outcome)
            sums[bucket] = (wanted[bucket] + again) % known.SPAN
            if read >= self._size:
                yield found._replace(mark=SiteMark(list(sums), bucket + 1, began, old.since))
                found, read, is_news = Batch([], [], old, first=False), 0, True
        self._tell()
        if is_news or found.rows or found.rejects or sums != old.sums:
            yield found._replace(mark=SiteMark(sums, 0, None, began))

    def _buckets(self) -> dict[int, list[str]]:
        buckets: dict[int, list[str]] = defaultdict(list)
        for url in sorted(self._listed.pages):
            buckets[known.bucket_of(url)].append(url)
        return buckets

    def _gather(self, found: Batch, outcome: Outcome) -> None:
        found.rows.extend(outcome.rows)
        found.rejects.extend(outcome.rejects)
        self.left_out.update([outcome.left_out] if outcome.left_out else [])

    def _tell(self) -> None:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(self.left_out.items()))
        log.info("%d pages are listed; left out: %s", len(self._listed.pages), told or "none")

    def _outcome(self, written: str, conditions: Mapping[str, str]) -> Outcome:
        try:
            with self._site.fetcher.get(httpx.URL(written), PAGE_BYTES, conditions) as got:
                return self._of_answer(written, got)
        except Unfit as error:
            return _rejected(written, error.reason, error.words)

    def _of_answer(self, written: str, got: Got) -> Outcome:
        self._failed = self._failed + 1 if got.status >= 400 and got.status not in GONE else 0
        if self._failed >= IN_A_ROW:
            raise _refusal(got)
        if got.status == 304:
            return Outcome(left_out="unchanged")
        if got.status in GONE:
            return Outcome(left_out="gone")
        if not got.good:
            return _rejected(written, f"status_{got.status}", f"the shop says {got.status}", again=True)
        try:
            return self._of_page(written, got)
        except ValueError as error:
            return _rejected(written, "bad_html", str(error))

    def _of_page(self, written: str, got: Got) -> Outcome:
        charset = httpx.Response(200, headers={"content-type": got.headers.get("content-type", "")}).charset_encoding
        said = read_page(got.body.read(), str(got.url), charset)
        if said.url in self._places:
            return Outcome(left_out="duplicate")
        rows = rows_of(said, self._site.is_ours)
        if not rows and said.faults:
            return _rejected(written, "bad_json_ld", said.faults[0])
        if not rows:
            return Outcome(left_out="no_product")
        self._places.add(said.url)
        return self._new(written, [{**row, FOUND_AT: written} for row in rows])

    def _new(self, written: str, rows: list[dict[str, str]]) -> Outcome:
        """Leave out what another page has said; but two things can't have one id."""
        new, rejects = [], []
        for row in rows:
            identity, title = print_of([row["id"]]), print_of([row.get("title")])
            if identity not in self._seen:
                self._seen[identity] = title
                new.append(row)
            elif self._seen[identity] != title:
                detail = f"the id {row['id']!r} is that of another product too"
                record = json.dumps(row, ensure_ascii=False)[:SHOWN]
                rejects.append(Reject(f"{written} {row.get('title')}", "duplicate_id", detail, record))
        return Outcome(new, rejects, "" if new or rejects else "duplicate")


def _rejected(written: str, reason: str, detail: str, *, again: bool = False) -> Outcome:
    return Outcome(rejects=[Reject(written, reason, detail, written)], again=again)


def _conditions(since: float | None) -> dict[str, str]:
    """Ask for a page only if it has changed since the last pull began, which needs no memory of each page.

    Source: RFC 9110, section 13.1.3. Pages without a date in the sitemap alone are asked so, and of these only such
    as that pull has read.
    """
    return {} if since is None else {"If-Modified-Since": formatdate(since - LATE.total_seconds(), usegmt=True)}


def _refusal(got: Got) -> Denied | Unreachable:
    said = f"{got.url.host} says {got.status} to {IN_A_ROW} pages one after the other"
    if got.status >= 500:
        return Unreachable(said, remedy="nothing is lost; try again later")
    return Denied(said, remedy="let the shop's protection pass the user agent Handpicked")
