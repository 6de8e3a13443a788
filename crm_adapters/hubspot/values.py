"""HubSpot's values in our words, and ours in its: lines, merges, archived records, properties of contacts."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_adapters.base import FieldChange, FieldKind, FieldUpdate, RemoteField
from crm_adapters.errors import BadSource
from crm_adapters.hubspot.search import ID, LINE, MERGED, MERGED_CONTACTS, moment_of
from crm_adapters.marks import LATE, bad_cursor

LONGEST = 65_536
"""Letters that fit a property."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
GROUP = {"name": "handpicked", "label": "Handpicked", "displayOrder": -1}
KINDS: dict[str, FieldKind] = {
    "string": "text",
    "number": "number",
    "datetime": "time",
    "bool": "bool",
}
TYPES: dict[FieldKind, tuple[str, str]] = {
    "text": ("string", "text"),
    "number": ("number", "number"),
    "time": ("datetime", "date"),
    "bool": ("bool", "booleancheckbox"),
}
YES_NO = [
    {"label": label, "value": value, "displayOrder": place, "hidden": False}
    for place, (label, value) in enumerate((("Yes", "true"), ("No", "false")))
]


def line_of(identity: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """A line item's columns; `unit_price` is what one piece cost after discounts."""
    values = {**told, ID: identity, "unit_price": _unit_price(told)}
    return {f"{LINE}{name}": value if value != "" else None for name, value in values.items()}


def _unit_price(told: Mapping[str, Any]) -> str | None:
    try:
        return format(Decimal(told["amount"]) / Decimal(told["quantity"]), "f")
    except (KeyError, TypeError, ArithmeticError):  # no amount, or no quantity: before discounts is all there is
        price: str | None = told.get("price")
        return price


def absorbed(raw: Mapping[str, Any]) -> list[str]:
    """The ids that were merged into a record: `id;id`, or `id:time;id:time` of contacts."""
    told = ";".join(filter(None, (raw.get(MERGED), raw.get(MERGED_CONTACTS))))
    ids = [part.partition(":")[0].strip() for part in told.split(";")]
    return [identity for identity in dict.fromkeys(ids) if identity and identity != raw[ID]]


def known_archive(since: str | None) -> list[list[str]]:
    """The archived records that a cursor knows: id and time."""
    told: list[list[str]] = json.loads(since).get("archived") if since else []
    try:
        for identity, at in told:
            if not isinstance(identity, str) or not datetime.fromisoformat(at).tzinfo:
                raise ValueError("no id, or no time")
    except (TypeError, ValueError) as error:
        raise bad_cursor() from error
    return told


def with_archive(cursor: str, told: Sequence[Sequence[str]]) -> str:
    """A cursor that also knows these archived records."""
    return json.dumps({**json.loads(cursor), "archived": told})


def newly(archived: Iterable[tuple[str, str]], told: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The ids archived since the last telling, and what a cursor must know of them: those of its last minutes."""
    floor, known = _floor(at for _, at in told), {(identity, at) for identity, at in told}
    new = [each for each in archived if each[1] >= floor and each not in known]
    recent = _floor(at for _, at in (*known, *new))
    return [identity for identity, _ in new], [list(each) for each in sorted({*known, *new}) if each[1] >= recent]


def _floor(times: Iterable[str]) -> str:
    newest = max(times, default="")
    return newest and moment_of((datetime.fromisoformat(newest) - LATE).isoformat())


def named_in(fault: Mapping[str, Any]) -> list[str]:
    """The ids that a fault of a batch is about."""
    context = fault.get("context") or {}
    return [str(one) for name in ("ids", "id", "objectId") for one in context.get(name) or ()]


def scopes_in(data: Any) -> set[str]:
    """The scopes that a refusal names."""
    faults = (data.get("errors") or ()) if isinstance(data, Mapping) else ()
    return {str(scope) for fault in faults for named in (fault.get("context") or {}).values() for scope in named}


def text_of(value: str | int | float | None) -> str:
    """A value as HubSpot takes it: text; empty, it clears the property."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def field_of(told: Mapping[str, Any]) -> RemoteField:
    """A property as a field."""
    kind = "bool" if told.get("fieldType") == "booleancheckbox" else KINDS.get(told["type"], "other")
    writable = not (told.get("modificationMetadata") or {}).get("readOnlyValue", False)
    return RemoteField(told["name"], kind, writable, LONGEST if kind == "text" else None)


def misfit(update: FieldUpdate, known: Mapping[str, RemoteField]) -> str:
    """What HubSpot would refuse in an update, in words; empty if nothing."""
    for name, value in update.values.items():
        field, text = known.get(name), text_of(value)
        if field is None or not field.writable:
            return f"there is no contact property {name!r} that may be written"
        if field.longest is not None and len(text) > field.longest:
            return f"{name} has {len(text):,} letters, {field.longest:,} fit"
        if text and not _holds(field.kind, text):
            return f"{name} holds {field.kind}, not {text[:40]!r}"
    return ""


def _holds(kind: FieldKind, text: str) -> bool:
    try:
        if kind == "number":
            return Decimal(text).is_finite()
        if kind == "time":
            return bool(moment_of(text))
    except (InvalidOperation, BadSource):
        return False
    return kind != "bool" or text in ("true", "false")


def change_of(wanted: RemoteField, there: RemoteField | None) -> FieldChange:
    """What becomes of a field that a push needs."""
    if there is None and not NAME.fullmatch(wanted.name):
        return FieldChange(wanted.name, "unfit", "HubSpot's names have small letters, digits and _, a letter first")
    if there is None:
        return FieldChange(wanted.name, "missing", f"it can be made, in the group {GROUP['label']!r}")
    if there.kind != wanted.kind:
        return FieldChange(wanted.name, "unfit", f"it holds {there.kind}, not {wanted.kind}")
    if not there.writable:
        return FieldChange(wanted.name, "unfit", "it can't be written")
    return FieldChange(wanted.name, "there")


def property_of(field: RemoteField) -> dict[str, Any]:
    """A property to be made for a field."""
    kind, shown = TYPES.get(field.kind, TYPES["text"])
    label = field.name.replace("_", " ").capitalize()
    made = {"name": field.name, "label": label, "groupName": GROUP["name"], "type": kind, "fieldType": shown}
    return made | ({"options": YES_NO} if kind == "bool" else {})
