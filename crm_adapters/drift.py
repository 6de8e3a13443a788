"""Schema drift: a field that the mapping names has vanished from a system, or holds something else now.

Read on, every record would lose what is known of it, page after page. So such a page is refused as a whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm_adapters.errors import SourceMissing


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
