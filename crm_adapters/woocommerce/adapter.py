"""WooCommerce, REST API wc/v3: customers whole, products and orders by change, and picks back as customers' metadata.

What its API is like (its documentation, and the source of its controllers):
- Customers can't be asked for by change: they are read whole each time, and held against prints of them (`whole`).
- Lists are counted by place (`counted`). Dates in questions say no zone: one that does is turned into the shop's own
  zone first, and then held against times in UTC. The older way to keep orders sorts by the shop's own clock.
- An order that was thrown away is in a list of its own. A variation that changes is seen by its product's change.
- A batch answers for each of its records. Metadata are found by their key, and null takes one away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar

import httpx

from crm_adapters.base import FieldChange, FieldUpdate, Health, Page, PushResult, RemoteField
from crm_adapters.counted import walk
from crm_adapters.drift import absent, each_form_told, form_told, refuse_drift
from crm_adapters.errors import BadSource, BatchRefused, Unsupported
from crm_adapters.flat import table_of
from crm_adapters.http.clock import Clock
from crm_adapters.http.wording import FORBIDDEN
from crm_adapters.in_order import InOrder, Row, fresh, position
from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.mapping import load_mapping
from crm_adapters.marks import Mark, Position, follow, print_of, resumed
from crm_adapters.records import Stream
from crm_adapters.together import together
from crm_adapters.translate import sample, translate
from crm_adapters.whole import Seen, Whole
from crm_adapters.woocommerce import rows, words
from crm_adapters.woocommerce.api import BY_ID, MOST, VERSION, Api, listed, place_of

MAPPING = Path(__file__).parents[1] / "mappings" / "woocommerce.toml"
SECOND = timedelta(seconds=1)
BY_CHANGE = {"orderby": "modified", "order": "asc", "dates_are_gmt": "true"}
EVERYBODY = {"role": "all"}
LISTS: dict[Stream, tuple[str, Sequence[str]]] = {
    Stream.PRODUCTS: ("products", ("any",)),
    Stream.ORDERS: ("orders", ("any", "trash")),
    Stream.OFFERS: ("products", ("any",)),
}
"""Of each stream, the list it is in, and the states that are asked for one after the other."""
CATEGORY, CURRENCY = "category", "shop.currency"
TOO_LARGE = 413


class WooCommerce:
    """Pull customers whole and the rest by change; push metadata of customers, up to 100 a call."""

    name: ClassVar[str] = "woocommerce"
    api_version: ClassVar[str] = VERSION
    max_batch: ClassVar[int] = MOST
    max_bytes: ClassVar[int] = 1_000_000
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        mapping: Path | None = None,
        *,
        page_records: int = MOST,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._api = Api(url, key, secret, transport=transport, clock=clock)
        self.mapping: FieldMapping = load_mapping(mapping or MAPPING)
        self.page_records = page_records
        self._known_fields: list[RemoteField] | None = None

    def streams(self) -> list[Stream]:
        """Customers, products, orders and offers, if the mapping has them."""
        return [each for each in (Stream.CUSTOMERS, *LISTS) if each in self.mapping.streams]

    @each_form_told("WooCommerce")
    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield what changed after the cursor; of what has a date, the last five minutes are looked at again.

        Raises:
            BadCursor: the cursor is not one of this stream as it is mapped now.
            BadSource: there is no such API, or its lists never end.
            Denied: the key is wrong, or its user may not read this.
            Unreachable: the shop does not answer.
            Unsupported: the mapping has no such stream.
        """
        if stream not in self.streams():
            raise Unsupported(f"WooCommerce, as mapped, has no {stream}", remedy="leave them out, or map them")
        mapped = print_of([stream, self.mapping.stream(stream)])
        pages = self._customers(since, mapped) if stream is Stream.CUSTOMERS else self._changed(stream, since, mapped)
        first = not since
        for page in pages:
            yield replace(page, first=first)
            first = False

    def _customers(self, since: str | None, mapped: int) -> Iterator[Page]:
        known = Whole.from_text(since, mapped)
        named = self._named(Stream.CUSTOMERS)
        ask = partial(self._api.ask, "customers", {**BY_ID, **EVERYBODY})
        read, offset = range((known.at or 0) + 1), max(known.read - 1, 0)
        pages = walk(ask, lambda raw: int(raw["id"]), self.page_records, offset=offset, read=read)
        seen = (([self._seen(rows.customer(each, named)) for each in found], is_last) for found, is_last in pages)
        for news in known.follow(seen, self.page_records // 2):
            page = self._page(Stream.CUSTOMERS, news.records, news.cursor)
            yield replace(page, gone=news.gone)

    def _seen(self, flat: Mapping[str, Any]) -> Seen:
        """A customer and its print, of all that is mapped but the date: that one alone is moved by our own push."""
        fields = self.mapping.stream(Stream.CUSTOMERS).fields
        told = [flat.get(field.column or "") for name, field in fields.items() if name != "updated_at"]
        return Seen(int(flat["id"]), print_of(told), flat)

    def _changed(self, stream: Stream, since: str | None, mapped: int) -> Iterator[Page]:
        mark = Mark.from_text(since, mapped)
        read = InOrder(partial(self._listed, stream), self.page_records).after
        mark, at, known = resumed(mark, read, position)
        pages = follow(read, position, fresh, mark, mapped, at, known)
        for found, cursor in together(pages, self.page_records):
            yield self._page(stream, [flat for row in found for flat in self._flat(stream, row.raw)], cursor)

    def _listed(self, stream: Stream, at: Position | None) -> Iterator[list[Row]]:
        """The records after a position, or a second before it; of all states together, in the order of changes."""
        path, states = LISTS[stream]
        after = {"modified_after": _text(at)} if at else {}
        lists = [self._ascending(path, {**BY_CHANGE, **after, "status": state}) for state in states]
        together = merge(*lists, key=lambda row: row.time)
        while page := list(islice(together, self.page_records)):
            yield page

    def _ascending(self, path: str, params: Mapping[str, str]) -> Iterator[Row]:
        """One list, by time. Where the shop's clock goes back an hour, what comes late takes the time before it."""
        latest = rows.EPOCH
        pages = walk(partial(self._api.ask, path, params), place_of, self.page_records)
        for raw in chain.from_iterable(found for found, _ in pages):
            latest = max(latest, rows.moment_of(raw))
            yield Row(latest, str(raw["id"]), raw)

    def _flat(self, stream: Stream, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
        named = self._named(stream)
        if stream is Stream.ORDERS:
            refunds = self._api.under(f"orders/{raw['id']}/refunds") if raw.get("refunds") else []
            return rows.order(raw, refunds, named)
        variations = self._api.under(f"products/{raw['id']}/variations") if raw.get("variations") else []
        if stream is Stream.OFFERS:
            return rows.offers(raw, variations, named)
        category = {CATEGORY: rows.deepest(raw, self._api.paths)} if CATEGORY in named else {}
        currency = {CURRENCY: self._api.currency} if CURRENCY in named else {}
        return rows.product(raw, variations, {**category, **currency}, named)

    def _page(self, stream: Stream, flat: Sequence[Mapping[str, Any]], cursor: str) -> Page:
        refuse_drift("WooCommerce", stream, absent(flat, self._named(stream)))
        raw = table_of(flat, self._named(stream))
        good, rejects = translate(stream, self.mapping.stream(stream), raw, lambda row: f"{stream} {flat[row]['id']}")
        ids = list(dict.fromkeys(str(each["id"]) for each in flat))
        return Page(stream, good, rejects, cursor, sample=sample(raw), ids=ids)

    def _named(self, stream: Stream) -> list[str]:
        return [field.column for field in self.mapping.stream(stream).fields.values() if field.column]

    @each_form_told("WooCommerce")
    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write metadata of customers, in one call; None takes one away.

        Raises:
            BatchRefused: the shop refuses the batch, e.g. as it takes fewer at once.
            Denied: the key may not write.
        """
        results = {update.customer_id: told for update in updates if (told := words.unfit(update))}
        going = [update for update in updates if update.customer_id not in results]
        results |= self._written(going) if going else {}
        for update in updates:
            yield results[update.customer_id]

    def _written(self, updates: Sequence[FieldUpdate]) -> dict[str, PushResult]:
        body = {"update": [_change(update) for update in updates]}
        answer = self._api.call("POST", "customers/batch", body=body, fine=(words.REFUSED, TOO_LARGE))
        if not answer.good:
            raise BatchRefused(self._api.told(answer.data))
        if not isinstance(answer.data, Mapping) or not isinstance(answer.data.get("update"), list):
            raise BadSource("WooCommerce's answer to a batch has no `update`", remedy=words.NO_API)
        told = {str(item["id"]): item for item in answer.data["update"]}
        found = ((update, told.get(str(int(update.customer_id)))) for update in updates)
        return {
            update.customer_id: words.outcome(update, item, self._api.told((item or {}).get("error")))
            for update, item in found
        }

    @form_told("WooCommerce")
    def fields(self) -> list[RemoteField]:
        """The metadata of the hundred customers that came last: WooCommerce keeps no list of them."""
        if self._known_fields is None:
            asked = {"orderby": "registered_date", "order": "desc", **EVERYBODY}
            found, _ = self._api.ask("customers", asked, 0, MOST)
            kinds = {
                name: words.kind_of(value) for customer in found for name, value in rows.metadata(customer).items()
            }
            self._known_fields = [
                RemoteField(name, kind, writable=not name.startswith("_")) for name, kind in sorted(kinds.items())
            ]
        return self._known_fields

    @form_told("WooCommerce")
    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Say which metadata there are: WooCommerce makes one when it is first written."""
        known = {field.name: field for field in self.fields()}
        return [words.change_of(field, known.get(field.name), dry_run=dry_run) for field in wanted]

    @each_form_told("WooCommerce")
    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Delete customers for good.

        Their orders stay, with their addresses: the shop's own tool (Tools > Erase Personal Data) empties these.
        """
        for one in ids:
            if words.unfit(FieldUpdate(one)):
                yield PushResult(one, "sent")
                continue
            answer = self._api.call(
                "DELETE",
                f"customers/{int(one)}",
                params={"force": "true"},
                fine=(words.REFUSED, FORBIDDEN, words.NOT_FOUND),
            )
            gone = answer.good or words.code_of(answer.data) in words.GONE
            yield PushResult(one, "sent" if gone else "rejected", "" if answer.good else self._api.told(answer.data))

    @form_told("WooCommerce")
    def check(self) -> Health:
        """See whether customers may be read, and what the shop counts its prices in."""
        answer = self._api.call("GET", "customers", params={**EVERYBODY, "per_page": "1"})
        listed(answer)
        said = answer.headers.get("date")
        skew = parsedate_to_datetime(said).timestamp() - self._api.clock.now() if said else None
        return Health(f"{self._api.host}, prices in {self._api.currency}", self.api_version, skew)


def _text(at: Position) -> str:
    """A time to ask from, without a zone; a second before, as what is dated the same is asked for again."""
    moment = at[0].astimezone(UTC) - SECOND
    return str(moment.replace(tzinfo=None).isoformat(timespec="seconds"))


def _change(update: FieldUpdate) -> dict[str, Any]:
    data = [{"key": name, "value": value} for name, value in update.values.items()]
    return {"id": int(update.customer_id), "meta_data": data}
