"""Shopify: customers, products and orders from its Admin API (GraphQL), and picks back as metafields of customers.

A whole reading of many records is done by a bulk operation, everything else page by page. What cannot be seen by
change, a deletion or a merge, a full pull finds. A price that is struck through (`compareAtPrice`) is no offer of ours:
Shopify does not say from when to when, so it may be mapped to an attribute.

The app needs these scopes: read_customers, write_customers, read_products, read_orders; read_all_orders for those
older than 60 days; and write_customer_data_erasure to erase.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import httpx

from crm_adapters.base import FieldChange, FieldUpdate, Health, Page, PushResult, RemoteField
from crm_adapters.drift import each_form_told, form_told
from crm_adapters.errors import Denied, Unsupported
from crm_adapters.flat import table_of
from crm_adapters.http.clock import Clock
from crm_adapters.http.graphql import Reply
from crm_adapters.http.lines import LineFile
from crm_adapters.in_order import InOrder, Row, fresh, position
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import LATE, Mark, follow, print_of, resumed
from crm_adapters.records import Stream
from crm_adapters.shopify.bulk import HOSTS, Bulk, Place
from crm_adapters.shopify.calls import VERSION, VERSION_HEADER, Shop, part
from crm_adapters.shopify.fields import MOST_AT_ONCE, MOST_BYTES, gid
from crm_adapters.shopify.lists import LISTINGS, Listing, moment_of, with_metafields
from crm_adapters.shopify.metafields import Metafields
from crm_adapters.shopify.pages import Pages
from crm_adapters.together import together
from crm_adapters.translate import sample, translate

MAPPING = Path(__file__).parents[1] / "mappings" / "shopify.toml"
BULK_FROM = 5_000
"""Records from which on a bulk operation is quicker than pages."""
ALL_ORDERS, WRITING = "read_all_orders", "write_customers"
ERASE = """mutation ($id: ID!) { customerRequestDataErasure(customerId: $id) { userErrors { code message } } }"""
CHECK = "{ shop { name myshopifyDomain } currentAppInstallation { accessScopes { handle } } }"
Chunk = tuple[list[Row], str]


class Shopify:
    """Pull by change, continued by (last change, id); push metafields, 25 a call.

    A call is all or nothing: those for whose sake it is refused are told by place, and it is made again without them.
    """

    name: ClassVar[str] = "shopify"
    api_version: ClassVar[str] = VERSION
    max_batch: ClassVar[int] = MOST_AT_ONCE
    max_bytes: ClassVar[int] = MOST_BYTES
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        url: str,
        token: str,
        mapping: Path | None = None,
        *,
        page_records: int | None = None,
        bulk_from: int = BULK_FROM,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._shop = Shop(url, token, transport, clock)
        self._bulk = Bulk(self._shop, LineFile("Shopify", HOSTS, self._shop.clock, transport))
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        self._lists = {
            stream: with_metafields(LISTINGS[stream], _columns(self.mapping, stream))
            for stream in LISTINGS
            if stream in self.mapping.streams
        }
        self._page_records, self._bulk_from = page_records, bulk_from
        self._metafields = Metafields(self._shop)

    def streams(self) -> list[Stream]:
        """Those of customers, products and orders that the mapping has."""
        return list(self._lists)

    @each_form_told("Shopify")
    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed after the cursor; a record of the last five minutes is looked at again (see `marks`).

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now.
            BadSource: Shopify refuses the question.
            Denied: the token is wrong, or lacks a scope.
            Unreachable: Shopify does not answer, or its bulk operation fails.
            Unsupported: the mapping has no such stream.
        """
        if stream not in self._lists:
            raise Unsupported(f"Shopify, as mapped, has no {stream}", remedy="leave them out, or bring them by files")
        asked, mapped = self._lists[stream], print_of([stream, self.mapping.stream(stream)])
        place = Place.from_text(since, mapped)
        is_first = not since
        for page in self._pages(stream, asked, since, place, mapped):
            yield replace(page, first=page.first or is_first)
            is_first = False

    def _pages(
        self, stream: Stream, asked: Listing, since: str | None, place: Place | None, mapped: int
    ) -> Iterator[Page]:
        """The pages of a stream; of a result that stands no more, all from the start."""
        operation = self._bulk.ended(place.operation) if place else None
        is_anew = place is not None and operation is None
        total = int(self._shop.read("counted", asked.count)["count"]) if is_anew or not since else None
        if total is not None and total >= self._bulk_from and (begun := self._bulk.begun(asked)):
            place, operation = Place(begun), self._bulk.ended(begun)
        since = None if place else since
        if place and operation:
            chunks = self._whole(asked, operation, place, mapped)
        else:
            chunks = self._changed(asked, since, mapped)
        for rows, cursor in chunks:
            yield replace(self._page(stream, asked, rows, cursor, total), first=is_anew)
            is_anew = False

    def _changed(self, asked: Listing, since: str | None, mapped: int) -> Iterator[Chunk]:
        mark = Mark.from_text(since, mapped)
        size = self._page_records or asked.size
        read = InOrder(Pages(self._shop, asked, size).after, size).after
        mark, at, known = resumed(mark, read, position)
        return together(follow(read, position, fresh, mark, mapped, at, known), size)

    def _whole(self, asked: Listing, operation: Mapping[str, Any], place: Place, mapped: int) -> Iterator[Chunk]:
        """The records of an operation from a place on; the last cursor goes on by change, from when it began.

        Those that it dates later than that, or little before, will be looked at again: they are known by their prints.
        """
        start = moment_of(operation["createdAt"]) - LATE
        mark = Mark((start, ""), (start, ""))
        size = self._page_records or asked.size
        rows = map(asked.row, self._bulk.records(operation, asked))
        done, chunk = 0, list(islice(rows, size))
        while chunk:
            late = [row for row in chunk if row.time >= start]
            newest = max(map(position, late), default=(start, ""))
            mark = mark.moved(None, max(mark.read or newest, newest), [print_of(row) for row in late])
            done, new = done + len(chunk), chunk[max(0, place.records - done) :]
            chunk = list(islice(rows, size))
            cursor = Place(place.operation, done).as_text(mapped) if chunk else mark.as_text(mapped, set())
            if new:
                yield new, cursor

    def _page(self, stream: Stream, asked: Listing, rows: Sequence[Row], cursor: str, total: int | None) -> Page:
        mapping = self.mapping.stream(stream)
        flat = [flat for row in rows for flat in asked.rows(row.raw)]
        raw = table_of(flat, _columns(self.mapping, stream))
        good, rejects = translate(stream, mapping, raw, lambda row: f"{stream} {flat[row]['id']}")
        ids = [str(each["id"]) for each in flat] if self._is_whole(stream, total) else []
        return Page(stream, good, rejects, cursor, total=total, sample=sample(raw), ids=ids)

    def _is_whole(self, stream: Stream, total: int | None) -> bool:
        """Whether a reading of everything brings everything: of orders, only with a scope of its own."""
        return stream is not Stream.ORDERS or total is None or ALL_ORDERS in self._scopes

    @each_form_told("Shopify")
    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write metafields; what is cleared is deleted.

        Raises:
            BatchRefused: Shopify does not say which of them it refuses.
            Denied: the token may not write customers.
        """
        bad = self._metafields.write(updates) if updates else {}
        for update in updates:
            yield bad.get(update.customer_id) or PushResult(update.customer_id, "sent")

    @form_told("Shopify")
    def fields(self) -> list[RemoteField]:
        """The metafields that are defined for customers."""
        return self._metafields.defined()

    @form_told("Shopify")
    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Define the metafields that are missing; with `dry_run`, only say so."""
        return self._metafields.ensure(wanted, dry_run=dry_run)

    @each_form_told("Shopify")
    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Ask Shopify to erase customers' personal data, which it does in its own time.

        Not `customerDelete`: that refuses whoever has ever ordered.
        """
        for one in ids:
            told = self._shop.read("customerRequestDataErasure", ERASE, {"id": gid(one)})
            faults = [fault for fault in told["userErrors"] if fault["code"] != "DOES_NOT_EXIST"]
            words = self._shop.words(faults[0]) if faults else ""
            yield PushResult(one, "rejected" if faults else "sent", words)

    @form_told("Shopify")
    def check(self) -> Health:
        """Ask whose shop it is, what the token may do, which version answers, and what time it has.

        Raises:
            Denied: a scope is missing.
        """
        reply = self._shop.asked(CHECK)
        shop, scopes = part(reply, "shop"), _scopes(reply)
        needed = {WRITING, *(asked.scope for asked in self._lists.values())}
        if missing := sorted(needed - scopes):
            raise Denied(
                f"the token lacks {', '.join(missing)}",
                remedy="give the app these scopes in the shop's settings, and install it again",
            )
        account = f"{shop['name']} ({shop['myshopifyDomain']})"
        if Stream.ORDERS in self._lists and ALL_ORDERS not in scopes:
            account += f"; orders of the last 60 days only, as the token lacks {ALL_ORDERS}"
        said, version = reply.answer.headers.get("date"), reply.answer.headers.get(VERSION_HEADER, VERSION)
        skew = parsedate_to_datetime(said).timestamp() - self._shop.clock.now() if said else None
        has_moved = f"{version}, as {VERSION} is no longer answered: time for a newer handpicked"
        return Health(account, VERSION if version == VERSION else has_moved, skew)

    @cached_property
    def _scopes(self) -> set[str]:
        return _scopes(self._shop.asked(CHECK))


def _columns(mapping: FieldMapping, stream: Stream) -> list[str]:
    return [field.column for field in mapping.stream(stream).fields.values() if field.column]


def _scopes(reply: Reply) -> set[str]:
    """What the token may do; who may write may read."""
    told = {each["handle"] for each in part(reply, "currentAppInstallation")["accessScopes"]}
    return told | {each.replace("write_", "read_", 1) for each in told}
