"""Read a whole list of Shopify at once: it writes all records into a file of lines, each record before its parts.

Source: the Admin API's schema (`bulkOperationRunQuery`: the file stands for seven days; up to five connections, two
levels deep) and its guide to bulk operations. Where the file is kept is from the guide's examples.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.http.lines import LineFile
from crm_adapters.marks import bad_cursor
from crm_adapters.shopify.calls import Shop
from crm_adapters.shopify.lists import Listing
from crm_adapters.shopify.rows import tail

HOSTS = ("storage.googleapis.com",)
VERSION = "bulk-1"
BUSY = ("OPERATION_IN_PROGRESS", "LIMIT_REACHED")
RUNNING = "bulkOperationRunQuery"
UNDER_WAY = ("CREATED", "RUNNING", "CANCELING")
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
BUSY_SECONDS, RUNNING_SECONDS = 3_600.0, 24 * 3_600.0
RUN = """mutation ($query: String!, $grouped: Boolean!) { bulkOperationRunQuery(query: $query, groupObjects: $grouped) {
  bulkOperation { id } userErrors { code message }
} }"""
LOOK = "query ($id: ID!) { bulkOperation(id: $id) { id status errorCode createdAt objectCount url } }"


@dataclass(frozen=True)
class Place:
    """How far the file of an operation has been taken: so many records."""

    operation: str
    records: int = 0

    def as_text(self, mapped: int) -> str:
        """The cursor."""
        return json.dumps({"v": VERSION, "mapped": mapped, "operation": self.operation, "records": self.records})

    @classmethod
    def from_text(cls, since: str | None, mapped: int) -> "Place | None":
        """The place that a cursor tells; None: it is another kind of cursor.

        Raises:
            BadCursor: it is of another mapping, or is damaged.
        """
        try:
            known = json.loads(since or "{}")
        except ValueError:
            return None
        if not isinstance(known, dict) or known.get("v") != VERSION:
            return None
        operation, records = known.get("operation"), known.get("records")
        if known.get("mapped") != mapped or not isinstance(operation, str) or not isinstance(records, int):
            raise bad_cursor()
        return cls(operation, records)


class Bulk:
    """Bulk operations of one shop.

    Args:
        shop: whom to ask.
        files: who fetches their files.
    """

    def __init__(self, shop: Shop, files: LineFile) -> None:
        self._shop, self._files = shop, files

    def begun(self, asked: Listing) -> str | None:
        """Begin an operation, and say its id; it waits while too many others run. None: the token may begin none.

        Raises:
            BadSource: Shopify refuses the question.
            Unreachable: others run for too long.
        """
        clock = self._shop.clock
        pause, until = FIRST_PAUSE, clock.now() + BUSY_SECONDS
        while True:
            try:
                told = self._shop.read(RUNNING, RUN, {"query": asked.bulk, "grouped": bool(asked.inner)})
            except Denied:  # some kinds of token may not; page by page it is then told what is missing, if anything is
                return None
            if not told["userErrors"]:
                return str(told["bulkOperation"]["id"])
            fault, words = told["userErrors"][0], self._shop.words(told["userErrors"][0])
            if fault["code"] not in BUSY:
                remedy = "see `handpicked doctor`; it shows the version that the shop speaks"
                raise BadSource(f"Shopify refuses the bulk operation: {words}", remedy=remedy)
            if clock.now() + pause > until:
                remedy = "wait for those, or cancel them; nothing is lost"
                raise Unreachable(f"Shopify is busy with other bulk operations: {words}", remedy=remedy)
            clock.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def ended(self, identity: str) -> Mapping[str, Any] | None:
        """Wait for the end of an operation; None: its result stands no more.

        Raises:
            Denied: it was not allowed to read.
            Unreachable: it failed, or runs for too long. What it read till then is not taken: it would look whole.
        """
        clock = self._shop.clock
        pause, until = FIRST_PAUSE, clock.now() + RUNNING_SECONDS
        while True:
            told = self._shop.find("bulkOperation", LOOK, {"id": identity})
            if told is None or told["status"] == "EXPIRED":
                return None
            if told["status"] == "COMPLETED":
                return told if told["url"] or not int(told["objectCount"]) else None
            if told["status"] not in UNDER_WAY or clock.now() + pause > until:
                raise _failed(told)
            clock.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def records(self, operation: Mapping[str, Any], asked: Listing) -> Iterator[dict[str, Any]]:
        """Yield the records of an operation, each with its parts; never more than one of them is in memory.

        Raises:
            BadSource: the file is elsewhere than expected, or is no longer there, or its lines are not in order.
            Unreachable: it breaks off.
        """
        record: dict[str, Any] | None = None
        count = 0
        for count, line in enumerate(self._files.lines(operation["url"]) if operation["url"] else (), 1):
            told = _read(line)
            parent = told.pop("__parentId", None)
            if parent is None:
                if record:
                    yield record
                record = {**told, **({asked.inner: []} if asked.inner else {})}
            elif record is None or record["id"] != parent or not asked.inner:
                remedy = "pull again; nothing of it was taken"
                raise BadSource(f"Shopify's file has a part of {parent} apart from it, at line {count}", remedy=remedy)
            else:
                record[asked.inner].append(told)
        if count != int(operation["objectCount"]):
            raise _cut_short()
        if record:
            yield record


def _read(line: bytes) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise _cut_short() from error
    return told


def _cut_short() -> Unreachable:
    return Unreachable("Shopify's file is cut short", remedy="nothing is lost: pull again, and it goes on from there")


def _failed(told: Mapping[str, Any]) -> Denied | Unreachable:
    words = f"Shopify's bulk operation {tail(told['id'])} is {told['status']} ({told['errorCode'] or 'no reason told'})"
    if told["errorCode"] == "ACCESS_DENIED":
        return Denied(words, remedy="give the app the scopes to read this, and install it again")
    return Unreachable(words, remedy="nothing is lost; pull again later")
