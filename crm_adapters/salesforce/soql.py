"""Ask Salesforce in SOQL for what the mapping names, and lay flat what comes: records, and the lines or prices in them.

A question asks for what follows a position in the order of (SystemModstamp, Id), so that none is paged through by
offset, and any can be asked again. Lines and prices come within their record, as a nested question.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crm_adapters.errors import BadMapping, BadSource, Unsupported
from crm_adapters.flat import flattened
from crm_adapters.in_order import Row
from crm_adapters.mapping import StreamMapping
from crm_adapters.marks import Position
from crm_adapters.records import Stream

TABLES = {Stream.CUSTOMERS: "Contact", Stream.PRODUCTS: "Product2", Stream.ORDERS: "Order"}
ID, CHANGED, DELETED, CURRENCY = "Id", "SystemModstamp", "IsDeleted", "CurrencyIsoCode"
FIELD = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)
MASTER, HAVE_MASTERS = "MasterRecordId", ("Contact", "Account", "Lead")
"""Into which a record was merged, and which kinds of records can be."""
PERSONS = "IsPersonAccount = true"
"""Of accounts only these are people."""


@dataclass(frozen=True)
class Nested:
    """Records within a record: how the mapping's columns of them begin, and where they are."""

    prefix: str
    relationship: str
    only: str


LINES = {"Order": "OrderItems", "Opportunity": "OpportunityLineItems"}
PRICES = Nested("price.", "PricebookEntries", f"Pricebook2.IsStandard = true AND IsActive = true AND {DELETED} = false")


@dataclass(frozen=True)
class Asked:
    """What one stream asks for.

    Attributes:
        object: Salesforce's name of the records.
        fields: of each of them.
        only: a condition that all must meet; empty: none.
        nested: the records within each, if any.
        inner: fields of those.
    """

    object: str
    fields: Sequence[str]
    only: str = ""
    nested: Nested | None = None
    inner: Sequence[str] = ()

    def after(self, at: Position | None, records: int) -> str:
        """The question for the next records after a position; after no id: from its time on."""
        met = self._met
        if at is not None:
            time = literal(at[0])
            later = f"({CHANGED} > {time} OR ({CHANGED} = {time} AND {ID} > '{at[1]}'))"
            met = [*met, later if at[1] else f"{CHANGED} >= {time}"]
        return f"{_question(self._asked, self.object, met)} ORDER BY {CHANGED}, {ID} LIMIT {records}"

    def whole(self) -> str:
        """The question for all records, in no order."""
        return _question(self._asked, self.object, self._met)

    def count(self) -> str:
        """The question of how many there are."""
        return _question(["COUNT()"], self.object, self._met)

    @property
    def _met(self) -> list[str]:
        return [self.only] if self.only else []

    @property
    def _asked(self) -> Sequence[str]:
        if self.nested is None:
            return self.fields
        return [*self.fields, f"({_question(self.inner, self.nested.relationship, [self.nested.only])})"]


def _question(fields: Sequence[str], table: str, conditions: Sequence[str]) -> str:
    words = ["SELECT", ", ".join(fields), "FROM", table]
    return " ".join(words + (["WHERE", " AND ".join(conditions)] if conditions else []))


def asked_of(stream: Stream, mapping: StreamMapping) -> Asked:
    """What a stream, as it is mapped, asks of Salesforce.

    Raises:
        BadMapping: a column can be no field's name.
        Unsupported: orders of a kind whose lines are not known.
    """
    table = mapping.source.get("table", TABLES[stream])
    nested = _nested(stream, table)
    named = [column for column in columns(mapping) if nested is None or not column.startswith(nested.prefix)]
    inner = [column.removeprefix(nested.prefix) for column in columns(mapping) if column not in named] if nested else []
    for column in (table, *named, *inner):
        if not FIELD.fullmatch(column):
            raise BadMapping(
                f"[{stream}] names {column!r}, which can be no field of Salesforce",
                remedy="write its API name, as Setup > Object Manager shows it: Field__c, or Parent.Field",
            )
    only = {Stream.PRODUCTS: f"{DELETED} = false"}.get(stream, PERSONS if table == "Account" else "")
    more = [MASTER] if stream is Stream.CUSTOMERS and table in HAVE_MASTERS else []
    more += [CURRENCY] if stream is Stream.PRODUCTS and CURRENCY in inner else []
    own = _each([ID, *named, CHANGED, DELETED, *more])
    return Asked(table, own, only, nested if inner else None, _each([ID, *inner]))


def _nested(stream: Stream, table: str) -> Nested | None:
    if stream is Stream.ORDERS:
        if table not in LINES:
            known = " or ".join(LINES)
            raise Unsupported(f"orders can't be read from Salesforce's {table}", remedy=f'write table = "{known}"')
        return Nested("line.", LINES[table], f"{DELETED} = false")
    return PRICES if stream is Stream.PRODUCTS else None


def columns(mapping: StreamMapping) -> list[str]:
    """Their columns that a mapping names."""
    return [field.column for field in mapping.fields.values() if field.column]


def _each(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def literal(moment: datetime) -> str:
    """A time as SOQL writes it: without quotes, in UTC.

    >>> literal(datetime(2026, 1, 5, 10, tzinfo=UTC))
    '2026-01-05T10:00:00.000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row_of(told: Mapping[str, Any]) -> Row:
    """A record, and its place in the order of changes.

    Raises:
        BadSource: its time is none.
    """
    try:
        return Row(datetime.fromisoformat(str(told[CHANGED])), str(told[ID]), told)
    except (KeyError, ValueError) as error:
        raise BadSource(
            f"Salesforce tells a record without a place in the order of changes: {error}", remedy="try again later"
        ) from error


def plain(told: Any) -> Any:
    """A record without what Salesforce says about its kind, in nested ones too."""
    if not isinstance(told, dict):  # nearly every value; JSON knows no other mapping
        return told
    return {name: plain(value) for name, value in told.items() if name != "attributes"}


def is_gone(raw: Mapping[str, Any]) -> bool:
    """Whether a record was deleted, or merged into another; in CSV all is text."""
    return raw[DELETED] in (True, "true")


def flat(asked: Asked, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A record as rows: one a line of an order, its own columns repeated; one for a product, with its price."""
    if asked.nested is None:
        return [flattened(raw)]
    found = raw.get(asked.nested.relationship) or []
    head = flattened({name: value for name, value in raw.items() if name != asked.nested.relationship})
    if asked.nested is PRICES:
        found = [each for each in found if each.get(CURRENCY) == raw.get(CURRENCY)][:1] or found[:1]
    inner = [{f"{asked.nested.prefix}{name}": value for name, value in flattened(each).items()} for each in found]
    return [{**head, **each} for each in inner] or [head]
