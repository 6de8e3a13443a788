"""Schema drift: a field that the mapping names has vanished from a system, or holds something else now.

Read on, every record would lose what is known of it, page after page. So such a page is refused as a whole. The same is
done where an adapter's own needs, an id or a list of lines, are not met: it stumbles, and that is told in words.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from crm_adapters.errors import BadSource, SourceMissing

Given = ParamSpec("Given")
Each = TypeVar("Each")
STUMBLES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What Python raises where an answer lacks something, or holds something else."""


def absent(records: Sequence[Mapping[str, Any]], names: Iterable[str]) -> list[str]:
    """The names that not one record has, or none as a plain value; a nested one may be missing from all of a page.

    >>> absent([{"email": None, "price": {"amount": 5}}, {"email": "a@b"}], ["email", "price", "phone", "address.city"])
    ['price', 'phone']
    """
    wanted = [name for name in names if "." not in name] if records else []
    return [name for name in wanted if not any(is_told(record, name) for record in records)]


def is_told(record: Mapping[str, Any], name: str) -> bool:
    """Whether a record has a field, be it empty; an object there is another kind of thing."""
    return name in record and not isinstance(record[name], Mapping)


def refuse_drift(system: str, stream: str, lost: Sequence[str]) -> None:
    """Refuse a page that lacks fields.

    Raises:
        SourceMissing: naming the first.
    """
    if lost:
        raise SourceMissing(
            f"{system} tells no {lost[0]!r} of {stream}, or no plain value of it",
            remedy="see whether it was renamed there, and name it so in the mapping; nothing was overwritten",
        )


@contextmanager
def form_told(system: str) -> Iterator[None]:
    """Tell in words that an answer has another form than what is done within expects of it.

    Raises:
        BadSource: it has.
    """
    try:
        yield
    except STUMBLES as error:
        raise BadSource(
            f"{system} answers in another form than expected: {_stumbled(error)}",
            remedy="see whether the system was updated, and update Handpicked; what was told so far is kept",
        ) from error


def _stumbled(error: Exception) -> str:
    """Over what; a value that can't be read is not repeated, as it may be somebody's."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return "a value can't be read" if isinstance(error, ValueError) else str(error)


def each_form_told(system: str) -> Callable[[Callable[Given, Iterator[Each]]], Callable[Given, Iterator[Each]]]:
    """Let a method that yields tell answers of another form as `form_told` does, whenever it comes by one."""

    def told_by(method: Callable[Given, Iterator[Each]]) -> Callable[Given, Iterator[Each]]:
        @wraps(method)
        def told(*args: Given.args, **kwargs: Given.kwargs) -> Iterator[Each]:
            with form_told(system):
                yield from method(*args, **kwargs)

        return told

    return told_by
