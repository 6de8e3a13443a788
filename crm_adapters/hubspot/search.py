"""Ask HubSpot for what follows the last row: its searches show 10,000 results at most, so none is paged through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from crm_adapters.errors import BadSource
from crm_adapters.mapping import StreamMapping
from crm_adapters.marks import Position
from crm_adapters.records import SCHEMAS, Stream

OBJECTS = {Stream.CUSTOMERS: "contacts", Stream.PRODUCTS: "products", Stream.ORDERS: "orders"}
ID, MERGED, MERGED_CONTACTS = "hs_object_id", "hs_merged_object_ids", "hs_calculated_merged_vids"
CURRENCY, CONTACT, LINE = "account.currency", "contact.id", "line."
COUNTED = ("quantity", "price", "amount")
"""Of a line item, whatever the mapping names: its price is worked out from these."""


class Row(NamedTuple):
    """One record as it came, and its place in the order of changes."""

    updated: str
    id: int
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One kind of object: the property that tells its last change, what is asked of it, and which of it are times."""

    object: str
    changed: str
    properties: Sequence[str]
    times: frozenset[str]
    of_lines: Sequence[str] = ()

    @property
    def path(self) -> str:
        """Where its records are."""
        return f"/crm/v3/objects/{self.object}"


Search = Callable[[Asked, Sequence[Mapping[str, str]], str], tuple[list[Row], bool]]
"""The first rows of those that pass all filters, sorted by one property; and whether there are no more."""


class Reader:
    """Reads what follows a position. Where more records have one and the same time than a search shows, by their id."""

    def __init__(self, search: Search, asked: Asked) -> None:
        self._search, self._asked, self._crowded = search, asked, ""

    def after(self, at: Position | None) -> tuple[list[Row], bool]:
        """The next rows, in the order of (time, id), and whether there are no more."""
        operator = "GTE"
        if at is not None and at[0] == self._crowded:
            if rows := self._within(at):
                return rows, False
            operator = "GT"
        filters = [] if at is None else [_filter(self._asked.changed, operator, at[0])]
        found, is_last = self._search(self._asked, filters, self._asked.changed)
        if at is not None and any(row.updated < at[0] for row in found):
            raise repeats()
        end = found[-1].updated if found else ""
        rows = [row for row in found if (at is None or position(row) > at) and (is_last or row.updated < end)]
        if rows or is_last:
            return sorted(rows, key=position), is_last
        if end == self._crowded:
            raise repeats()
        self._crowded = end
        return self.after(at if at is not None and at[0] == end else (end, 0))

    def _within(self, at: Position) -> list[Row]:
        """The next rows of one time."""
        moment = _filter(self._asked.changed, "BETWEEN", at[0])
        filters = [{**moment, "highValue": moment["value"]}, _filter(ID, "GT", at[1])]
        found, _ = self._search(self._asked, filters, ID)
        if any(row.id <= at[1] for row in found) or not (found or at[1]):
            raise repeats()
        return sorted((row for row in found if row.updated == at[0]), key=position)


def asked_of(stream: Stream, mapping: StreamMapping) -> Asked:
    """What a stream, as it is mapped, asks of HubSpot."""
    kind, named = mapping.source.get("table", OBJECTS[stream]), columns(mapping)
    changed = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
    merged = [MERGED, MERGED_CONTACTS] if kind == "contacts" else [MERGED]
    own = [name for name in named if not name.startswith(LINE) and name not in (CONTACT, CURRENCY)]
    of_lines = [name.removeprefix(LINE) for name in named if name.startswith(LINE)]
    times = {
        field.column
        for name, field in mapping.fields.items()
        if field.column and name in SCHEMAS[stream].names and pa.types.is_timestamp(SCHEMAS[stream].field(name).type)
    }
    return Asked(kind, changed, _each([*own, changed, *merged]), frozenset(times), _each([*of_lines, *COUNTED]))


def _each(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def columns(mapping: StreamMapping) -> list[str]:
    """Their columns that a mapping names."""
    return [field.column for field in mapping.fields.values() if field.column]


def position(row: Row) -> Position:
    """A row's place in the order of changes."""
    return row.updated, row.id


def row_of(asked: Asked, told: Mapping[str, Any]) -> Row:
    """HubSpot has no null: an empty text is a property without a value."""
    raw = {name: value if value != "" else None for name, value in told["properties"].items()}
    counted = [name for name in asked.times if str(raw.get(name)).isdigit()]
    raw |= {ID: str(told["id"])} | {name: moment_of(str(raw[name])) for name in counted}
    updated = moment_of(str(raw.get(asked.changed) or told["updatedAt"]))
    return Row(updated, int(told["id"]), dict(sorted(raw.items())))  # equal records are to look equal


def moment_of(text: str) -> str:
    """A time, ISO 8601 or in thousandths of a second since 1970, in one form that sorts."""
    try:
        moment = datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise BadSource(
            f"HubSpot tells a time that is none: {text!r}", remedy="look at the record in HubSpot"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _filter(name: str, operator: str, value: Any) -> dict[str, str]:
    if isinstance(value, str):
        value = round(datetime.fromisoformat(value).timestamp() * 1000)
    return {"propertyName": name, "operator": operator, "value": str(value)}


def after_of(found: Mapping[str, Any]) -> str | None:
    """Where the next page begins; None: there is none."""
    after = ((found.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def once(seen: set[tuple[str, str]], page: tuple[str, str]) -> None:
    """Refuse a page that was there before: reading on would never end."""
    if page in seen:
        raise repeats()
    seen.add(page)


def repeats() -> BadSource:
    """A list that never ends."""
    return BadSource("HubSpot gives the same page again and again", remedy="try again later; nothing is lost")
