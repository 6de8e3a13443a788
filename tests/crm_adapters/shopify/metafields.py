"""Metafields of the fake: at most 25 at once, all or nothing, each of the type that is defined for it."""

import re

from tests.crm_adapters.shopify.listing import page
from tests.crm_adapters.shopify.witness import Broken

MOST, MOST_DELETED, LONGEST = 25, 250, 65_536
KEY, NUMBER = re.compile(r"[\w-]{2,64}"), re.compile(r"-?\d+(\.\d+)?")
TYPES = ("single_line_text_field", "multi_line_text_field", "number_integer", "number_decimal", "date_time", "boolean")


class Metafields:
    """A part of the fake."""

    def forget_metafields(self):
        self.metafields, self.definitions, self.refuses = {}, {}, {}

    def define(self, name, kind, validations=()):
        namespace, _, key = name.rpartition(".")
        limits = [{"name": limit, "type": "number_integer", "value": value} for limit, value in validations]
        self.definitions[namespace, key] = {
            "number": len(self.definitions), "namespace": namespace, "key": key,
            "type": {"name": kind}, "validations": limits,
        }  # fmt: skip

    def of_metafields(self):
        return {
            "metafieldsSet": self.set,
            "metafieldsDelete": self.delete,
            "metafieldDefinitions": self.defined,
            "metafieldDefinitionCreate": self.create,
        }

    def set(self, info, metafields):
        if not 0 < len(metafields) <= MOST:
            raise Broken(f"{len(metafields)} metafields at once")
        faults = [fault for number, told in enumerate(metafields) if (fault := self.fault(number, told))]
        if not faults:
            for told in metafields:
                self.metafields[told["ownerId"], told["namespace"], told["key"]] = told["value"]
        return {"metafields": None, "userErrors": faults}

    def fault(self, number, told):
        def say(field, code, words):
            return {"field": ["metafields", str(number), field], "code": code, "elementIndex": number, "message": words}

        kind = self.definitions.get((told["namespace"], told["key"]), {}).get("type", {}).get("name")
        value = told["value"]
        if told["ownerId"] not in self.records["customers"]:
            return say("ownerId", "INVALID", "Owner does not exist.")
        if told["ownerId"] in self.refuses:
            return say("value", "INVALID_VALUE", self.refuses[told["ownerId"]])
        if not value:
            return say("value", "BLANK", "Value can't be blank.")
        if not KEY.fullmatch(told["key"]):
            return say("key", "TOO_SHORT", "Key is too short (minimum is 2 characters).")
        if told["type"] not in TYPES or (kind and kind != told["type"]):
            return say("type", "INVALID_TYPE", f"Type '{told['type']}' must be consistent with the definition's type.")
        if len(value) > LONGEST:
            return say("value", "TOO_LONG", "Value is too long.")
        if not fits(told["type"], value):
            return say("value", "INVALID_VALUE", f"Value must be a {told['type']}.")
        return None

    def delete(self, info, metafields):
        if not 0 < len(metafields) <= MOST_DELETED:
            raise Broken(f"{len(metafields)} metafields at once")
        found = [
            told if self.metafields.pop((told["ownerId"], told["namespace"], told["key"]), None) else None
            for told in metafields
        ]
        return {"deletedMetafields": found, "userErrors": []}

    def defined(self, info, ownerType, first, after=None, **_):  # noqa: N803
        return page(list(self.definitions.values()), first, after, [ownerType])

    def create(self, info, definition):
        place = definition["namespace"], definition["key"]
        fault = None
        if place in self.definitions:
            fault = {"code": "TAKEN", "message": "Key is in use.", "field": ["definition", "key"]}
        elif definition["namespace"] == "shopify":
            fault = {"code": "RESERVED_NAMESPACE_KEY", "message": "Namespace is reserved.", "field": ["definition"]}
        else:
            self.define(".".join(place), definition["type"])
        return {"createdDefinition": None, "userErrors": [fault] if fault else []}


def fits(kind, value):
    if kind == "single_line_text_field":
        return "\n" not in value
    if kind == "boolean":
        return value in ("true", "false")
    if kind == "number_integer":
        return value.lstrip("-").isdigit()
    return bool(NUMBER.fullmatch(value)) if kind == "number_decimal" else True
