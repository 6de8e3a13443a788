"""Bring a page into a form that any parser reads in linear time: whole tags, few attributes, JSON-LD apart.

The standard library's parser, which BeautifulSoup stands on, takes hours for a megabyte of tags without end
(`<a b="<a b="...`), as it looks for the end from each of them. Here each letter is looked at once; a tag or comment
that never ends takes the rest of the page with it, as the HTML standard says (13.2.5, end of file in a tag).
"""

import re
from collections import Counter
from dataclasses import dataclass, field

MEDIA = "application/ld+json"
NAMED = re.compile("</?[a-zA-Z]")
TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:=\s*+"[^"]*+"|=\s*+'[^']*+'|[^>])*+)>""")
ATTRIBUTE = re.compile(r"""([^\s"'>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?+""")
KEPT = {"content", "data", "datetime", "href", "itemprop", "itemscope", "itemtype", "name", "property", "rel", "src",
        "value"}  # fmt: skip
RAW = {name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE) for name in ("script", "style")}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
MOST_TAGS, DEEPEST = 100_000, 500
"""Of a page; what is deeper is read as if it were not, and what comes behind so many is not read."""


@dataclass
class Tidied:
    """A page in parts.

    Attributes:
        pieces: its HTML, without scripts, styles and comments.
        scripts: what its JSON-LD holds.
    """

    pieces: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    @property
    def html(self) -> str:
        """The HTML as a whole."""
        return "".join(self.pieces)


def tidied(text: str) -> Tidied:
    """Tidy a page.

    >>> tidied("<P onclick=x itemprop=name>1 < 2<!-- no --><script>if (a<b)</script></p><a href='").html
    '<p itemprop="name">1 &lt; 2</p>'
    """
    tidy = _Tidy(text)
    at = tags = 0
    while tags < MOST_TAGS:
        start = text.find("<", at)
        tidy.done.pieces.append(text[at:start] if start >= 0 else text[at:])
        if start < 0:
            break
        at, tags = tidy.after(start), tags + 1
    return tidy.done


class _Tidy:
    def __init__(self, text: str) -> None:
        self._text, self.done = text, Tidied()
        self._open: Counter[str] = Counter()

    def after(self, start: int) -> int:
        """Take what begins with a `<`; say where the next begins."""
        if self._text.startswith("<!--", start):
            return self._behind("-->", start + 4)
        if self._text.startswith(("<!", "<?"), start):
            return self._behind(">", start)
        if not NAMED.match(self._text, start):
            self.done.pieces.append("&lt;")
            return start + 1
        tag = TAG.match(self._text, start)
        if tag is None:
            return len(self._text)
        closes, name, told = tag[1], tag[2].lower(), tag[3]
        if name in RAW:
            return tag.end() if closes else self._raw(name, told, tag.end())
        self.done.pieces.append(self._end(name) if closes else self._start(name, told))
        return tag.end()

    def _behind(self, sign: str, start: int) -> int:
        end = self._text.find(sign, start)
        return len(self._text) if end < 0 else end + len(sign)

    def _raw(self, name: str, told: str, start: int) -> int:
        """Take a script whole: it ends at its end tag alone."""
        end = RAW[name].search(self._text, start)
        stop = end.start() if end else len(self._text)
        kind = next((value for key, value in _attributes(told) if key == "type"), "")
        if kind.strip().lower().startswith(MEDIA):
            self.done.scripts.append(self._text[start:stop])
        return stop

    def _start(self, name: str, told: str) -> str:
        if name not in VOID:
            if self._open.total() >= DEEPEST:
                return " "
            self._open[name] += 1
        kept = "".join(f' {key}="{_quoted(value)}"' for key, value in _attributes(told) if key in KEPT)
        return f"<{name}{kept}>"

    def _end(self, name: str) -> str:
        """An end of what is open; another would make a parser look through all that is."""
        if not self._open[name]:
            return " "
        self._open[name] -= 1
        return f"</{name}>"


def _attributes(told: str) -> list[tuple[str, str]]:
    """Names, in small letters, and values; of equal names, the first."""
    found: dict[str, str] = {}
    for one in ATTRIBUTE.finditer(told):
        found.setdefault(one[1].lower(), one[2] or one[3] or one[4] or "")
    return list(found.items())


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
