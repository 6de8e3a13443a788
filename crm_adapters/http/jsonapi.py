"""Read lists in JSON:API: page after page by `links.next`, never off the system's host, never round in a circle.

Source: JSON:API 1.1, "Pagination" (a link that is missing, and one that is null, both say that there are no more).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from crm_adapters.errors import BadSource
from crm_adapters.http.answer import Answer

MEDIA = "application/vnd.api+json"


def pages(
    get: Callable[[str, Mapping[str, str] | None], Answer], url: str, path: str, params: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """Yield the documents of a list.

    Args:
        get: calls the system, with a path and the parameters of its query.
        url: where the system is.
        path: of the first page.
        params: of the first page; the links hold those of the others.

    Raises:
        BadSource: a page comes again, is said to be on another host, or is no such document.
    """
    seen: set[str] = set()
    before: Any = None
    following: str | None = path
    while following:
        if following in seen:
            raise _repeats(path)
        seen.add(following)
        answer = get(following, None if len(seen) > 1 else params)
        records = data(answer)
        if records and records == before:  # under a link that is new each time
            raise _repeats(path)
        before = records
        found: Mapping[str, Any] = answer.data
        yield found
        link = (found.get("links") or {}).get("next")
        following = _own(url, link) if link else None


def _repeats(path: str) -> BadSource:
    return BadSource(f"the same page of {path} comes again and again", remedy="try again later; nothing is lost")


def data(answer: Answer) -> Any:
    """The data of an answer: a record, or a list of them.

    Raises:
        BadSource: the answer is no JSON:API.
    """
    if not isinstance(answer.data, dict) or "data" not in answer.data:
        raise BadSource(f"the answer is no JSON:API: {str(answer.data)[:200]!r}", remedy="check the connection's url")
    return answer.data["data"]


def words(answer: Answer) -> str:
    """What the errors of an answer say."""
    return "; ".join(str(each.get("detail")) for each in errors(answer)) or f"it says {answer.status}"


def errors(answer: Answer) -> list[Mapping[str, Any]]:
    """The errors of an answer, each with code, detail and source."""
    return (answer.data.get("errors") or []) if isinstance(answer.data, dict) else []


def _own(url: str, link: str) -> str:
    """The path and query of a link to the system's own host."""
    there, here = urlsplit(link), urlsplit(url)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise BadSource(
            f"the next page is said to be at {there.netloc!r}, which is not {here.netloc!r}",
            remedy="check the connection's url",
        )
    return f"{there.path}?{there.query}"
