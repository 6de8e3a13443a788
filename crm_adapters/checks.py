"""Checks: what every adapter must do, as code; describe your system as an `AdapterWorld` and call `check_adapter`.

Each check is one rule. It fills an empty world, pulls or pushes through the adapter, and raises AssertionError in words
that say which rule is broken. What a system can't do, its world says (`streams`, `by_change`, `tells_deletions`,
`tells_merges`), and nothing else is left out: where there are no customers the rules are held against products, and a
push must be refused.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from crm_adapters.base import Adapter, FieldUpdate, Page, PushResult, Reject
from crm_adapters.errors import AdapterError, BadCursor, SourceMissing, Unsupported
from crm_adapters.records import SCHEMAS, Stream

Record = Mapping[str, str | datetime | None]
"""One record in our names: text, or a datetime in UTC; amounts are decimal text under `price` and `unit_price`."""

CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
ENDLESS = 200
NAMES = {CUSTOMERS: "first_name", PRODUCTS: "title"}
"""The streams that most rules are held against, the first that a system has; and what tells their records apart."""
ODD_TEXTS = (
    'O\'Brien, "Zoë"; DROP TABLE',
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
    "مرحبا بالعالم",
    "e\u0301 is not é",
    "日本語 100 % \\n {{ x }} <b>",
)
BAD = ("no address", "none @ all")
BAD_FIELDS = {CUSTOMERS: "email", PRODUCTS: "price"}
FOREIGN_CURSORS = ("not a cursor", "[]", "{}", "7", '{"v": 999}', '{"somebody": "else", "high": 3, "ids": ["1"]}')


class AdapterWorld(Protocol):
    """A system that a test can fill, and an adapter on it."""

    @property
    def streams(self) -> Collection[Stream]:
        """The streams that the system can hold."""

    @property
    def page_records(self) -> int:
        """How many records fit a page at most; keep it small. Three times as many make three pages or more."""

    @property
    def by_change(self) -> bool:
        """Whether a pull from a cursor brings only what changed; if not, a change brings its whole stream again."""

    @property
    def tells_deletions(self) -> bool:
        """Whether a pull tells which records are gone."""

    @property
    def tells_merges(self) -> bool:
        """Whether a pull tells which customers were made part of others."""

    def clear(self) -> None:
        """Forget all records and all that was pushed."""

    def put(self, stream: Stream, records: Sequence[Record]) -> None:
        """Add records in the system's own form, or replace those of the same id (order lines: order_id, line_id)."""

    def delete(self, stream: Stream, ids: Sequence[str]) -> None:
        """Delete records; never called unless `tells_deletions`."""

    def merge(self, one: str, other: str) -> None:
        """Make one customer part of another; never called unless `tells_merges`."""

    def open(self) -> Adapter:
        """A new adapter, as after a restart of the process."""

    def pushed(self) -> Mapping[str, Mapping[str, str]]:
        """What the system now holds in the fields of each customer, as text; a field without a value is left out."""


Check = Callable[[AdapterWorld], None]


def check_adapter(world: AdapterWorld) -> None:
    """Run every check, each on an emptied world.

    Raises:
        AssertionError: a rule is broken; the text says which.
    """
    for check in CHECKS:
        world.clear()
        check(world)


def check_streams(world: AdapterWorld) -> None:
    """`streams()` names each stream that holds records, once."""
    for stream in world.streams:
        world.put(stream, [_sample(stream, "1")])
    found = world.open().streams()
    _require(
        sorted(found) == sorted(world.streams), f"streams: {sorted(found)} are named, {sorted(world.streams)} are there"
    )


def check_schema(world: AdapterWorld) -> None:
    """A page has exactly the columns and types of `records.SCHEMAS`, and belongs to the stream that was asked for."""
    for stream in world.streams:
        world.put(stream, [_sample(stream, "1"), _sample(stream, "2")])
        pages = list(world.open().pull(stream, None))
        _require(any(page.rows.num_rows for page in pages), f"schema: no {stream} arrived")
        for page in pages:
            _require(page.stream == stream, f"schema: a page of {page.stream} came when {stream} was asked for")
            given, wanted = page.rows.schema, SCHEMAS[stream]
            strange, missing = [field for field in given if field not in wanted], set(wanted.names) - set(given.names)
            _require(
                given.equals(wanted), f"schema: {stream} lacks {missing or 'nothing'}; strange or moved: {strange}"
            )
            page.rows.validate(full=True)


def check_page_borders(world: AdapterWorld) -> None:
    """Records of one and the same time, over three pages and more, come once each."""
    ids = _put_many(world)
    pages = list(world.open().pull(_main(world), None))
    full = sum(1 for page in pages if page.rows.num_rows)
    _require(full >= 3, f"page borders: {len(ids)} records came on {full} pages; `page_records` of the world is wrong")
    _once(_ids(pages), ids, "page borders")


def check_first_page(world: AdapterWorld) -> None:
    """The first page of a pull from the start says so; the others, and pages after a cursor, do not."""
    _put_many(world)
    adapter = world.open()
    pages = list(adapter.pull(_main(world), None))
    _require(
        [page.first for page in pages] == [True] + [False] * (len(pages) - 1), "first page: `first` is not on it alone"
    )
    later = list(world.open().pull(_main(world), pages[0].cursor))
    _require(not any(page.first for page in later), "first page: a page after a cursor says that it is the first")


def check_restart(world: AdapterWorld) -> None:
    """Killed after each page, before or after it was saved, a new adapter goes on: nothing is lost or doubled."""
    ids = _put_many(world)
    _once(_ids(_killed_after_each(world, _main(world))), ids, "restart")


def check_cursors(world: AdapterWorld) -> None:
    """Each page has a cursor, which is JSON text."""
    _put_many(world)
    for page in world.open().pull(_main(world), None):
        _require(bool(page.cursor), "cursors: a page has none, so that the pull can't be continued after it")
        try:
            json.loads(page.cursor or "")
        except ValueError as error:
            raise AssertionError(f"cursors: {page.cursor!r} is not JSON") from error


def check_foreign_cursor(world: AdapterWorld) -> None:
    """A cursor that is not one of the adapter's is refused, never taken for the start or the end."""
    _put(world, "1")
    for foreign in FOREIGN_CURSORS:
        try:
            pages = list(world.open().pull(_main(world), foreign))
        except BadCursor:
            continue
        raise AssertionError(f"foreign cursor: {foreign!r} is no BadCursor, but gave {len(pages)} pages")


def check_full_pull(world: AdapterWorld) -> None:
    """A pull without a cursor brings everything, however often the stream was pulled before."""
    ids = _put_many(world)
    _pull(world, _main(world))
    adapter = world.open()
    for _ in range(2):
        _once(_ids(adapter.pull(_main(world), None)), ids, "full pull")


def check_second_pull(world: AdapterWorld) -> None:
    """From the last cursor on only what changed comes: nothing when nothing did."""
    ids = _put_many(world)
    cursor = _pull(world, _main(world)).cursor
    again = _pull(world, _main(world), cursor)
    _require(not again.rows, f"second pull: nothing changed, but {len(again.rows)} records came again")
    _put(world, ids[0], at=THEN + timedelta(hours=1), name="Changed")
    _put(world, "0-late")
    found = _pull(world, _main(world), again.cursor)
    named = {row["id"]: row[_name(world)] for row in found.rows}
    _require(named.get(ids[0]) == "Changed", "second pull: a changed record did not come")
    _require("0-late" in named, "second pull: a record that came late, at the time of the last ones, was not seen")
    _once(list(named), {"0-late", *(ids[:1] if world.by_change else ids)}, "second pull")


def check_change_while_paging(world: AdapterWorld) -> None:
    """What changes or appears while a pull is under way comes with this pull or the next."""
    ids = _put_many(world)
    known: dict[str, str] = {}
    cursor = None
    for number, page in enumerate(world.open().pull(_main(world), None)):
        if number == 0:
            later = THEN + timedelta(seconds=1)
            changed = _ids([page])[0]
            _put(world, changed, at=later, name="Changed")
            _put(world, "0-new", at=later)
        known |= {row["id"]: row[_name(world)] for row in page.rows.to_pylist()}
        cursor = page.cursor
    known |= {row["id"]: row[_name(world)] for row in _pull(world, _main(world), cursor).rows}
    _require(known.get(changed) == "Changed", "change while paging: a record that changed behind the pull is lost")
    _once(list(known), [*ids, "0-new"], "change while paging")


def check_future_date(world: AdapterWorld) -> None:
    """A record dated in the future comes, and hides none that is written later."""
    _put(world, "1")
    _put(world, "future", at=FAR)
    first = _pull(world, _main(world))
    _once([row["id"] for row in first.rows], ["1", "future"], "future date")
    _put(world, "2", at=datetime.now(UTC))
    second = _pull(world, _main(world), first.cursor)
    found = [row["id"] for row in second.rows]
    _require("2" in found, "future date: a record written after one dated in the future is hidden by it")
    if world.by_change:
        _once(found, ["2"], "future date")
    third = _pull(world, _main(world), second.cursor).rows
    _require(not third, "future date: the record comes again with every pull")


def check_bad_record(world: AdapterWorld) -> None:
    """A bad record is a reject with place, reason, detail and record, the same again each time; the good ones go on."""
    _put(world, "1", "2", "3")
    for number, bad in enumerate(BAD, 1):
        world.put(_main(world), [{**_record(world, f"bad-{number}"), BAD_FIELDS[_main(world)]: bad}])
    first, second = (_pull(world, _main(world)) for _ in range(2))
    _once([row["id"] for row in first.rows], ["1", "2", "3"], "bad record: of the good ones")
    _require(len(first.rejects) == 2, f"bad record: 2 records are bad, {len(first.rejects)} are rejected")
    for reject in first.rejects:
        _require(all([reject.place, reject.reason, reject.detail, reject.record]), f"bad record: {reject} is not whole")
        _require(reject.reason.isidentifier(), f"bad record: the reason {reject.reason!r} is no short code to count by")
        told = any(bad in reject.record for bad in BAD)
        _require(told, f"bad record: what was bad is not in the record that is kept: {reject.record!r}")
    places, again = ([reject.place for reject in found.rejects] for found in (first, second))
    _require(len(set(places)) == 2, f"bad record: two stand at the same place, {places[0]!r}, so one of them is lost")
    _require(sorted(places) == sorted(again), f"bad record: its place is {places}, and then {again}")


def check_money(world: AdapterWorld) -> None:
    """Amounts become integer minor units by the exponent of their currency: JPY has none, KWD has three."""
    amounts = {"USD": ("19.99", 1999), "JPY": ("1980", 1980), "KWD": ("1.234", 1234)}
    products = [_product(code, price=given, currency=code, updated_at=THEN) for code, (given, _) in amounts.items()]
    lines = [_line(code, unit_price=given, currency=code) for code, (given, _) in amounts.items()]
    told = (
        (PRODUCTS, products, "price_minor", "price of a product"),
        (ORDERS, lines, "unit_price_minor", "price of an order line"),
    )
    for stream, records, field, what in told:
        if stream not in world.streams:
            continue
        world.put(stream, records)
        found = {row["currency"]: row[field] for row in _pull(world, stream).rows}
        for code, (given, minor) in amounts.items():
            _require(found.get(code) == minor, f"money: the {what}, {given} {code}, is {found.get(code)}, not {minor}")


def check_odd_texts(world: AdapterWorld) -> None:
    """Names in any script survive to the letter; a line break becomes a space and breaks nothing."""
    for number, name in enumerate(ODD_TEXTS):
        _put(world, str(number), name=name)
    _put(world, "broken", name="Ann\nMarie")
    found = {row["id"]: row[_name(world)] for row in _pull(world, _main(world)).rows}
    for number, name in enumerate(ODD_TEXTS):
        arrived = found.get(str(number))
        _require(arrived == name, f"odd texts: {name!r} arrives as {arrived!r}")
    _require((found.get("broken") or "").split() == ["Ann", "Marie"], "odd texts: a name with a line break is damaged")


def check_times(world: AdapterWorld) -> None:
    """Moments arrive in UTC, whatever zone they were written in; without a zone they are UTC."""
    if ORDERS not in world.streams:
        return
    written = ("2026-01-05T12:00:00+02:00", "2026-01-05T05:00:00-05:00", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00")
    world.put(ORDERS, [_line(f"o{number}", placed_at=text) for number, text in enumerate(written)])
    found = {row["order_id"]: row["placed_at"] for row in _pull(world, ORDERS).rows}
    for number, text in enumerate(written):
        _require(found.get(f"o{number}") == THEN, f"times: {text} arrives as {found.get(f'o{number}')}, not {THEN}")


def check_guest_order(world: AdapterWorld) -> None:
    """An order without a customer arrives, with the address that it was placed with."""
    if ORDERS not in world.streams:
        return
    world.put(ORDERS, [_line("guest", customer_id=None, email="guest@example.com"), _line("known")])
    found = {row["order_id"]: row for row in _pull(world, ORDERS).rows}
    _require("guest" in found, "guest order: an order without a customer is dropped")
    _require(found["guest"]["customer_id"] is None, f"guest order: its customer is {found['guest']['customer_id']!r}")
    _require(found["guest"]["email"] == "guest@example.com", "guest order: its address is lost")


def check_whole_orders(world: AdapterWorld) -> None:
    """All lines of an order stand on one page, also where a page would end within it."""
    if ORDERS not in world.streams:
        return
    lines = [_line(f"o{order}", str(line)) for order in range(world.page_records) for line in range(1, 4 + order % 4)]
    world.put(ORDERS, lines)
    pages = list(_killed_after_each(world, ORDERS))
    found = [f"{row['order_id']} line {row['line_id']}" for page in pages for row in page.rows.to_pylist()]
    _once(found, [f"{line['order_id']} line {line['line_id']}" for line in lines], "whole orders")
    torn = [order for order, times in Counter(order for page in pages for order in _orders(page)).items() if times > 1]
    _require(not torn, f"whole orders: the lines of {torn[:3]} are torn apart by the end of a page")


def check_absent_stream(world: AdapterWorld) -> None:
    """A stream that the system does not hold is refused, never taken for an empty one."""
    _put(world, "1")
    adapter = world.open()
    for stream in set(Stream) - set(adapter.streams()):
        try:
            list(adapter.pull(stream, None))
        except (Unsupported, SourceMissing):
            continue
        except AdapterError as error:
            raise AssertionError(f"absent stream: {stream} is refused with {error!r}") from error
        raise AssertionError(f"absent stream: {stream} is not there, yet pulling it is not refused")


def check_deletion(world: AdapterWorld) -> None:
    """What was deleted is told, once, where the system tells it."""
    if not world.tells_deletions:
        return
    _put(world, "1", "2")
    cursor = _pull(world, _main(world)).cursor
    world.delete(_main(world), ["1"])
    found = _pull(world, _main(world), cursor)
    _require(found.gone == ["1"], f"deletion: '1' is deleted, but {found.gone} are told to be gone")
    _require(not _pull(world, _main(world), found.cursor).gone, "deletion: it is told again with the next pull")


def check_merge(world: AdapterWorld) -> None:
    """Who was made part of another is told with that one, once; not as gone, where the system tells it."""
    if not world.tells_merges:
        return
    _put(world, "1", "2")
    cursor = _pull(world, CUSTOMERS).cursor
    world.merge("1", "2")
    found = _pull(world, CUSTOMERS, cursor)
    _require(found.merged == {"1": "2"}, f"merge: '1' is part of '2', but {found.merged} is told")
    _require("1" not in found.gone, "merge: '1' is told to be gone, as if it had been deleted")
    _require(not _pull(world, CUSTOMERS, found.cursor).merged, "merge: it is told again with the next pull")


def check_push_results(world: AdapterWorld) -> None:
    """Every update has one result, in the order of the updates, also in a full batch; no update, no result."""
    if _has_nobody(world):
        return
    count = min(world.open().max_batch, 1_000)
    ids = [f"c{number}" for number in range(count)]
    world.put(CUSTOMERS, [_customer(name) for name in ids])
    results = _push(world, [FieldUpdate(name, {"segment": f"s {name}"}) for name in ids])
    _require([result.customer_id for result in results] == ids, f"push: {count} updates have {len(results)} results")
    _require({result.status for result in results} == {"sent"}, f"push: not all are sent: {results[:3]}")
    held = world.pushed()
    missing = [name for name in ids if held.get(name, {}).get("segment") != f"s {name}"]
    _require(not missing, f"push: said to be sent, but not there: {missing[:3]}")
    _require(_push(world, []) == [], "push: no update has a result")


def check_push_named_fields(world: AdapterWorld) -> None:
    """Only the fields and customers that are named change."""
    if _has_nobody(world):
        return
    _put_two(world)
    _push(world, [FieldUpdate("1", {"segment": "loyal", "pick": "p1"}), FieldUpdate("2", {"segment": "new"})])
    _push(world, [FieldUpdate("1", {"segment": "lapsed"})])
    _held(world, {"1": {"segment": "lapsed", "pick": "p1"}, "2": {"segment": "new"}}, "push of one field")


def check_push_mixed_fields(world: AdapterWorld) -> None:
    """The updates of a batch may name different fields."""
    if _has_nobody(world):
        return
    _put_two(world)
    _push(world, [FieldUpdate("1", {"segment": "loyal"}), FieldUpdate("2", {"pick": "p2"})])
    _held(world, {"1": {"segment": "loyal"}, "2": {"pick": "p2"}}, "push of mixed fields")


def check_push_clear(world: AdapterWorld) -> None:
    """None clears a field, and leaves its neighbour."""
    if _has_nobody(world):
        return
    _put_two(world)
    _push(world, [FieldUpdate("1", {"segment": "loyal", "pick": "p1"})])
    _push(world, [FieldUpdate("1", {"pick": None})])
    _held(world, {"1": {"segment": "loyal"}}, "push of None")


def check_push_again(world: AdapterWorld) -> None:
    """Pushing the same again changes nothing."""
    if _has_nobody(world):
        return
    _put_two(world)
    updates = [FieldUpdate("1", {"segment": "loyal", "picks": 3}), FieldUpdate("2", {"picks": 4})]
    for _ in range(2):
        results = _push(world, updates)
        _require({result.status for result in results} == {"sent"}, f"push again: {results}")
        _held(world, {"1": {"segment": "loyal", "picks": "3"}, "2": {"picks": "4"}}, "push again")


def check_push_odd_texts(world: AdapterWorld) -> None:
    """Texts in any script are written to the letter, with their line breaks."""
    if _has_nobody(world):
        return
    ids = [str(number) for number in range(len(ODD_TEXTS))]
    world.put(CUSTOMERS, [_customer(name) for name in [*ids, "broken"]])
    texts = dict(zip(ids, ODD_TEXTS, strict=True)) | {"broken": "two\nlines"}
    _push(world, [FieldUpdate(name, {"pick": text}) for name, text in texts.items()])
    _held(world, {name: {"pick": text} for name, text in texts.items()}, "push of odd texts")


CHECKS: tuple[Check, ...] = (
    check_streams,
    check_schema,
    check_page_borders,
    check_first_page,
    check_restart,
    check_cursors,
    check_foreign_cursor,
    check_full_pull,
    check_second_pull,
    check_change_while_paging,
    check_future_date,
    check_bad_record,
    check_money,
    check_odd_texts,
    check_times,
    check_guest_order,
    check_whole_orders,
    check_absent_stream,
    check_deletion,
    check_merge,
    check_push_results,
    check_push_named_fields,
    check_push_mixed_fields,
    check_push_clear,
    check_push_again,
    check_push_odd_texts,
)
"""Every rule; hand each one an empty world to see all that are broken, not only the first."""


@dataclass(frozen=True)
class _Pulled:
    rows: list[dict[str, Any]]
    rejects: list[Reject]
    gone: list[str]
    merged: dict[str, str]
    cursor: str | None


def _pull(world: AdapterWorld, stream: Stream, since: str | None = None) -> _Pulled:
    """Pull to the end with a new adapter."""
    pages = list(world.open().pull(stream, since))
    rows = [row for page in pages for row in page.rows.to_pylist()]
    rejects = [reject for page in pages for reject in page.rejects]
    gone = [identity for page in pages for identity in page.gone]
    merged = {one: other for page in pages for one, other in page.merged.items()}
    return _Pulled(rows, rejects, gone, merged, pages[-1].cursor if pages else since)


def _killed_after_each(world: AdapterWorld, stream: Stream) -> Iterator[Page]:
    """The pages that are saved, when each is pulled by a process that dies before saving it, and by one dying after."""
    cursor: str | None = None
    for _ in range(ENDLESS):
        if next(iter(world.open().pull(stream, cursor)), None) is None:
            return
        page = next(iter(world.open().pull(stream, cursor)), None)
        if page is None:
            raise AssertionError("restart: a page that was not saved does not come again")
        yield page
        _require(page.cursor not in (None, cursor), "restart: the cursor behind a page stands still")
        cursor = page.cursor
    raise AssertionError(f"restart: there is no end after {ENDLESS} pages")


def _push(world: AdapterWorld, updates: Sequence[FieldUpdate]) -> list[PushResult]:
    return list(world.open().push(updates))


def _held(world: AdapterWorld, wanted: Mapping[str, Mapping[str, str]], rule: str) -> None:
    found = {customer: dict(fields) for customer, fields in world.pushed().items() if fields}
    _require(found == wanted, f"{rule}: the system holds {found}, not {wanted}")


def _require(condition: bool, words: str) -> None:
    """Like `assert`, also under `python -O`."""
    if not condition:
        raise AssertionError(words)


def _once(found: Sequence[str], wanted: Iterable[str], rule: str) -> None:
    """Require that each came exactly once."""
    counts, all_wanted = Counter(found), set(wanted)
    lost = sorted(all_wanted - set(counts))
    doubled = sorted(name for name, times in counts.items() if times > 1)
    strange = sorted(set(counts) - all_wanted)
    for what, names in (("lost", lost), ("doubled", doubled), ("not to come", strange)):
        _require(not names, f"{rule}: {len(names)} of {len(all_wanted)} records are {what}: {', '.join(names[:3])}")


def _main(world: AdapterWorld) -> Stream:
    """The stream that most rules are held against."""
    return next(stream for stream in NAMES if stream in world.streams)


def _name(world: AdapterWorld) -> str:
    return NAMES[_main(world)]


def _record(world: AdapterWorld, identity: str, at: datetime = THEN, **more: str) -> Record:
    return {CUSTOMERS: _customer, PRODUCTS: _product}[_main(world)](identity, at, **more)


def _put(world: AdapterWorld, *ids: str, at: datetime = THEN, name: str | None = None) -> None:
    named = {} if name is None else {_name(world): name}
    world.put(_main(world), [_record(world, identity, at, **named) for identity in ids])


def _has_nobody(world: AdapterWorld) -> bool:
    """Whether a system has no customers; then a push must be refused."""
    if CUSTOMERS in world.streams:
        return False
    try:
        list(world.open().push([FieldUpdate("1", {"segment": "loyal"})]))
    except Unsupported:
        return True
    raise AssertionError("push: there are no customers, yet a push is not refused")


def _ids(pages: Iterable[Page]) -> list[str]:
    return [identity for page in pages for identity in page.rows["id"].to_pylist()]


def _orders(page: Page) -> set[str]:
    return set(page.rows["order_id"].to_pylist())


def _put_many(world: AdapterWorld) -> list[str]:
    """Fill three pages and one record with records of one time."""
    ids = [f"c{number:04d}" for number in range(3 * world.page_records + 1)]
    _put(world, *ids)
    return ids


def _put_two(world: AdapterWorld) -> None:
    world.put(CUSTOMERS, [_customer("1"), _customer("2")])


def _customer(identity: str, at: datetime = THEN, **more: str) -> Record:
    given = {"email": f"{identity}@example.com", "first_name": f"Name {identity}", "consent_email": "subscribed"}
    return {"id": identity, **given, "updated_at": at, **more}


def _product(identity: str, at: datetime = THEN, **more: str | datetime) -> Record:
    given = {"title": f"Product {identity}", "price": "1.50", "currency": "USD"}
    return {"id": identity, **given, "updated_at": at, **more}


def _line(order: str, line: str = "1", **more: str | None) -> Record:
    given = {"customer_id": "c1", "email": "c1@example.com", "placed_at": "2026-01-05T10:00:00Z", "product_id": "p1"}
    price = {"quantity": "1", "unit_price": "1.50", "currency": "USD"}
    return {"order_id": order, "line_id": line, **given, **price, "updated_at": THEN, **more}


def _sample(stream: Stream, identity: str) -> Record:
    moment = "2026-01-05T10:00:00Z"
    if stream is CUSTOMERS:
        return _customer(identity)
    if stream is PRODUCTS:
        return _product(identity)
    if stream is ORDERS:
        return _line(identity)
    if stream is Stream.EVENTS:
        return {"id": identity, "customer_id": "c1", "kind": "viewed", "at": moment, "product_id": "p1"}
    times = {"starts_at": moment, "ends_at": moment, "announced_at": moment}
    return {"product_id": identity, "kind": "discount", **times}
