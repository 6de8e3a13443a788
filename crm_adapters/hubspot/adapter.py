"""HubSpot, CRM v3: contacts, products and orders (or deals) by change, and picks back as contact properties.

What its API is like: a search can be sorted by one property only and shows 10,000 results at most, so it is never paged
through: each one asks for what follows the last row. Archived records are in no search, and their list knows no time of
change: it is read whole, 100 a call, at the end of each pull. What was deleted for good is in no list: a full pull
finds it. Its own client's models are the witness of what is sent (its OpenAPI files may not be used).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import httpx

from crm_adapters.base import FieldChange, FieldUpdate, Health, Page, PushResult, RemoteField
from crm_adapters.drift import absent, each_form_told, form_told, refuse_drift
from crm_adapters.errors import BadSource, BatchRefused, Denied, Unreachable, Unsupported
from crm_adapters.flat import table_of
from crm_adapters.http.answer import Answer
from crm_adapters.http.budget import Budget
from crm_adapters.http.client import Client
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.http.wording import FORBIDDEN
from crm_adapters.hubspot.search import (
    CONTACT,
    CURRENCY,
    ID,
    OBJECTS,
    Asked,
    Reader,
    Row,
    after_of,
    asked_of,
    columns,
    moment_of,
    once,
    position,
    repeats,
    row_of,
)
from crm_adapters.hubspot.values import (
    GROUP,
    absorbed,
    change_of,
    field_of,
    known_archive,
    line_of,
    misfit,
    named_in,
    newly,
    property_of,
    scopes_in,
    text_of,
    with_archive,
)
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import Mark, follow, print_of, resumed
from crm_adapters.records import SCHEMAS, Stream
from crm_adapters.together import together
from crm_adapters.translate import sample, translate

MAPPING = Path(__file__).parents[1] / "mappings" / "hubspot.toml"
URL = "https://api.hubapi.com"
CALLS, SEARCHES = ((190, 10.0),), ((5, 1.0),)
CHUNK = 100
NOT_FOUND, REFUSED = 404, (400, 404, 409, 413)


class HubSpot:
    """Pull by change, continued by (last change, id); push contact properties, up to 100 contacts a call."""

    name: ClassVar[str] = "hubspot"
    api_version: ClassVar[str] = "v3"
    max_batch: ClassVar[int] = CHUNK
    max_bytes: ClassVar[int] = 1_000_000
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        token: str,
        mapping: Path | None = None,
        *,
        url: str = URL,
        page_records: int = 200,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or RealClock()
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client = Client(
            url,
            system="HubSpot",
            headers=lambda: self._headers,
            budget=Budget(CALLS, clock),
            secrets=[token],
            transport=transport,
            clock=clock,
        )
        self._searches = Budget(SEARCHES, clock)
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        self.page_records = page_records
        self._known_fields: list[RemoteField] | None = None

    def streams(self) -> list[Stream]:
        """Those of customers, products and orders that the mapping has."""
        return [stream for stream in OBJECTS if stream in self.mapping.streams]

    @each_form_told("HubSpot")
    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed after the cursor, then what was archived; the last five minutes are looked at again.

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now.
            BadSource: HubSpot refuses the question, or repeats a page without end.
            Denied: the token is wrong, or lacks a scope, which is named.
            Unreachable: HubSpot does not answer.
            Unsupported: HubSpot, as mapped, has no such stream.
        """
        if stream not in self.streams():
            raise Unsupported(f"HubSpot, as it is mapped, has no {stream}", remedy="leave them out, or map them")
        asked = asked_of(stream, self.mapping.stream(stream))
        mapped = print_of([stream, self.mapping.stream(stream)])
        mark, told = Mark.from_text(since, mapped), known_archive(since)
        cursor, first = with_archive(since or mark.as_text(mapped, set()), told), not since
        reader = Reader(self.search, asked)
        mark, at, known = resumed(mark, reader.after, position)
        found = follow(reader.after, position, _fresh, mark, mapped, at, known)
        for rows, text in together(found, self.page_records):
            cursor = with_archive(text, told)
            yield replace(self._page(stream, asked, rows, cursor), first=first)
            first = False
        gone, told = newly(self._archived(asked), told)
        if gone:
            nothing = SCHEMAS[stream].empty_table()
            yield Page(stream, nothing, cursor=with_archive(cursor, told), gone=gone, first=first)

    def search(self, asked: Asked, filters: Sequence[Mapping[str, str]], by: str) -> tuple[list[Row], bool]:
        """The first rows that pass the filters, by one property; and whether there are no more."""
        body = {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [{"propertyName": by, "direction": "ASCENDING"}],
            "properties": asked.properties,
            "limit": self.page_records,
        }
        self._searches.spend()
        found = self._read("POST", f"{asked.path}/search", body=body)
        rows = [row_of(asked, each) for each in found["results"]]
        return rows, not after_of(found) and found.get("total", 0) <= len(rows)

    def _page(self, stream: Stream, asked: Asked, rows: Sequence[Row], cursor: str) -> Page:
        mapping = self.mapping.stream(stream)
        self._refuse_drift(stream, asked, rows)
        flat = self._lines(asked, rows) if stream is Stream.ORDERS else [dict(row.raw) for row in rows]
        named = columns(mapping)
        if CURRENCY in named:
            flat = [{**row, CURRENCY: self._currency} for row in flat]
        raw = table_of(flat, named)
        good, rejects = translate(stream, mapping, raw, lambda row: f"{asked.object} {flat[row][ID]}")
        merged = {identity: str(row.id) for row in rows for identity in absorbed(row.raw)}
        told: dict[str, Any] = {"merged": merged} if stream is Stream.CUSTOMERS else {"gone": list(merged)}
        ids = [str(row.id) for row in rows]
        return Page(stream, good, rejects, cursor, sample=sample(raw), ids=ids, **told)

    def _refuse_drift(self, stream: Stream, asked: Asked, rows: Sequence[Row]) -> None:
        """HubSpot leaves out without a word what it has no property for; what it has, may be empty everywhere."""
        if suspected := absent([row.raw for row in rows], asked.properties):
            known = {each["name"] for each in self._read("GET", f"/crm/v3/properties/{asked.object}")["results"]}
            refuse_drift("HubSpot", stream, [name for name in suspected if name not in known])

    def _lines(self, asked: Asked, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """One row a line, the order's own columns repeated; an order without lines is a row without them."""
        ids = [str(row.id) for row in rows]
        lines, contacts = (self._associated(asked.object, kind, ids) for kind in ("line_items", "contacts"))
        items = self._line_items([line for found in lines.values() for line in found], asked.of_lines)
        flat = []
        for row in rows:
            head = {**row.raw, CONTACT: min(contacts.get(str(row.id), ()), key=int, default=None)}
            own = [items[line] for line in sorted(set(lines.get(str(row.id), ())), key=int) if line in items]
            flat += [{**head, **line} for line in own] or [head]
        return flat

    def _associated(self, kind: str, other: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """The ids of the other kind that go with each; one may have more than an answer holds."""
        found: dict[str, list[str]] = {}
        asked = [{"id": identity} for identity in ids]
        seen: set[tuple[str, str]] = set()
        while asked:
            told = self._read("POST", f"/crm/v4/associations/{kind}/{other}/batch/read", body={"inputs": asked[:CHUNK]})
            asked = asked[CHUNK:]
            for each in told["results"]:
                identity, after = str(each["from"]["id"]), after_of(each)
                found.setdefault(identity, []).extend(str(one["toObjectId"]) for one in each["to"])
                if after:
                    once(seen, (identity, after))
                    once(seen, (identity, f"holds {print_of(each['to'])}"))
                    asked.append({"id": identity, "after": after})
        return found

    def _line_items(self, ids: Sequence[str], properties: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = {}
        for start in range(0, len(ids), CHUNK):
            inputs = [{"id": identity} for identity in ids[start : start + CHUNK]]
            body = {"properties": properties, "propertiesWithHistory": [], "inputs": inputs}
            for each in self._read("POST", "/crm/v3/objects/line_items/batch/read", body=body)["results"]:
                found[str(each["id"])] = line_of(str(each["id"]), each["properties"])
        return found

    def _archived(self, asked: Asked) -> Iterator[tuple[str, str]]:
        """Each archived record, and when it was archived."""
        params, seen = {"archived": "true", "limit": str(CHUNK), "properties": ID}, set[tuple[str, str]]()
        before: list[Any] = []
        while True:
            found = self._read("GET", asked.path, params=params)
            if found["results"] and found["results"] == before:  # behind a place that is new each time
                raise repeats()
            before = found["results"]
            for each in before:
                yield str(each["id"]), moment_of(each.get("archivedAt") or each["updatedAt"])
            after = after_of(found)
            if not after:
                return
            once(seen, ("archived", after))
            params = {**params, "after": after}

    @each_form_told("HubSpot")
    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write contact properties: one call; if it is refused, those that don't fit their property are left out.

        Raises:
            BatchRefused: HubSpot refuses the batch for another reason.
            Denied: the token may not write contacts.
        """
        results: dict[str, PushResult] = {}
        try:
            results = self._written(updates) if updates else {}
        except BatchRefused:
            results = self._unfit(updates)
            going = [update for update in updates if update.customer_id not in results]
            if not results:
                raise
            results |= self._written(going) if going else {}
        for update in updates:
            yield results[update.customer_id]

    def _written(self, updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        inputs = [
            {"id": each.customer_id, "properties": {name: text_of(value) for name, value in each.values.items()}}
            for each in updates
        ]
        answer = self._call("POST", "/crm/v3/objects/contacts/batch/update", body={"inputs": inputs}, fine=REFUSED)
        ids = [update.customer_id for update in updates]
        if answer.status == NOT_FOUND and len(ids) == 1:
            return {ids[0]: PushResult(ids[0], "not_found", self._words(answer.data))}
        if not answer.good:
            raise BatchRefused(self._words(answer.data))
        told = _checked(answer.data, "results")
        faults, done = told.get("errors") or [], {str(each["id"]) for each in told["results"]}
        return {one: self._result(one, one in done, faults) for one in ids}

    def _result(self, identity: str, is_done: bool, faults: Sequence[Mapping[str, Any]]) -> PushResult:
        """What became of one; an answer that does not name it means that nothing was written."""
        own = [fault for fault in faults if identity in named_in(fault)]
        if is_done and not own:
            return PushResult(identity, "sent")
        fault = next(iter(own or [fault for fault in faults if not named_in(fault)]), None)
        if fault is None:
            return PushResult(identity, "not_found", "HubSpot's answer does not name it: it was deleted or merged")
        missing = "NOT_FOUND" in str(fault.get("category"))
        return PushResult(identity, "not_found" if missing else "rejected", self._words(fault))

    def _unfit(self, updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        known = {field.name: field for field in self.fields()}
        words = {update.customer_id: misfit(update, known) for update in updates}
        return {one: PushResult(one, "rejected", told) for one, told in words.items() if told}

    @form_told("HubSpot")
    def fields(self) -> list[RemoteField]:
        """The properties of contacts."""
        if self._known_fields is None:
            found = self._read("GET", "/crm/v3/properties/contacts")["results"]
            self._known_fields = [field_of(each) for each in found]
        return self._known_fields

    @form_told("HubSpot")
    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Make the properties that are missing, in a group of their own; with `dry_run`, only say so."""
        known = {field.name: field for field in self.fields()}
        changes = [change_of(field, known.get(field.name)) for field in wanted]
        if dry_run or all(change.status != "missing" for change in changes):
            return changes
        self._call("POST", "/crm/v3/properties/contacts/groups", body=GROUP, fine=(409,))
        self._known_fields = None
        made = zip(wanted, changes, strict=True)
        return [self._made(field) if change.status == "missing" else change for field, change in made]

    def _made(self, field: RemoteField) -> FieldChange:
        answer = self._call("POST", "/crm/v3/properties/contacts", body=property_of(field), fine=REFUSED)
        return (
            FieldChange(field.name, "made")
            if answer.good
            else FieldChange(field.name, "unfit", f"HubSpot does not make it: {self._words(answer.data)}")
        )

    @each_form_told("HubSpot")
    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Delete contacts for good, with all that HubSpot keeps of them."""
        for one in ids:
            answer = self._call("POST", "/crm/v3/objects/contacts/gdpr-delete", body={"objectId": one}, fine=REFUSED)
            gone = answer.good or answer.status == NOT_FOUND
            yield PushResult(one, "sent" if gone else "rejected", "" if answer.good else self._words(answer.data))

    @form_told("HubSpot")
    def check(self) -> Health:
        """Ask whose account it is, and what time it has."""
        answer = self._call("GET", "/account-info/v3/details")
        account, said = _checked(answer.data, "portalId"), answer.headers.get("date")
        skew = parsedate_to_datetime(said).timestamp() - self._client.clock.now() if said else None
        return Health(f"portal {account['portalId']}, time zone {account.get('timeZone')}", self.api_version, skew)

    @cached_property
    def _currency(self) -> str:
        found = _checked(self._call("GET", "/account-info/v3/details").data, "companyCurrency")
        return str(found["companyCurrency"])

    def _read(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Any = None
    ) -> Mapping[str, Any]:
        """Read a list; what is not there is left out of it, and any other fault within is a failure of the whole."""
        found = _checked(self._call(method, path, params=params, body=body).data, "results")
        for fault in found.get("errors") or ():
            if "NOT_FOUND" not in str(fault.get("category")):
                raise Unreachable(f"HubSpot fails in part: {self._words(fault)}", remedy="nothing is lost; try again")
        return found

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        fine: Sequence[int] = (),
    ) -> Answer:
        answer = self._client.call(method, path, params=params, body=body, fine=(FORBIDDEN, *fine))
        if answer.status == FORBIDDEN:
            scopes = sorted(scopes_in(answer.data))
            lacks = f"the token lacks {' or '.join(scopes)}" if scopes else self._words(answer.data)
            remedy = "give the private app that scope, in HubSpot's settings; or take what needs it out of the mapping"
            raise Denied(f"HubSpot says: {lacks}", remedy=remedy)
        return answer

    def _words(self, data: Any) -> str:
        """What HubSpot says in words, without the token, whatever it repeats."""
        told = data.get("message") if isinstance(data, Mapping) else data
        return self._client.words(told or None)


def _fresh(rows: list[Row], prints: list[int], known: set[int]) -> list[Row]:
    return [row for row, seen in zip(rows, prints, strict=True) if seen not in known]


def _checked(data: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping) or name not in data:
        raise BadSource(f"HubSpot's answer has no {name}", remedy="check the connection's url")
    return data
