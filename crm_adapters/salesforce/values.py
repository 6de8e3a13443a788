"""Salesforce's fields as ours, and what it would refuse in an update, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm_adapters.base import FieldChange, FieldKind, FieldUpdate, PushResult, RemoteField
from crm_adapters.salesforce.faults import GONE, PASSING, Fault

KINDS: dict[str, FieldKind] = {
    **dict.fromkeys(("string", "textarea", "email", "phone", "url"), "text"),
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), "number"),
    "datetime": "time",
    "boolean": "bool",
}
TYPES: dict[FieldKind, str] = {"text": "Text", "number": "Number", "time": "Date/Time", "bool": "Checkbox"}


def field_of(told: Mapping[str, Any]) -> RemoteField:
    """A field as `describe` tells it."""
    kind = KINDS.get(told["type"], "other")
    return RemoteField(told["name"], kind, bool(told["updateable"]), told["length"] if kind == "text" else None)


def change_of(table: str, wanted: RemoteField, there: RemoteField | None) -> FieldChange:
    """What becomes of a field that a push needs; a missing one is made by hand, as who may see it is decided there."""
    if there is None:
        size = f"({wanted.longest})" if wanted.kind == "text" and wanted.longest else ""
        what = f"{TYPES.get(wanted.kind, 'Text')}{size}, API name {wanted.name}"
        words = f"make it in Setup > Object Manager > {table} > Fields: {what}, and let the connection's user edit it"
        return FieldChange(wanted.name, "missing", words)
    if there.kind != wanted.kind:
        return FieldChange(wanted.name, "unfit", f"it holds {there.kind}, not {wanted.kind}")
    if not there.writable:
        return FieldChange(wanted.name, "unfit", "it can't be written, or not by the connection's user")
    return FieldChange(wanted.name, "there")


def misfit(update: FieldUpdate, known: Mapping[str, RemoteField], table: str) -> str:
    """What Salesforce would refuse in an update, in words; empty if nothing."""
    for name, value in update.values.items():
        field = known.get(name)
        if field is None or not field.writable:
            return f"{table} has no field {name!r} that may be written"
        if value is not None and not _holds(field.kind, value):
            return f"{name} holds {field.kind}, not {str(value)[:40]!r}"
    return ""


def _holds(kind: FieldKind, value: str | int | float) -> bool:
    if kind in ("bool", "number"):
        return isinstance(value, bool) == (kind == "bool") and not isinstance(value, str)
    return isinstance(value, str) and (kind != "time" or _is_moment(value))


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def result_of(customer_id: str, fault: Fault | None) -> PushResult:
    """What became of one update."""
    if fault is None:
        return PushResult(customer_id, "sent")
    if fault.code in PASSING:
        return PushResult(customer_id, "retry", fault.words)
    return PushResult(customer_id, "not_found" if fault.code in GONE else "rejected", fault.words)
