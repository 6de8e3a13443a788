"""Bulk operations of the fake: what they allow, how they run, and the files that they leave."""

import json
from datetime import UTC, datetime

import httpx
from graphql import parse, validate

from tests.crm_adapters.shopify.listing import iso
from tests.crm_adapters.shopify.witness import Broken, answered, connections, schema

MOST_LISTS, DEEPEST = 5, 2
URL = "https://storage.googleapis.com/shopify-files/{}?X-Goog-Signature=signed"


class Operations:
    """A part of the fake."""

    def forget_operations(self):
        self.operations, self.files = {}, {}
        self.looks, self.busy, self.ends = 1, 0, {}

    def of_operations(self):
        return {"bulkOperationRunQuery": self.run, "bulkOperation": lambda info, **given: self.look(given["id"])}

    def run(self, info, query, groupObjects):  # noqa: N803
        if self.busy:
            self.busy -= 1
            fault = {
                "code": "OPERATION_IN_PROGRESS",
                "message": "A bulk query operation is in progress.",
                "field": None,
            }
            return {"bulkOperation": None, "userErrors": [fault]}
        document = parse(query)
        if faults := validate(schema(), document):
            raise Broken(str(faults[0]))
        lists = list(connections(document.definitions[0].selection_set, schema().query_type))
        if len(lists) > MOST_LISTS or any(depth > DEEPEST or "id" not in names for depth, names in lists):
            raise Broken(f"no bulk operation does {query}")
        lines = list(written(answered(document, self.world(), {}), groupObjects))
        identity = f"gid://shopify/BulkOperation/{next(self.numbers)}"
        self.files[URL.format(identity[-1])] = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
        self.operations[identity] = {
            "id": identity,
            "looks": self.looks,
            "createdAt": iso(datetime.fromtimestamp(self.clock.now(), UTC)),
            "objectCount": str(len(lines)),
            "url": URL.format(identity[-1]) if lines else None,
        }
        return {"bulkOperation": {"id": identity}, "userErrors": []}

    def look(self, identity):
        operation = self.operations.get(identity)
        if operation is None:
            return None
        operation["looks"] -= 1
        if operation["looks"] >= 0:
            return {**operation, "status": "RUNNING", "objectCount": "0", "url": None}
        return {**operation, "status": "COMPLETED", "errorCode": None, **self.ends}

    def file(self, request):
        if "x-shopify-access-token" in request.headers or request.method != "GET":
            raise Broken("the token is for the shop alone")
        content = self.files.get(str(request.url))
        if content is None:
            return httpx.Response(403, text="<Error><Code>ExpiredToken</Code></Error>")
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        return httpx.Response(206 if start else 200, content=content[start:])


def written(data, grouped):
    """One line an object; its parts right behind it, or all parts at the end."""
    (found,) = data.values()
    later = []
    for edge in found["edges"]:
        node = edge["node"]
        lists = {name: told for name, told in node.items() if isinstance(told, dict) and "edges" in told}
        yield {name: told for name, told in node.items() if name not in lists}
        parts = [{**part["node"], "__parentId": node["id"]} for told in lists.values() for part in told["edges"]]
        later += [] if grouped else parts
        yield from parts if grouped else ()
    yield from later
