"""Read microdata as nodes of the form that JSON-LD has, so that one reader serves both.

Source: HTML Living Standard, section 5 (microdata), without `itemref`.
"""

from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup, Tag

from crm_adapters.product_pages.jsonld import DEEPEST, Node

ADDRESSES = {"a": "href", "area": "href", "link": "href", "img": "src", "source": "src", "meta": "content"}
ADDRESSES |= {"audio": "src", "embed": "src", "iframe": "src", "object": "data", "video": "src"}
ADDRESSES |= {"data": "value", "meter": "value", "time": "datetime"}
"""Where an element has its value, if not in its text."""
LONGEST = 20_000


def subjects(soup: BeautifulSoup) -> list[Node]:
    """The items that a page is about: those that are no property of another one, or its main one."""
    found = soup.find_all(itemscope=True)
    return [_node(tag, 0) for tag in found if attribute(tag, "itemprop") in (None, "", "mainEntity")]


def _node(scope: Tag, depth: int) -> Node:
    kinds = (attribute(scope, "itemtype") or "").split()
    node: dict[str, Any] = {"@type": kinds}
    if depth < DEEPEST:
        for tag in _properties(scope):
            for name in (attribute(tag, "itemprop") or "").split():
                node.setdefault(name, []).append(_value(tag, depth))
    return node


def _properties(scope: Tag) -> Iterator[Tag]:
    """The elements that say something of an item, and not of one within it; without recursion."""
    waiting = _children(scope)
    while waiting:
        tag = waiting.pop()
        if tag.has_attr("itemprop"):
            yield tag
        if not tag.has_attr("itemscope"):
            waiting += _children(tag)


def _children(tag: Tag) -> list[Tag]:
    return [child for child in reversed(tag.contents) if isinstance(child, Tag)]


def _value(tag: Tag, depth: int) -> Any:
    if tag.has_attr("itemscope"):
        return _node(tag, depth + 1)
    for name in ("content", ADDRESSES.get(tag.name, "content")):
        if (told := attribute(tag, name)) is not None:
            return told.strip()
    return tag.get_text(" ", strip=True)[:LONGEST]


def attribute(tag: Tag, name: str) -> str | None:
    """An attribute as text; of one that is a list by its nature, all of it."""
    value = tag.get(name)
    return " ".join(value) if isinstance(value, list) else value
