"""Klaviyo: profiles, catalog and placed orders from its API (JSON:API), and picks back as custom properties.

An order is one event of the metric that `table` under [orders] of the mapping names, by name or id; `klaviyo_rows` says
what is assumed of it. Events are read by the time they happened at: one that is told of more than five minutes late
needs a full pull.

The key needs these scopes: accounts:read, catalogs:read, events:read, lists:read, lists:write, metrics:read,
profiles:read, profiles:write; and data-privacy:write to erase.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import httpx

from crm_adapters.base import FieldChange, FieldKind, FieldUpdate, Health, Page, PushResult, RemoteField
from crm_adapters.drift import absent, each_form_told, form_told, refuse_drift
from crm_adapters.errors import BadSource, BatchRefused, SourceMissing, Unsupported, without_secrets
from crm_adapters.flat import table_of
from crm_adapters.http import jsonapi
from crm_adapters.http.answer import Answer
from crm_adapters.http.budget import Budget
from crm_adapters.http.client import Client
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.in_order import InOrder, Row, fresh, position
from crm_adapters.klaviyo import rows
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import Mark, Position, bad_cursor, follow, print_of, resumed
from crm_adapters.records import Stream
from crm_adapters.together import together
from crm_adapters.translate import sample, translate

MAPPING = Path(__file__).parents[1] / "mappings" / "klaviyo.toml"
URL = "https://a.klaviyo.com"
REVISION = "2026-07-15"
ACCOUNTS, CATALOG, ERASURES, EVENTS = "accounts", "catalog-items", "data-privacy-deletion-jobs", "events"
JOBS, METRICS, PROFILES = "profile-bulk-import-jobs", "metrics", "profiles"
BUDGETS = {
    ACCOUNTS: ((1, 1.0), (15, 60.0)),
    ERASURES: ((3, 1.0), (60, 60.0)),
    **dict.fromkeys((JOBS, METRICS), ((10, 1.0), (150, 60.0))),
    PROFILES: ((75, 1.0), (750, 60.0)),
    **dict.fromkeys((CATALOG, EVENTS), ((350, 1.0), (3500, 60.0))),
}
"""How often each of them may be called."""
SECOND = timedelta(seconds=1)
MOST_EVENTS, MOST_ERRORS = 1_000, "100"
LARGEST_PROFILE = 99_500  # of 100 KB, with what stands around the values
JOB_ENDS = ("complete", "cancelled")
FIRST_LOOK, LONGEST_PAUSE, JOB_SECONDS = 1.0, 30.0, 900.0
BAD_REQUEST, NOT_FOUND, TOO_LARGE = 400, 404, 413
NUMBERED = re.compile(r"/profiles/data/(\d+)")


class Klaviyo:
    """Pull profiles and orders by change, the catalog in full; push custom properties, 10,000 customers a job.

    A deletion or merge can't be seen: a full pull finds it.
    """

    name: ClassVar[str] = "klaviyo"
    api_version: ClassVar[str] = REVISION
    max_batch: ClassVar[int] = 10_000
    max_bytes: ClassVar[int] = 4_900_000  # 5 MB with what stands around them all
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        token: str,
        mapping: Path | None = None,
        *,
        url: str = URL,
        page_records: int = 100,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._token, self._url, self._transport, self._clock = token, url, transport, clock or RealClock()
        self._clients: dict[str, Client] = {}
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        self.page_records = page_records
        self._known_fields: list[RemoteField] | None = None

    def streams(self) -> list[Stream]:
        """Customers, products and orders, if the mapping has them."""
        return [each for each in (Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS) if each in self.mapping.streams]

    @each_form_told("Klaviyo")
    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed after the cursor; a record of the last five minutes is looked at again (see `marks`).

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now.
            Denied: the key is wrong, or lacks a scope.
            SourceMissing: there is no such metric of orders, or no such field any more.
            Unreachable: Klaviyo does not answer.
            Unsupported: the mapping has no such stream.
        """
        if stream not in self.streams():
            raise Unsupported(f"Klaviyo, as mapped, has no {stream}", remedy="leave them out, or bring them by files")
        pages = self._catalog(since) if stream is Stream.PRODUCTS else self._changed(stream, since)
        first = not since
        for page in pages:
            yield replace(page, first=first)
            first = False

    def _changed(self, stream: Stream, since: str | None) -> Iterator[Page]:
        mapped = print_of([stream, self.mapping.stream(stream)])
        mark = Mark.from_text(since, mapped)
        pages = self._profiles if stream is Stream.CUSTOMERS else partial(self._events, self._metric())
        read = InOrder(pages, self.page_records).after
        mark, at, known = resumed(mark, read, position)
        pages_found = follow(read, position, fresh, mark, mapped, at, known)
        for found, cursor in together(pages_found, self.page_records):
            flat = [flat for row in found for flat in self._rows(stream, row.raw)]
            yield self._page(stream, flat, cursor)

    def _rows(self, stream: Stream, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [rows.profile(raw)] if stream is Stream.CUSTOMERS else rows.order(raw, self._currency)

    def _profiles(self, at: Position | None) -> Iterator[list[Row]]:
        params = {"additional-fields[profile]": "subscriptions", "page[size]": str(self.page_records)}
        only = {"filter": _after("updated", at)} if at else {}
        for found in self._pages(PROFILES, {**params, "sort": "updated", **only}):
            yield [Row(rows.moment_of(each, "updated"), each["id"], each) for each in found["data"]]

    def _events(self, metric: str, at: Position | None) -> Iterator[list[Row]]:
        size = str(min(self.page_records * 10, MOST_EVENTS))
        only = f'equals(metric_id,"{metric}")' + (f",{_after('datetime', at)}" if at else "")
        for found in self._pages(EVENTS, {"filter": only, "page[size]": size, "sort": "datetime"}):
            yield [Row(rows.moment_of(each, "datetime"), each["id"], each) for each in found["data"]]

    def _metric(self) -> str:
        """The id of the metric that orders are events of."""
        wanted = self.mapping.stream(Stream.ORDERS).source.get("table", "Placed Order")
        metrics = [each for found in self._pages(METRICS, {}) for each in found["data"]]
        if any(each["id"] == wanted for each in metrics):
            return wanted
        named = [each["id"] for each in metrics if each["attributes"].get("name") == wanted]
        if len(named) == 1:
            return str(named[0])
        if named:
            raise BadSource(
                f"Klaviyo has {len(named)} metrics {wanted!r}: {', '.join(named)}",
                remedy="write the id of one as `table` under [orders] of the mapping",
            )
        raise SourceMissing(
            f"Klaviyo has no metric {wanted!r}",
            remedy="name the one of orders as `table` under [orders] of the mapping, or leave that section out",
        )

    def _catalog(self, since: str | None) -> Iterator[Page]:
        """Every item: Klaviyo can't be asked which have changed."""
        if since:
            raise bad_cursor()
        for found in self._pages(CATALOG, {"include": "variants", "page[size]": str(self.page_records)}):
            variants = {each["id"]: each["attributes"] for each in found.get("included") or ()}
            flat = [rows.product(each, variants, self._currency) for each in found["data"]]
            yield self._page(Stream.PRODUCTS, flat, None)

    def _page(self, stream: Stream, flat: Sequence[Mapping[str, Any]], cursor: str | None) -> Page:
        mapping = self.mapping.stream(stream)
        named = [field.column for field in mapping.fields.values() if field.column]
        refuse_drift("Klaviyo", stream, absent(flat, named))
        raw = table_of(flat, named)
        good, rejects = translate(stream, mapping, raw, lambda row: f"{stream} {flat[row]['id']}")
        # Of orders none are swept: how long Klaviyo keeps their events is not ours to know.
        ids = [] if stream is Stream.ORDERS else [str(each["id"]) for each in flat]
        return Page(stream, good, rejects, cursor, sample=sample(raw), ids=ids)

    @each_form_told("Klaviyo")
    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write custom properties: together in one job; those of whom a property is cleared one by one.

        A bulk import clears nothing, its guide says ("Clearing fields with null values").

        Raises:
            BatchRefused: Klaviyo does not say which of them it refuses.
            Denied: the key may not write profiles.
        """
        results = {update.customer_id: result for update in updates if (result := _unfit(update))}
        fit = [update for update in updates if update.customer_id not in results]
        results |= self._imported([update for update in fit if None not in update.values.values()])
        for update in fit:
            if None in update.values.values():
                results[update.customer_id] = self._patched(update)
        for update in updates:
            yield results.get(update.customer_id) or PushResult(update.customer_id, "sent")

    def _imported(self, updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        """Write in one job, sent again without those for whose sake it is refused; what was not written, and why."""
        bad: dict[str, PushResult] = {}
        while going := [update for update in updates if update.customer_id not in bad]:
            answer = self._call("POST", f"/api/{JOBS}", body=_job(going), fine=(BAD_REQUEST, TOO_LARGE))
            if answer.good:
                return bad | self._outcome(jsonapi.data(answer), going)
            refused = self._refused(jsonapi.errors(answer), going)
            if not refused:
                raise BatchRefused(self._words(answer))
            bad |= refused
        return bad

    def _outcome(self, job: Mapping[str, Any], updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        """Wait for the end of a job; what it has not written, and why."""
        path, done = f"{JOBS}/{job['id']}", job["attributes"]
        pause, until = FIRST_LOOK, self._clock.now() + JOB_SECONDS
        while done["status"] not in JOB_ENDS and self._clock.now() < until:
            self._clock.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            done = self._data(path)["attributes"]
        if done["status"] != "complete":
            words = f"Klaviyo's import {job['id']} is {done['status']}"
            return {update.customer_id: PushResult(update.customer_id, "retry", words) for update in updates}
        failed = done.get("failed_count")
        pages = () if failed == 0 else self._pages(f"{path}/import-errors", {"page[size]": MOST_ERRORS})
        bad = self._refused([each["attributes"] for found in pages for each in found["data"]], updates)
        if len(bad) < (failed or 0):
            raise BatchRefused(f"Klaviyo refuses {failed} profiles, and says of {len(bad)} why")
        return bad

    def _refused(self, told: Sequence[Mapping[str, Any]], updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        """Whom errors are about: the profile that each repeats, or the place in the job that it points to."""
        ids = [update.customer_id for update in updates]
        known, bad = set(ids), {}
        for error in told:
            words = without_secrets(str(error.get("detail")), [self._token])
            place = NUMBERED.search((error.get("source") or {}).get("pointer") or "")
            about = (error.get("original_payload") or {}).get("id")
            if about not in known:
                about = ids[int(place[1])] if place and int(place[1]) < len(ids) else None
            if about is None:
                raise BatchRefused(f"Klaviyo says: {words}")
            bad[about] = PushResult(about, "not_found" if "not_found" in str(error.get("code")) else "rejected", words)
        return bad

    def _words(self, answer: Answer) -> str:
        return without_secrets(jsonapi.words(answer), [self._token])

    def _patched(self, update: FieldUpdate) -> PushResult:
        answer = self._call(
            "PATCH",
            f"/api/{PROFILES}/{quote(update.customer_id, safe='')}",
            body=_patch(update),
            fine=(BAD_REQUEST, NOT_FOUND, TOO_LARGE),
        )
        if answer.good:
            return PushResult(update.customer_id, "sent")
        gone = answer.status == NOT_FOUND
        return PushResult(update.customer_id, "not_found" if gone else "rejected", self._words(answer))

    @form_told("Klaviyo")
    def fields(self) -> list[RemoteField]:
        """The custom properties of the hundred profiles that changed last: Klaviyo keeps no list of them."""
        if self._known_fields is None:
            asked = {"fields[profile]": "properties", "page[size]": "100", "sort": "-updated"}
            found = self._data(PROFILES, asked)
            kinds: dict[str, set[FieldKind]] = {}
            for each in found:
                for name, value in (each["attributes"].get("properties") or {}).items():
                    kinds.setdefault(name, set()).update([] if value is None else [_kind(value)])
            self._known_fields = [
                RemoteField(name, seen.pop() if len(seen) == 1 else "other") for name, seen in sorted(kinds.items())
            ]
        return self._known_fields

    @form_told("Klaviyo")
    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Say which properties there are: Klaviyo makes one when it is first written."""
        known = {field.name: field for field in self.fields()}
        return [_change(field, known.get(field.name), dry_run=dry_run) for field in wanted]

    @each_form_told("Klaviyo")
    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Ask Klaviyo to delete profiles for good, and to tell nobody of them any more; it does so in its own time."""
        for one in ids:
            profile = {"type": "profile", "id": one, "attributes": {}}
            job = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
            answer = self._call("POST", f"/api/{ERASURES}", body={"data": job}, fine=(BAD_REQUEST, NOT_FOUND))
            good = answer.good or answer.status == NOT_FOUND
            yield PushResult(one, "sent" if good else "rejected", "" if good else self._words(answer))

    @form_told("Klaviyo")
    def check(self) -> Health:
        """Ask whose account it is."""
        answer = self._call("GET", f"/api/{ACCOUNTS}")
        account = jsonapi.data(answer)[0]
        said = answer.headers.get("date")
        skew = parsedate_to_datetime(said).timestamp() - self._clock.now() if said else None
        owner = account["attributes"].get("contact_information") or {}
        return Health(owner.get("organization_name") or account["id"], self.api_version, skew)

    @cached_property
    def _currency(self) -> str:
        """The account's own, for amounts that name none."""
        return str(self._data(ACCOUNTS)[0]["attributes"]["preferred_currency"])

    def _pages(self, path: str, params: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        return jsonapi.pages(partial(self._call, "GET"), self._url, f"/api/{path}", params)

    def _data(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return jsonapi.data(self._call("GET", f"/api/{path}", params))

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        fine: Sequence[int] = (),
    ) -> Answer:
        family = next((each for each in BUDGETS if path.startswith(f"/api/{each}")), JOBS)
        if family not in self._clients:
            budget = Budget(BUDGETS[family], self._clock)
            self._clients[family] = Client(
                self._url,
                system="Klaviyo",
                headers=self._headers,
                budget=budget,
                secrets=[self._token],
                transport=self._transport,
                clock=self._clock,
            )
        return self._clients[family].call(method, path, params=params, body=body, fine=fine)

    def _headers(self) -> Mapping[str, str]:
        key = f"Klaviyo-API-Key {self._token}"
        return {"Authorization": key, "revision": REVISION, "Accept": jsonapi.MEDIA, "Content-Type": jsonapi.MEDIA}


def _after(name: str, at: Position) -> str:
    """A filter; from a second before, as a time that is shown may be cut off at the second."""
    start = (at[0].astimezone(UTC) - SECOND).replace(microsecond=0)
    return f"greater-than({name},{start.strftime('%Y-%m-%dT%H:%M:%SZ')})"


def _job(updates: Sequence[FieldUpdate]) -> dict[str, Any]:
    profiles = [
        {"type": "profile", "id": update.customer_id, "attributes": {"properties": dict(update.values)}}
        for update in updates
    ]
    return {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": profiles}}}}


def _patch(update: FieldUpdate) -> dict[str, Any]:
    kept = {name: value for name, value in update.values.items() if value is not None}
    cleared = {"patch_properties": {"unset": [name for name in update.values if name not in kept]}}
    attributes = {"properties": kept} if kept else {}
    return {"data": {"type": "profile", "id": update.customer_id, "attributes": attributes, "meta": cleared}}


def _unfit(update: FieldUpdate) -> PushResult | None:
    size = len(json.dumps(update.values, ensure_ascii=False).encode())
    if size <= LARGEST_PROFILE:
        return None
    return PushResult(update.customer_id, "rejected", f"its {size} bytes are more than the 100 KB that Klaviyo takes")


def _kind(value: Any) -> FieldKind:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _change(wanted: RemoteField, there: RemoteField | None, *, dry_run: bool) -> FieldChange:
    if there is None:
        return FieldChange(wanted.name, "missing" if dry_run else "made", "Klaviyo makes it when it is first written")
    kind: FieldKind = "text" if wanted.kind == "time" else wanted.kind  # JSON has no times
    if there.kind != kind:
        return FieldChange(wanted.name, "unfit", f"it holds {there.kind}, not {wanted.kind}")
    return FieldChange(wanted.name, "there")
