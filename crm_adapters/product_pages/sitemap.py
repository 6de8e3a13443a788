"""Read sitemaps: the urls of pages, and of further sitemaps.

Source: sitemaps.org protocol 0.9 (at most 50,000 urls and 50 MB a file; a text file holds one url a line).
"""

from collections.abc import Iterator
from typing import IO, NamedTuple

from crm_adapters.product_pages.xml import records

ROOTS = ("urlset", "sitemapindex")
MOST_BYTES = 64 << 20


class Entry(NamedTuple):
    """A url as it is written, whether it is that of another sitemap, and when it is said to have changed."""

    url: str
    is_sitemap: bool
    changed: str


def entries(file: IO[bytes]) -> Iterator[Entry]:
    """Yield what a sitemap in XML lists.

    Raises:
        BadXml: it is none.
    """
    for record in records(file, ("url", "sitemap")):
        if url := record.first("loc"):
            yield Entry(url, record.name == "sitemap", record.first("lastmod") or "")


def lines(file: IO[bytes]) -> Iterator[Entry]:
    """Yield what a sitemap in plain text lists."""
    for line in file:
        if url := line.decode("utf-8-sig", "replace").strip():
            yield Entry(url, False, "")
