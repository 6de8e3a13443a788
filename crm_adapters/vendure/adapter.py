"""Vendure 3: customers, products and orders from its Admin API (GraphQL), and picks back as custom fields.

What its API is like (measured on 3.7): lists are filtered by `updatedAt`, of which SQLite keeps whole seconds; deleted
records just vanish; a new price or stock leaves the date of its product, an address that of its customer, a refund that
of its order; mutations sent together are made one after the other until one fails, and those before it stay.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import httpx

from crm_adapters.base import FieldChange, FieldKind, FieldUpdate, Health, Page, PushResult, RemoteField
from crm_adapters.drift import each_form_told, form_told
from crm_adapters.errors import BadSource, BatchRefused, Denied, Unsupported
from crm_adapters.flat import table_of
from crm_adapters.http.client import Client
from crm_adapters.http.clock import Clock
from crm_adapters.http.graphql import Fault, Reply, ask
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import Mark, Position, follow, print_of, resumed
from crm_adapters.records import Stream
from crm_adapters.together import together
from crm_adapters.translate import sample, translate
from crm_adapters.vendure.lists import Listing, listings

MAPPING = Path(__file__).parents[1] / "mappings" / "vendure.toml"
PATH = "/admin-api"
SECOND = timedelta(seconds=1)
MOST_BEGUN = 50
"""So often the records of one time are read from their start, because one of them changed meanwhile."""
KINDS: dict[str, FieldKind] = {
    **dict.fromkeys(("string", "text", "localeString", "localeText"), "text"),
    **dict.fromkeys(("int", "float"), "number"),
    "datetime": "time",
    "boolean": "bool",
}  # fmt: skip
TYPES: dict[FieldKind, str] = {"text": "string", "number": "float", "time": "datetime", "bool": "boolean"}

LOGIN = """mutation ($user: String!, $password: String!) {
  login(username: $user, password: $password, rememberMe: true) {
    __typename ... on CurrentUser { identifier } ... on ErrorResult { message }
  }
}"""
LIST = "query ($options: %(kind)sListOptions) { %(list)s(options: $options) { totalItems items { %(fields)s } } }"
UPDATE = "%s: updateCustomer(input: $%s) { __typename ... on ErrorResult { message } }"
ERASE = "mutation ($id: ID!) { deleteCustomer(id: $id) { result message } }"
FIELDS = """{ globalSettings { serverConfig { entityCustomFields { entityName customFields {
  ... on CustomField { name type readonly } ... on StringCustomFieldConfig { length }
} } } } }"""


class Row(NamedTuple):
    """One record as it came, and its place in the order of changes."""

    updated: str
    id: str
    raw: Mapping[str, Any]


class Vendure:
    """Pull by change, continued by updatedAt; push custom fields, up to 50 customers a call.

    Products are read whole each time: what changes most, price and stock, can't be seen by change. What else can't be
    (a deletion, an address, a refund), a full pull finds.
    """

    name: ClassVar[str] = "vendure"
    api_version: ClassVar[str] = "3 (Admin API)"
    max_batch: ClassVar[int] = 50
    max_bytes: ClassVar[int] = 1_000_000
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        mapping: Path | None = None,
        *,
        page_records: int = 100,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._user, self._password, self._token = user, password, ""
        self._client = Client(
            url, system="Vendure", headers=self._headers, secrets=[password], transport=transport, clock=clock
        )
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        columns = (field.column for field in self.mapping.stream(Stream.CUSTOMERS).fields.values())
        self._lists = listings(column for column in columns if column)
        self.page_records = page_records
        self._known_fields: list[RemoteField] | None = None

    def streams(self) -> list[Stream]:
        """Customers, products and orders."""
        return list(self._lists)

    @each_form_told("Vendure")
    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed after the cursor; a record of the last five minutes is looked at again (see `marks`).

        Products come whole, and give no cursor.

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now.
            Denied: user or password is wrong, or the user may not read this.
            Unreachable: the shop does not answer.
            Unsupported: Vendure has no such stream.
        """
        if stream not in self._lists:
            raise Unsupported(f"Vendure has no {stream}", remedy="leave them out, or bring them by files")
        asked = self._lists[stream]
        since = since if asked.by_change else None
        mapped = print_of([stream, self.mapping.stream(stream)])
        mark = Mark.from_text(since, mapped)
        read = partial(self._after, asked)
        mark, at, known = resumed(mark, read, _position)
        pages = together(follow(read, _position, _fresh, mark, mapped, at, known), self.page_records)
        first = not since
        for rows, cursor in pages:
            page = self._page(stream, asked, rows)
            yield replace(page, cursor=cursor if asked.by_change else None, first=first)
            first = False

    def _after(self, asked: Listing, at: Position | None) -> tuple[list[Row], bool]:
        """The rows after a position, all of equal time together: the shop's clock may count in whole seconds.

        Within one time the shop may order by parts of a second that it does not show, so ids say nothing there. It
        counts places, and a record that changes or is deleted moves those behind it up: the last record found is asked
        for again, and where another stands in its place, all are.
        """
        found: list[Row] = []
        begun = 1
        while True:
            again = len(found[-1:])
            items, total = self._items(asked, at, len(found) - again, self.page_records + again)
            moved = found and [row.id for row in items[:1]] != [found[-1].id]
            if moved or (len(items) <= again and len(found) < total):
                begun += 1
                if begun > MOST_BEGUN:
                    short = f"counts {total:,} {asked.name}, and shows {len(found):,} of them"
                    words = "gives the same page again and again" if moved else short
                    raise BadSource(f"Vendure {words}", remedy="try again later; nothing is lost")
                found = []
                continue
            found += items[again:]
            last = len(found) >= total
            rows = sorted((row for row in found if at is None or _position(row) > at), key=_position)
            whole = rows if last else [row for row in rows if row.updated < found[-1].updated]
            if whole or last:
                return whole, last

    def _items(self, asked: Listing, at: Position | None, skip: int, take: int) -> tuple[list[Row], int]:
        only = dict(asked.only)
        if at is not None:
            only["updatedAt"] = {"after": _text(_moment(at[0]) - SECOND)}
        sort = {"updatedAt": "ASC", asked.unique: "ASC"}
        options = {"skip": skip, "take": take, "sort": sort, "filter": only}
        query = LIST % {"kind": asked.kind, "list": asked.name, "fields": asked.fields}
        found = self._read(query, {"options": options})[asked.name]
        return [Row(item["updatedAt"], str(item["id"]), item) for item in found["items"]], found["totalItems"]

    def _page(self, stream: Stream, asked: Listing, rows: Sequence[Row]) -> Page:
        flat = [flat for row in rows for flat in asked.rows(row.raw)]
        named = [field.column for field in self.mapping.stream(stream).fields.values() if field.column]
        place = [str(row["id"]) for row in flat]
        raw = table_of(flat, named)
        good, rejects = translate(stream, self.mapping.stream(stream), raw, lambda row: f"{stream} {place[row]}")
        return Page(stream, good, rejects, sample=sample(raw), ids=list(dict.fromkeys(place)))

    @each_form_told("Vendure")
    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write custom fields. One that is refused does not keep the others: they are sent again without it.

        Raises:
            BatchRefused: the shop does not say which of them it refuses.
            Denied: the user may not write customers.
        """
        known = {field.name: field for field in self.fields()}
        results = {update.customer_id: _unfit(update, known) for update in updates}
        going = [update for update in updates if results[update.customer_id] is None]
        while going:
            fault = self._written(going)
            if fault is None:
                break
            number = _number(fault)
            if number is None or number >= len(going):
                raise BatchRefused(fault.message)
            bad = going.pop(number)
            status = "not_found" if fault.code == "ENTITY_NOT_FOUND" else "rejected"
            results[bad.customer_id] = PushResult(bad.customer_id, status, fault.message)  # type: ignore[arg-type]
        for update in updates:
            yield results[update.customer_id] or PushResult(update.customer_id, "sent")

    def _written(self, updates: Sequence[FieldUpdate]) -> Fault | None:
        """Write, up to the first that is refused; say which."""
        names = [f"c{number}" for number in range(len(updates))]
        inputs = {
            name: {"id": update.customer_id, "customFields": dict(update.values)}
            for name, update in zip(names, updates, strict=True)
        }
        given = ", ".join(f"${name}: UpdateCustomerInput!" for name in names)
        reply = self._asked(f"mutation ({given}) {{ {' '.join(UPDATE % (name, name) for name in names)} }}", inputs)
        if reply.faults:
            return reply.faults[0]
        for name in names:
            if "message" in (told := reply.data[name]):
                return Fault(told["message"], name, told["__typename"])
        return None

    @form_told("Vendure")
    def fields(self) -> list[RemoteField]:
        """The custom fields of customers."""
        if self._known_fields is None:
            found = self._read(FIELDS, {})["globalSettings"]["serverConfig"]["entityCustomFields"]
            self._known_fields = [
                RemoteField(each["name"], KINDS.get(each["type"], "other"), not each["readonly"], each.get("length"))
                for entity in found
                if entity["entityName"] == "Customer"
                for each in entity["customFields"]
            ]
        return self._known_fields

    @form_told("Vendure")
    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Say which fields are missing: Vendure's stand in its configuration, where only its owner can make them."""
        known = {field.name: field for field in self.fields()}
        return [_change(field, known.get(field.name)) for field in wanted]

    @each_form_told("Vendure")
    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Delete customers in the shop, for good."""
        for one in ids:
            reply = self._asked(ERASE, {"id": one})
            told = reply.data.get("deleteCustomer") or {}
            gone = told.get("result") == "DELETED" or any(fault.code == "ENTITY_NOT_FOUND" for fault in reply.faults)
            words = told.get("message") or next((fault.message for fault in reply.faults), "")
            yield PushResult(one, "sent" if gone else "rejected", words or "")

    @form_told("Vendure")
    def check(self) -> Health:
        """Log in, and see whether customers may be read."""
        reply = self._asked("{ customers(options: {take: 1}) { totalItems } activeAdministrator { emailAddress } }", {})
        data = self._data(reply)
        said = reply.answer.headers.get("date")
        skew = parsedate_to_datetime(said).timestamp() - self._client.clock.now() if said else None
        administrator = data.get("activeAdministrator") or {}
        return Health(administrator.get("emailAddress") or self._user, self.api_version, skew)

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _read(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._data(self._asked(query, variables))

    def _data(self, reply: Reply) -> Mapping[str, Any]:
        if reply.faults:
            raise BadSource(
                f"Vendure refuses the query: {reply.faults[0].message}",
                remedy="check the fields that the mapping names; `handpicked sync fields` shows those there are",
            )
        return reply.data

    def _asked(self, query: str, variables: Mapping[str, Any]) -> Reply:
        """Ask; a session that has ended is begun anew once."""
        if not self._token:
            self._log_in()
        reply = ask(self._client, PATH, query, variables)
        if any(fault.code == "FORBIDDEN" for fault in reply.faults):
            self._log_in()
            reply = ask(self._client, PATH, query, variables)
        if forbidden := next((fault for fault in reply.faults if fault.code == "FORBIDDEN"), None):
            raise Denied(f"Vendure says: {forbidden.message}", remedy="give the user's role the permission for this")
        return reply

    def _log_in(self) -> None:
        self._token = ""
        reply = ask(self._client, PATH, LOGIN, {"user": self._user, "password": self._password})
        told = reply.data.get("login") or {}
        self._token = reply.answer.headers.get("vendure-auth-token", "")
        if told.get("__typename") != "CurrentUser":
            said = told.get("message") or next((fault.message for fault in reply.faults), "no login")
            raise Denied(f"Vendure does not know the user: {said}", remedy="check user and password of the connection")
        if not self._token:
            raise Denied(
                "Vendure gives no token",
                remedy="let `authOptions.tokenMethod` of the shop hold 'bearer'",
            )


def _position(row: Row) -> Position:
    """The time alone: all of equal time stand on one page."""
    return row.updated, ""


def _fresh(rows: list[Row], prints: list[int], known: set[int]) -> list[Row]:
    return [row for row, seen in zip(rows, prints, strict=True) if seen not in known]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unfit(update: FieldUpdate, known: Mapping[str, RemoteField]) -> PushResult | None:
    """Refuse what the shop would cut off or not store, in words; None if it fits."""
    for name, value in update.values.items():
        field = known.get(name)
        if field is None or not field.writable:
            words = f"there is no custom field {name!r} that may be written"
        elif field.longest is not None and isinstance(value, str) and len(value) > field.longest:
            words = f"{name} has {len(value)} letters, {field.longest} fit"
        else:
            continue
        return PushResult(update.customer_id, "rejected", words)
    return None


def _number(fault: Fault) -> int | None:
    """Which of the updates a fault is about: its alias, or the variable in its words."""
    words = fault.alias or fault.message.partition('Variable "$')[2].partition('"')[0]
    return int(words[1:]) if words[:1] == "c" and words[1:].isdigit() else None


def _change(wanted: RemoteField, there: RemoteField | None) -> FieldChange:
    if there is None:
        line = f"{{ name: '{wanted.name}', type: '{TYPES.get(wanted.kind, 'string')}', nullable: true, public: false }}"
        return FieldChange(wanted.name, "missing", f"add {line} to customFields.Customer of the shop's configuration")
    if there.kind != wanted.kind:
        return FieldChange(wanted.name, "unfit", f"it holds {there.kind}, not {wanted.kind}")
    return FieldChange(wanted.name, "there")
