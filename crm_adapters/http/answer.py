"""What a system answered, read as JSON; CSV stays text."""

from dataclasses import dataclass, field
from typing import Any

import httpx

TIMED_OUT, TOO_MANY = 408, 429
CSV = "text/csv"
MOVED = (301, 302, 303, 307, 308)


class NoJson(Exception):
    """What came is no JSON: cut short, or the page of a proxy."""


@dataclass(frozen=True)
class Answer:
    """What a system answered: its status, its headers, and its JSON (None for an empty body), or the text of CSV."""

    status: int
    headers: httpx.Headers = field(repr=False)
    data: Any = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300

    @property
    def is_passing(self) -> bool:
        """Whether the same call may be answered better a little later."""
        return self.status >= 500 or self.status in (TIMED_OUT, TOO_MANY)

    @property
    def has_moved(self) -> bool:
        """Whether it points elsewhere."""
        return self.status in MOVED and "location" in self.headers


def read(response: httpx.Response) -> Answer:
    """Read an answer; the words of a refusal may be any text.

    Raises:
        NoJson: a good answer holds something else.
    """
    return Answer(response.status_code, response.headers, _data(response))


def _data(response: httpx.Response) -> Any:
    if not response.content:
        return None
    if response.headers.get("content-type", "").startswith(CSV):
        return response.text
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        if response.is_success:
            kind = response.headers.get("content-type", "no type")
            raise NoJson(f"it answers with something else than JSON ({kind})") from error
        return response.text
