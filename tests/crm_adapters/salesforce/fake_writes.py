"""Collections of records, as the org writes and deletes them: each by itself, unless the whole can't be read."""

import json
import re

from tests.crm_adapters.salesforce.parts import PREFIX, moment, refused


class Writes:
    """The part of an org that is written to."""

    def update(self, params, body):
        records = body["records"]
        if len(records) > 200:
            raise refused(400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records")
        for record in records:
            self._parse(record)
        return 200, {}, [self._updated(dict(record)) for record in records]

    def _parse(self, record):
        """Read one record, or refuse the whole."""
        table = record["attributes"]["type"]
        for name, value in record.items():
            if name in ("attributes", "id"):
                continue
            told = self.schema[table]["fields"].get(name)
            if told is None or not told["updateable"]:
                raise refused(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {table}")
            wanted = {"double": (int, float), "boolean": bool}.get(told["type"], str)
            good = value is None or (isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool))
            if good and told["type"] == "datetime" and value:
                good = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)", value)
            if not good:
                words = f"Cannot deserialize instance of {told['type']} from {json.dumps(value)} value at [line:1]"
                raise refused(400, "JSON_PARSER_ERROR", words)

    def _updated(self, record):
        table, one = record.pop("attributes")["type"], record.pop("id")
        held = self.objects[table].get(one)
        fault = self._fault(table, one, held, record)
        if fault:
            return {"id": one, "success": False, "errors": [fault]} if held else {"success": False, "errors": [fault]}
        kinds = self.schema[table]["fields"]
        for name, value in record.items():
            held[name] = (
                moment(value) if value and kinds[name]["type"] == "datetime" else None if value == "" else value
            )
        held["SystemModstamp"] = self.now
        return {"id": one, "success": True, "errors": []}

    def _fault(self, table, one, held, record):
        def told(code, words, *fields):
            return {"statusCode": code, "message": words, "fields": list(fields)}

        if not re.fullmatch(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?", one):
            return told("MALFORMED_ID", f"{table} ID: id value of incorrect type: {one}", "Id")
        if held is None:
            return told("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if held["IsDeleted"]:
            return told("ENTITY_IS_DELETED", "entity is deleted")
        if one in self.locked:
            return told("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {one}")
        for name, value in record.items():
            length = self.schema[table]["fields"][name]["length"]
            if isinstance(value, str) and length and len(value) > length:
                return told(
                    "STRING_TOO_LONG", f"{name}: data value too large: {value[:20]} (max length={length})", name
                )
            if name == "Tier__c" and value not in (None, "gold", "silver"):
                words = f"Tier: bad value for restricted picklist field: {value}"
                return told("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, name)
        return None

    def remove(self, params, body):
        ids = params["ids"].split(",")
        if len(ids) > 200:
            raise refused(400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records")
        return 200, {}, [self._removed(one) for one in ids]

    def _removed(self, one):
        table = next((name for name, prefix in PREFIX.items() if one.startswith(prefix)), "Contact")
        fault = self._fault(table, one, self.objects[table].get(one), {})
        if fault:
            return {"id": one, "success": False, "errors": [fault]}
        self.delete(table, one, self.now)
        return {"id": one, "success": True, "errors": []}
