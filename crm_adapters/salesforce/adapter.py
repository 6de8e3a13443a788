"""Salesforce, REST API v64.0: contacts, products and orders by SOQL, and picks back as fields of contacts.

What its API is like: records have a last change (SystemModstamp, to the second) that a question can go on from; deleted
and merged ones are told for as long as the recycle bin keeps them, and a full pull finds those that it does not. A
formula's value changes without its record's: `--full` reads them all. Neither prices nor stock change a product's date,
so products are read whole each time.

Connect with url (https://login.salesforce.com; of a sandbox https://test.salesforce.com; or your own domain), user and
password (consumer key and secret of a connected app), and token: the refresh token of who let it in (scopes api and
refresh_token); without one the app's own user is taken (client credentials flow, on your own domain).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx

from crm_adapters.base import FieldChange, FieldUpdate, Health, Page, PushResult, RemoteField
from crm_adapters.drift import each_form_told, form_told
from crm_adapters.errors import BadSource, BatchRefused, Unsupported
from crm_adapters.flat import table_of
from crm_adapters.http.answer import Answer
from crm_adapters.http.clock import Clock
from crm_adapters.http.oauth import Login
from crm_adapters.in_order import Row, fresh, position
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import Mark, Position, follow, print_of, resumed
from crm_adapters.records import Stream
from crm_adapters.salesforce.api import BAD_REQUEST, DATA, VERSION, Api, repeats
from crm_adapters.salesforce.bulk import Job, begin, job_of, pieces
from crm_adapters.salesforce.soql import ID, MASTER, TABLES, Asked, asked_of, columns, flat, is_gone, row_of
from crm_adapters.salesforce.values import change_of, field_of, misfit, result_of
from crm_adapters.together import together
from crm_adapters.translate import sample, translate

MAPPING = Path(__file__).parents[1] / "mappings" / "salesforce.toml"
URL = "https://login.salesforce.com"
ORGANIZATION = "SELECT Id, Name, IsSandbox FROM Organization"
TOGETHER = f"{DATA}/composite/sobjects"
BULK_FROM, BULK_PIECE = 100_000, 50_000
USED = "api-usage="


def login(url: str, client: str, secret: str, refresh: str = "") -> Login:
    """How tokens of an org are got: the url, a connected app's key and secret, and the first refresh token."""
    return Login("Salesforce", url, "/services/oauth2/token", client, secret, refresh)


class Salesforce:
    """Pull by change, continued by (SystemModstamp, Id); push fields, up to 200 contacts a call.

    Args:
        entry: how tokens are got, see `login`.
        tokens: the file that they are kept in, for its owner alone.
        mapping: the mapping file; none: the one that comes with the adapter.
        page_records: records that are asked for at once.
        bulk_from: so many customers, and more, are read by a job in the background when all are read.
        transport: what carries calls; none: the network.
        clock: what time it is.
    """

    name: ClassVar[str] = "salesforce"
    api_version: ClassVar[str] = VERSION
    max_batch: ClassVar[int] = 200
    max_bytes: ClassVar[int] = 5_000_000
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        entry: Login,
        tokens: Path,
        mapping: Path | None = None,
        *,
        page_records: int = 2_000,
        bulk_from: int = BULK_FROM,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._api = Api(entry, tokens, transport=transport, clock=clock)
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        self.page_records, self._bulk_from, self.bulk_piece = page_records, bulk_from, BULK_PIECE
        self._table = self.mapping.stream(Stream.CUSTOMERS).source.get("table", TABLES[Stream.CUSTOMERS])
        self._known_fields: list[RemoteField] | None = None

    def streams(self) -> list[Stream]:
        """Those of customers, products and orders that the mapping has."""
        return [stream for stream in TABLES if stream in self.mapping.streams]

    @each_form_told("Salesforce")
    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed after the cursor; the last five minutes are looked at again. Products come whole.

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now, or its job is not kept any more.
            BadMapping: the mapping names what can be no field.
            BadSource: Salesforce refuses the question.
            Denied: we are not let in, or may not do this.
            SourceMissing: there is no such object or field, or the user may not see it.
            Unreachable: Salesforce does not answer, or takes no more calls today.
            Unsupported: Salesforce, as mapped, has no such stream.
        """
        if stream not in self.streams():
            raise Unsupported(f"Salesforce, as it is mapped, has no {stream}", remedy="leave them out, or map them")
        asked = asked_of(stream, self.mapping.stream(stream))
        first = not since
        for page in self._pages(stream, asked, since):
            yield replace(page, first=first)
            first = False

    def _pages(self, stream: Stream, asked: Asked, since: str | None) -> Iterator[Page]:
        mapped = print_of([stream, self.mapping.stream(stream)])
        job, total = job_of(since, mapped), None
        if stream is Stream.CUSTOMERS and not since:
            job, total = self._begun(asked)
            if job is not None:  # saved before it is waited for
                yield replace(self._page(stream, asked, [], job.as_text(mapped)), total=total)
        if job is not None:
            yield from self._bulk(stream, asked, job, mapped)
        mark = Mark.from_text(since, mapped) if job is None else job.mark
        reader = Reader(self._api, asked, self.page_records)
        mark, at, known = resumed(mark, reader.after, position)
        found = follow(reader.after, position, fresh, mark, mapped, at, known)
        for rows, cursor in together(found, self.page_records):
            kept = None if stream is Stream.PRODUCTS else cursor
            yield replace(self._page(stream, asked, [row.raw for row in rows], kept), total=total)

    def _begun(self, asked: Asked) -> tuple[Job | None, int]:
        """A job, if there are many to read; and how many."""
        answer = self._api.call("GET", f"{DATA}/queryAll", params={"q": asked.count()})
        total = int(_named(answer, "totalSize"))
        if total < self._bulk_from:
            return None, total
        said = answer.headers.get("date")
        began = parsedate_to_datetime(said).timestamp() if said else self._api.clock.now()
        return begin(self._api, asked.whole(), began), total

    def _bulk(self, stream: Stream, asked: Asked, job: Job, mapped: int) -> Iterator[Page]:
        for rows, left in pieces(self._api, job, self.bulk_piece):
            cursor = job.mark.as_text(mapped, set()) if left is None else left.as_text(mapped)
            yield self._page(stream, asked, rows, cursor)

    def _page(self, stream: Stream, asked: Asked, found: Sequence[Mapping[str, Any]], cursor: str | None) -> Page:
        mapping = self.mapping.stream(stream)
        there = [raw for raw in found if not is_gone(raw)]
        rows = [row for raw in there for row in flat(asked, raw)]
        raw = table_of(rows, columns(mapping))
        good, rejects = translate(stream, mapping, raw, lambda row: f"{asked.object} {rows[row][ID]}")
        merged = {str(each[ID]): str(each[MASTER]) for each in found if is_gone(each) and each.get(MASTER)}
        gone = [one for each in found if is_gone(each) and (one := str(each[ID])) not in merged]
        ids = [str(each[ID]) for each in there]
        return Page(stream, good, rejects, cursor, gone=gone, merged=merged, sample=sample(raw), ids=ids)

    @each_form_told("Salesforce")
    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write fields of contacts: one call; if it is refused, those that don't fit their fields are left out.

        Raises:
            BatchRefused: Salesforce refuses the batch for another reason.
            Denied: the user may not write.
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
        kind = {"attributes": {"type": self._table}}
        records = [{**kind, "id": update.customer_id, **update.values} for update in updates]
        answer = self._api.call("PATCH", TOGETHER, body={"allOrNone": False, "records": records}, fine=(BAD_REQUEST,))
        if not answer.good:
            raise BatchRefused(self._api.fault(answer.data).words)
        return self._results([update.customer_id for update in updates], answer)

    def _results(self, ids: Sequence[str], answer: Answer) -> dict[str, PushResult]:
        """One for each record, in the order in which they were sent."""
        told = answer.data
        if not isinstance(told, list) or len(told) != len(ids):
            raise BadSource("Salesforce does not answer for each record", remedy="try again: what is written stays")
        faults = [None if each.get("success") else self._api.fault(each.get("errors")) for each in told]
        return {one: result_of(one, fault) for one, fault in zip(ids, faults, strict=True)}

    def _unfit(self, updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        known = {field.name: field for field in self.fields()}
        words = {update.customer_id: misfit(update, known, self._table) for update in updates}
        return {one: PushResult(one, "rejected", told) for one, told in words.items() if told}

    @form_told("Salesforce")
    def fields(self) -> list[RemoteField]:
        """The fields of contacts that the user may see."""
        if self._known_fields is None:
            found = _named(self._api.call("GET", f"{DATA}/sobjects/{self._table}/describe"), "fields")
            self._known_fields = [field_of(each) for each in found]
        return self._known_fields

    @form_told("Salesforce")
    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Say which fields are missing, and how to make them; they are made in Salesforce, dry run or not."""
        self._known_fields = None
        known = {field.name: field for field in self.fields()}
        return [change_of(self._table, field, known.get(field.name)) for field in wanted]

    @each_form_told("Salesforce")
    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Delete contacts, up to 200 a call. Salesforce keeps them in its recycle bin for 15 days, unless emptied."""
        for start in range(0, len(ids), self.max_batch):
            some = ids[start : start + self.max_batch]
            answer = self._api.call("DELETE", TOGETHER, params={"ids": ",".join(some), "allOrNone": "false"})
            for result in self._results(some, answer).values():
                told = IN_THE_BIN if result.status == "sent" else result.message
                yield PushResult(result.customer_id, "sent" if result.status == "not_found" else result.status, told)

    @form_told("Salesforce")
    def check(self) -> Health:
        """Ask whose org it is, what time it has, and how many calls are left today."""
        answer = self._api.call("GET", f"{DATA}/query", params={"q": ORGANIZATION})
        org, said = _named(answer, "records")[0], answer.headers.get("date")
        skew = parsedate_to_datetime(said).timestamp() - self._api.clock.now() if said else None
        sandbox = ", a sandbox" if org.get("IsSandbox") else ""
        return Health(f"{org['Name']}, org {org['Id']}{sandbox}{_calls_left(answer)}", self.api_version, skew)


IN_THE_BIN = "it is in Salesforce's recycle bin for 15 days; empty that to be rid of it at once"


class Reader:
    """Reads what follows a position, in Salesforce's own order of (SystemModstamp, Id)."""

    def __init__(self, api: Api, asked: Asked, records: int) -> None:
        self._api, self._asked, self._records = api, asked, records
        self._at: Position | None = None
        self._begun: set[Position] = set()

    def after(self, at: Position | None) -> tuple[list[Row], bool]:
        """The next rows, and whether there are no more.

        Raises:
            BadSource: what comes does not follow the position: reading on would never end.
        """
        if at != self._at:
            self._begun = set()
        rows = [row_of(each) for each in self._api.query(self._asked.after(at, self._records))]
        if rows and at is not None and (rows[0].time < at[0] or position(rows[0]) in self._begun | {at}):
            raise repeats()
        self._begun |= {position(row) for row in rows[:1]}
        self._at = position(rows[-1]) if rows else at
        return rows, len(rows) < self._records


def _named(answer: Answer, name: str) -> Any:
    if not isinstance(answer.data, Mapping) or name not in answer.data:
        raise BadSource(f"Salesforce's answer has no {name}", remedy="check the connection's url")
    return answer.data[name]


def _calls_left(answer: Answer) -> str:
    """What is left of the calls of a day, as each answer tells: ``api-usage=18/5000``."""
    used, _, most = answer.headers.get("sforce-limit-info", "").partition(USED)[2].partition(";")[0].partition("/")
    return f", {int(most) - int(used):,} of {int(most):,} calls left today" if used.isdigit() and most.isdigit() else ""
