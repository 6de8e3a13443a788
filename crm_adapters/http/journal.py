"""The log of calls: method, path, status and time taken; never a header, a body, or the value of a query."""

import logging

import httpx

log = logging.getLogger("crm_adapters.http")


def note(request: httpx.Request, outcome: str, seconds: float) -> None:
    """Write down one call. A path may hold a record's id, and nothing else of a customer."""
    names = ",".join(sorted({name for name, _ in request.url.params.multi_items()}))
    asked = f"{request.url.path}{'?' + names if names else ''}"
    log.info("%s %s%s: %s, %.0f ms", request.method, request.url.host, asked, outcome, seconds * 1000)
