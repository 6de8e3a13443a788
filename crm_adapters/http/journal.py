"""The log of calls: method, path, status and time taken; never a header, a body, or the value of a query.

httpx logs whole urls, and httpcore the headers of answers, new tokens among them. They are silent during our calls:
what there is to tell of those stands here. Others who use httpx in the same process see no difference.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import quote

import httpx

log = logging.getLogger("crm_adapters.http")
TALKERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))

_ours: ContextVar[bool] = ContextVar("_ours", default=False)


def _is_of_others(record: logging.LogRecord) -> bool:
    return not _ours.get()


for _name in TALKERS:
    logging.getLogger(_name).addFilter(_is_of_others)


@contextmanager
def told_here_alone() -> Iterator[None]:
    """Keep httpx and httpcore from writing down what this thread calls."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)


def note(request: httpx.Request, outcome: str, seconds: float) -> None:
    """Write down one call. A path may hold a record's id, and nothing else of a customer."""
    path = request.url.raw_path.decode().partition("?")[0]  # as it is sent: a line break in an id begins no new line
    names = ",".join(sorted({quote(name, safe="[]") for name, _ in request.url.params.multi_items()}))
    asked = f"{path}{'?' + names if names else ''}"
    log.info("%s %s%s: %s, %.0f ms", request.method, request.url.host, asked, outcome, seconds * 1000)
