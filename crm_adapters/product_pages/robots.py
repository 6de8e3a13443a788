"""Read robots.txt: what we may fetch, how long to pause, and where the sitemaps are.

Source: RFC 9309 (the longest rule that matches wins, of equals the one that allows; `*` and `$` in paths). The standard
library's reader takes the first rule that matches, and knows neither `*` nor `$`, which most shops' files use.
`Crawl-delay` and `Sitemap` stand in no RFC, but in most files.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

US = "handpicked"
LONGEST_BYTES = 500 * 1024
"""What must be read at least (RFC 9309, 2.5); what stands behind is not read."""
ASCII = "".join(map(chr, range(33, 127)))


@dataclass(frozen=True)
class Rule:
    """Whether paths that fit a pattern may be fetched."""

    pattern: str
    allows: bool


@dataclass
class Robots:
    """What a host asks of us; without a file nothing.

    Attributes:
        rules: those meant for us, else those for everybody.
        delay_seconds: the pause between two calls that it wants.
        sitemaps: their urls, as written.
    """

    rules: list[Rule] = field(default_factory=list)
    delay_seconds: float = 0.0
    sitemaps: list[str] = field(default_factory=list)

    def allows(self, path: str) -> bool:
        """Whether a path, with its query, may be fetched."""
        asked = _plain(path)
        fitting = [rule for rule in self.rules if fits(rule.pattern, asked)]
        best = max(fitting, key=lambda rule: (len(rule.pattern), rule.allows), default=None)
        return best is None or best.allows


def read_robots(text: str) -> Robots:
    r"""Read a file; lines that say nothing known are left out, as all readers do.

    >>> read_robots("User-agent: *\nDisallow: /cart\nCrawl-delay: 2\n").delay_seconds
    2.0
    """
    groups: dict[str, Robots] = {}
    agents: list[str] = []
    sitemaps, open_group = [], False
    for key, value in _lines(text):
        if key == "sitemap":
            sitemaps.append(value)
        elif key == "user-agent":
            agents = [*agents, value.lower()] if open_group else [value.lower()]
            open_group = True
        else:
            open_group = False
            for agent in agents:
                _add(groups.setdefault(agent, Robots()), key, value)
        for agent in agents:
            groups.setdefault(agent, Robots())
    ours = next((found for name, found in groups.items() if _is_us(name)), groups.get("*", Robots()))
    return Robots(ours.rules, ours.delay_seconds, sitemaps)


def _is_us(agent: str) -> bool:
    return agent.partition("/")[0].strip() == US


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.lstrip("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _add(group: Robots, key: str, value: str) -> None:
    if key in ("allow", "disallow") and value:
        group.rules.append(Rule(_plain(value), key == "allow"))
    elif key == "crawl-delay" and re.fullmatch(r"\d{1,9}(\.\d{0,9})?", value, re.ASCII):
        group.delay_seconds = float(value)


def fits(pattern: str, path: str) -> bool:
    """Whether a path fits a pattern with `*` for anything and a last `$` for its end; in linear time, unlike a regex.

    >>> fits("/*.pdf$", "/a/b.pdf"), fits("/*.pdf$", "/a.pdf?x"), fits("/cart", "/cart/7")
    (True, False, True)
    """
    ends = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for part in others[:-1] if ends else others:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    if not ends:
        return True
    return path.endswith(others[-1]) and len(path) - len(others[-1]) >= at if others else at == len(path)


def _plain(path: str) -> str:
    """One way to write a path: other signs than ASCII by their codes, these in capitals."""
    return re.sub("%[0-9a-fA-F]{2}", lambda code: code[0].upper(), quote(path, safe=ASCII))
