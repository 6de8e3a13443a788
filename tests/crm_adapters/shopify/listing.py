"""Lists of the fake: in the order of changes, a page at a time; and how Shopify writes ids and times."""

import base64
import json
from datetime import UTC

from tests.crm_adapters.shopify.witness import Broken


def gid(kind, identity):
    return f"gid://shopify/{kind}/{identity}"


def iso(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place(record):
    """Records of one time come in an order that their ids do not tell."""
    return indexed(record), record["id"][::-1]


def indexed(record):
    """The time that a record is found by, which follows its own after a while."""
    return record.get("indexed") or record["updatedAt"]


def page(rows, first, after, asked):
    """A page; its cursor is good for the same list alone, and goes on behind a place, whatever has moved."""
    start, shown = 0, 0
    if after:
        told = json.loads(base64.b64decode(after))
        if told["asked"] != asked:
            raise Broken("a cursor of another list")
        shown = told["shown"]
        passed = [number for number, each in enumerate(rows) if where(each) <= told["at"]]
        start = passed[-1] + 1 if passed else 0
    found = rows[start : start + first]
    told = {"asked": asked, "shown": shown + len(found), "at": where(found[-1]) if found else None}
    end = base64.b64encode(json.dumps(told).encode()).decode()
    more = start + first < len(rows)
    return {"nodes": found, "shown": shown + len(found), "pageInfo": {"hasNextPage": more, "endCursor": end}}


def where(record):
    return [record["number"]] if "number" in record else list(place(record))


def edges(nodes):
    return {"edges": [{"node": each} for each in nodes]}
