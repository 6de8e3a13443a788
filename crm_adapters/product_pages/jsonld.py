"""Read JSON-LD in pages, also where it is not quite JSON: comments, commas too many, escapes of HTML, line breaks."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

Node = Mapping[str, Any]

HEAD = re.compile(r"<!--|/\*\s{0,9}<!\[CDATA\[\s{0,9}\*/|//\s{0,9}<!\[CDATA\[|<!\[CDATA\[")
TAIL = re.compile(r"(?:-->|(?://|/\*)?\s{0,9}\]\]>\s{0,9}(?:\*/)?)$")
LONGEST_TAIL = 40
LOOSE = re.compile(
    r"""("(?:[^"\\]|\\.)*+"?)           # a text stays, also one without end: each letter is looked at once
      | //[^\n]* | /\*(?:.*?\*/|.*)     # a comment goes
      | ,(?=\s*[}\]])                   # and a comma behind which nothing comes
    """,
    re.VERBOSE | re.DOTALL,
)
INSIDE = ("@graph", "mainEntity", "mainEntityOfPage")
"""Where the subject of a page may stand; what stands elsewhere (related products, lists) is not the page's own."""
DEEPEST = 20
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def parsed(text: str) -> Any:
    """What a script holds.

    Raises:
        ValueError: it can't be read, also with all leniency.
    """
    text = _unwrapped(text.strip())
    for version in (text, LOOSE.sub(r"\1", text), LOOSE.sub(r"\1", html.unescape(text))):
        try:
            return json.loads(version, strict=False, parse_float=Decimal)
        except RecursionError as error:
            raise ValueError("too many brackets within one another") from error
        except ValueError as error:
            trouble = error
    raise ValueError(str(trouble)[:200])


def _unwrapped(text: str) -> str:
    """Without what hides scripts from old browsers, and without a semicolon at the end."""
    head = HEAD.match(text)
    text = text[head.end() :] if head else text
    return (text[:-LONGEST_TAIL] + TAIL.sub("", text[-LONGEST_TAIL:])).strip().rstrip(";")


def subjects(data: Any) -> list[Node]:
    """The nodes that a page is about, with references within the page put in their places."""
    named = {node["@id"]: node for node in _all(data) if isinstance(node.get("@id"), str) and len(node) > 1}
    return [_whole(node, named) for node in _tops(data)]


def _tops(data: Any, depth: int = 0) -> Iterator[Node]:
    if depth > DEEPEST:
        return
    for each in data if isinstance(data, list) else [data]:
        if isinstance(each, list):
            yield from _tops(each, depth + 1)
        elif isinstance(each, dict):
            yield each
            for key in INSIDE:
                if key in each:
                    yield from _tops(each[key], depth + 1)


def _all(data: Any) -> Iterator[Node]:
    """Every node, however deep; without recursion."""
    waiting = [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _whole(node: Node, named: Mapping[str, Node]) -> Node:
    """A node whose values, where they only name another node, are that node."""
    return {key: _meant(value, named) for key, value in node.items() if key not in INSIDE}


def _meant(value: Any, named: Mapping[str, Node]) -> Any:
    if isinstance(value, list):
        return [_meant(each, named) for each in value if not isinstance(each, list)]
    if isinstance(value, dict) and set(value) <= {"@id", "@type"} and isinstance(value.get("@id"), str):
        return named.get(value["@id"], value)
    return value


def types_of(node: Node) -> set[str]:
    """The types of a node, without the place where they are defined."""
    told = node.get("@type")
    return {each.rstrip("/").rpartition("/")[2].rpartition(":")[2] for each in several(told) if isinstance(each, str)}


def several(value: Any) -> list[Any]:
    """A value as a list: none, one, or several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str | None:
    """The first text that a value says: itself, its name, or that of the first of several; on one line, unescaped."""
    for _ in range(DEEPEST):
        if isinstance(value, list):
            value = next((each for each in value if each not in (None, "", {}, [])), None)
        elif isinstance(value, dict):
            value = next((value[key] for key in ("@value", "name", "value") if value.get(key)), None)
        else:
            break
    if isinstance(value, str):
        return " ".join(html.unescape(value).split()) or None
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def prose(value: Any) -> str | None:
    """A text that may be written in HTML, without its tags."""
    told = text(value)
    return " ".join(TAG.sub(" ", told).split()) or None if told else None
