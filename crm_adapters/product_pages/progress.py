"""How far a pull has come: of a feed by its pages, of a site by what its sitemap said."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from crm_adapters.marks import bad_cursor
from crm_adapters.product_pages import known

VERSION = 1


@dataclass(frozen=True)
class FeedMark:
    """How far a feed was read.

    Attributes:
        document: its digest.
        pages: how many pages of records were given on.
        whole: whether these are all.
        etag: what the server calls this state of it.
        modified: when the server says that it was changed.
        until: seconds since 1970 at which the next price in it changes by itself.
    """

    document: str
    pages: int = 0
    whole: bool = False
    etag: str = ""
    modified: str = ""
    until: float | None = None

    def conditions(self, now: float) -> dict[str, str]:
        """The headers with which an unchanged feed need not be sent again; none, where it must be read anyhow."""
        if not self.whole or self.is_over(now):
            return {}
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in given.items() if value}

    def is_over(self, now: float) -> bool:
        """Whether a price in it has changed by itself since it was read."""
        return self.until is not None and now >= self.until


@dataclass(frozen=True)
class SiteMark:
    """How far a site was read.

    Attributes:
        sums: of each bucket of the sitemap's urls, as they were when its pages were read.
        at: the bucket at which the pull that is under way goes on; 0: none is.
        began: when that pull began, by the server's clock in seconds since 1970.
        since: when the last pull began that came to its end.
    """

    sums: list[int] = field(default_factory=lambda: list(known.NOTHING))
    at: int = 0
    began: float | None = None
    since: float | None = None


def as_text(mark: FeedMark | SiteMark, mapped: int) -> str:
    """The cursor, at most about 8,000 letters."""
    told = asdict(mark)
    if isinstance(mark, SiteMark):
        told["sums"] = known.as_text(mark.sums)
    return json.dumps({"v": VERSION, "mapped": mapped, type(mark).__name__: told})


def from_text(since: str | None, mapped: int) -> FeedMark | SiteMark | None:
    """The mark of a cursor; None, if there is no cursor.

    Raises:
        BadCursor: it is of another source, mapping or version, or no cursor at all.
    """
    if not since:
        return None
    try:
        told = json.loads(since)
        if (told["v"], told["mapped"]) != (VERSION, mapped):
            raise ValueError("of another version or mapping")
        return _feed(told["FeedMark"]) if "FeedMark" in told else _site(told["SiteMark"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_cursor() from error


def _feed(told: Mapping[str, Any]) -> FeedMark:
    until = None if told["until"] is None else float(told["until"])
    texts = {name: str(told[name]) for name in ("document", "etag", "modified")}
    return FeedMark(pages=int(told["pages"]), whole=bool(told["whole"]), until=until, **texts)


def _site(told: Mapping[str, Any]) -> SiteMark:
    began, since = (None if told[name] is None else float(told[name]) for name in ("began", "since"))
    return SiteMark(known.from_text(told["sums"]), int(told["at"]), began, since)
