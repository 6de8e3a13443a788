"""Fields of Shopify's customers: metafields, each in a namespace, ours in `handpicked` if a name tells no other."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_adapters.base import FieldChange, FieldKind, FieldUpdate, RemoteField

NAMESPACE = "handpicked"
MOST_AT_ONCE = 25
MOST_BYTES = 9_000_000
"""Of 10 MB, with what stands around the values."""
NAME = re.compile(r"(?:\$app:)?[\w-]{3,255}\.[\w-]{2,64}", re.ASCII)
KINDS: dict[str, FieldKind] = {
    **dict.fromkeys(("single_line_text_field", "multi_line_text_field", "url", "id"), "text"),
    **dict.fromkeys(("number_integer", "number_decimal"), "number"),
    **dict.fromkeys(("date", "date_time"), "time"),
    "boolean": "bool",
}  # fmt: skip
TYPES: dict[FieldKind, str] = {
    "text": "multi_line_text_field",
    "number": "number_decimal",
    "time": "date_time",
    "bool": "boolean",
}
SET = """mutation ($metafields: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $metafields) {
  userErrors { field code elementIndex message }
} }"""
DELETE = """mutation ($metafields: [MetafieldIdentifierInput!]!) { metafieldsDelete(metafields: $metafields) {
  userErrors { field message }
} }"""
DEFINITIONS = """query ($first: Int!, $after: String) {
  metafieldDefinitions(ownerType: CUSTOMER, first: $first, after: $after) {
    nodes { namespace key type { name } validations { name value } } pageInfo { hasNextPage endCursor }
  }
}"""
DEFINE = """mutation ($definition: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $definition) {
  userErrors { code message }
} }"""


@dataclass(frozen=True)
class Item:
    """One metafield of one customer, as a mutation takes it."""

    customer_id: str
    told: Mapping[str, Any]


def gid(customer_id: str) -> str:
    """A customer's id as Shopify writes it.

    >>> gid("544365967")
    'gid://shopify/Customer/544365967'
    """
    return f"gid://shopify/Customer/{customer_id}"


def full(name: str) -> str:
    """A field's name with its namespace.

    >>> full("segment"), full("custom.tier")
    ('handpicked.segment', 'custom.tier')
    """
    return name if "." in name else f"{NAMESPACE}.{name}"


def parts(name: str) -> dict[str, str]:
    """Namespace and key of a field."""
    namespace, _, key = full(name).rpartition(".")
    return {"namespace": namespace, "key": key}


def is_cleared(value: object) -> bool:
    """Whether a field is to be without a value: Shopify keeps no empty text."""
    return value is None or value == ""


def written(update: FieldUpdate, types: Mapping[str, str]) -> list[Item]:
    """The metafields to set; one without a definition gets the type of its value."""
    return [
        Item(
            update.customer_id,
            {
                "ownerId": gid(update.customer_id),
                **parts(name),
                "type": types.get(full(name)) or _type(value),
                "value": json.dumps(value) if isinstance(value, bool) else str(value),
            },
        )
        for name, value in update.values.items()
        if not is_cleared(value)
    ]


def cleared(update: FieldUpdate) -> list[Item]:
    """The metafields to delete."""
    names = [name for name, value in update.values.items() if is_cleared(value)]
    return [Item(update.customer_id, {"ownerId": gid(update.customer_id), **parts(name)}) for name in names]


def packed(items: Sequence[Sequence[Item]], most: int = MOST_AT_ONCE) -> Iterator[list[Item]]:
    """Fill calls of so many metafields; those of one customer stay together, if they fit one call.

    >>> [len(call) for call in packed([[Item("1", {})] * 10] * 3)]
    [20, 10]
    """
    call: list[Item] = []
    for own in items:
        if len(call) + len(own) > most and call:
            yield call
            call = []
        call = [*call, *own]
        while len(call) > most:
            yield call[:most]
            call = call[most:]
    if call:
        yield call


def place(fault: Mapping[str, Any]) -> int | None:
    """Which of the metafields a fault is about: it says so, or its path does."""
    number = fault.get("elementIndex")
    told = [number] if number is not None else [part for part in fault.get("field") or () if str(part).isdigit()]
    return int(told[0]) if told else None


def field_of(told: Mapping[str, Any]) -> RemoteField:
    """A definition as a field."""
    name = f"{told['namespace']}.{told['key']}"
    name = name.removeprefix(f"{NAMESPACE}.")
    limits = [each["value"] for each in told["validations"] if each["name"] == "max"]
    kind = KINDS.get(told["type"]["name"], "other")
    longest = int(limits[0]) if kind == "text" and limits and str(limits[0]).isdigit() else None
    return RemoteField(name, kind, longest=longest)


def change_of(wanted: RemoteField, there: RemoteField | None) -> FieldChange:
    """What becomes of a field that a push needs."""
    if there is None and not NAME.fullmatch(full(wanted.name)):
        words = "Shopify's names are namespace.key, of letters, digits, - and _; the key has 2 to 64 of them"
        return FieldChange(wanted.name, "unfit", words)
    if there is None:
        return FieldChange(wanted.name, "missing", f"it can be made, as the metafield {full(wanted.name)}")
    if there.kind != wanted.kind:
        return FieldChange(wanted.name, "unfit", f"it holds {there.kind}, not {wanted.kind}")
    return FieldChange(wanted.name, "there")


def definition_of(field: RemoteField) -> dict[str, Any]:
    """A definition to be made for a field."""
    own = parts(field.name)
    label = own["key"].replace("_", " ").capitalize()
    return {**own, "name": label, "ownerType": "CUSTOMER", "type": TYPES.get(field.kind, TYPES["text"])}


def _type(value: object) -> str:
    if isinstance(value, bool):
        return TYPES["bool"]
    return TYPES["number"] if isinstance(value, int | float) else TYPES["text"]
