"""Read one page: its own url, and what it says of products in JSON-LD, microdata and Open Graph."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup

from crm_adapters.product_pages import jsonld, microdata
from crm_adapters.product_pages.jsonld import Node
from crm_adapters.product_pages.letters import decoded
from crm_adapters.product_pages.microdata import attribute
from crm_adapters.product_pages.tidy import tidied
from crm_adapters.product_pages.urls import joined

OPEN_GRAPH = ("og:", "product:")


@dataclass(frozen=True)
class Said:
    """What a page says.

    Attributes:
        url: its own, as it says itself; else where it was found.
        base: what relative urls in it are counted from.
        structured: nodes of JSON-LD.
        marked: nodes of microdata.
        graph: Open Graph, the first value of each name.
        faults: what was there and can't be read, in words.
    """

    url: str
    base: str
    structured: list[Node] = field(default_factory=list)
    marked: list[Node] = field(default_factory=list)
    graph: Mapping[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_page(content: bytes, url: str, charset: str | None = None) -> Said:
    """Read a page.

    Raises:
        ValueError: it is no HTML.
    """
    tidy = tidied(decoded(content, charset))
    soup = _soup(tidy.html)
    graph = dict(_graph(soup))
    base = joined(url, _link(soup, "base")) or url
    own = joined(base, _link(soup, "link", rel="canonical")) or joined(base, graph.get("og:url")) or url
    structured, faults = _structured(tidy.scripts)
    return Said(own, base, structured, microdata.subjects(soup), graph, faults)


def _soup(html: str) -> BeautifulSoup:
    try:
        return BeautifulSoup(html, "html.parser")
    except (ParserRejectedMarkup, RecursionError, AssertionError) as error:
        raise ValueError(f"it is no HTML: {error}") from error


def _structured(scripts: Iterable[str]) -> tuple[list[Node], list[str]]:
    found, faults = [], []
    for script in scripts:
        try:
            if script.strip():
                found.append(jsonld.parsed(script))
        except ValueError as error:
            faults.append(f"JSON-LD that can't be read: {error}")
    return jsonld.subjects(found), faults


def _graph(soup: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """Open Graph, backwards: so the first of equal names is kept."""
    for tag in reversed(soup.find_all("meta")):
        name = (attribute(tag, "property") or attribute(tag, "name") or "").strip().lower()
        value = (attribute(tag, "content") or "").strip()
        if value and name.startswith(OPEN_GRAPH):
            yield name, value


def _link(soup: BeautifulSoup, name: str, rel: str | None = None) -> str | None:
    for tag in soup.find_all(name):
        if rel is None or rel in (attribute(tag, "rel") or "").lower().split():
            return attribute(tag, "href")
    return None
