"""The checks are worth something: an adapter without a fault passes them all, and each fault is caught by its rule."""

import itertools
import json
import re
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from crm_adapters import checks
from crm_adapters.base import Page, PushResult, Reject
from crm_adapters.errors import BadCursor, Unsupported
from crm_adapters.mapping import StreamMapping
from crm_adapters.records import Stream
from crm_adapters.translate import translate

PAGE = 10
AS_THEY_ARE = StreamMapping({}, {})


class Memory:
    """A world and its adapter in one: a journal of changes, pulled by number; a page is its next few records."""

    name = "memory"
    max_batch = 100
    streams_held = tuple(Stream)
    streams = property(lambda self: self.streams_held)
    page_records = PAGE
    by_change = True
    tells_deletions = True
    tells_merges = True

    def __init__(self):
        self.clear()

    def clear(self):
        self.journal, self.fields, self.parts = [], {}, {}

    def put(self, stream, records):
        self.journal += [(stream, identity(record), dict(record)) for record in records]

    def delete(self, stream, ids):
        self.journal += [(stream, identity, None) for identity in ids]

    def merge(self, one, other):
        self.parts[one] = other
        self.journal.append((Stream.CUSTOMERS, (one,), None))

    def pushed(self):
        return {customer: fields for customer, fields in self.fields.items() if fields}

    def open(self):
        return Opened(self)


class Opened:
    """The adapter on it; each fault below overrides one of these steps."""

    name = "memory"
    max_batch = 100

    def __init__(self, world):
        self.world = world

    def streams(self):
        held = {stream for stream, _, record in self.world.journal if record}
        return [stream for stream in Stream if stream in held]

    def pull(self, stream, since):
        if stream not in self.streams():
            raise Unsupported(f"no {stream}", remedy="put some")
        start = self.start(since)
        yield from self.pages(stream, start, first=start == 0)

    def pages(self, stream, start, first):
        while entries := self.next_entries(stream, start):
            start = entries[-1][0] + 1
            yield replace(self.page(stream, entries, self.cursor(start)), first=first)
            first = False

    def start(self, since):
        if not since:
            return 0
        try:
            return int(json.loads(since)["memory"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadCursor("foreign", remedy="pull in full") from error

    def cursor(self, start):
        return json.dumps({"memory": start})

    def next_entries(self, stream, start):
        """(number, id, record) of the next page: what each record is now, and whole orders."""
        newest = {(kind, key): number for number, (kind, key, _) in enumerate(self.world.journal)}
        entries = [
            (number, key, record)
            for number, (kind, key, record) in enumerate(self.world.journal)
            if number >= start and kind == stream and newest[kind, key] == number
        ]
        end = PAGE
        while end < len(entries) and entries[end][1][0] == entries[end - 1][1][0]:
            end += 1
        return entries[:end]

    def page(self, stream, entries, cursor):
        there = [record for _, _, record in entries if record is not None]
        left = [key[0] if isinstance(key, tuple) else key for _, key, record in entries if record is None]
        merged = {one: self.world.parts[one] for one in left if one in self.world.parts}
        rows, rejects = self.translated(stream, self.raw(there))
        return Page(stream, rows, rejects, cursor, [one for one in left if one not in merged], merged)

    def raw(self, records):
        names = list(dict.fromkeys(name for record in records for name in record))
        return pa.table({name: pa.array([plain(row.get(name)) for row in records], pa.string()) for name in names})

    def translated(self, stream, raw):
        names = ("order_id", "line_id") if stream is Stream.ORDERS else raw.column_names[:1]
        return translate(
            stream, AS_THEY_ARE, raw, lambda row: f"{stream} {' '.join(raw[name][row].as_py() for name in names)}"
        )

    def push(self, updates):
        for update in updates:
            held = self.world.fields.setdefault(update.customer_id, {})
            held |= {name: str(value) for name, value in update.values.items()}
            for name in [name for name, value in update.values.items() if value is None]:
                del held[name]
            yield PushResult(update.customer_id, "sent")


def identity(record):
    if "order_id" in record:
        return record["order_id"], record["line_id"]
    return (record.get("id") or record["product_id"],)


def plain(value):
    return value.isoformat() if isinstance(value, datetime) else value


def world_of(adapter):
    world = Memory()
    world.open = lambda: adapter(world)
    return world


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_an_adapter_without_a_fault_passes(check):
    check(Memory())


def test_the_whole_suite_runs_on_one_world():
    checks.check_adapter(Memory())


# The faults, each as real adapters had them; what the rule says about it stands beside.


class NamesTooMany(Opened):
    def streams(self):
        return [*super().streams(), Stream.CUSTOMERS]


class ColumnTooMany(Opened):
    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        return replace(page, rows=page.rows.append_column("extra", page.rows.column(0)))


class OtherStream(Opened):
    def page(self, stream, entries, cursor):
        return replace(super().page(stream, entries, cursor), stream=Stream.EVENTS)


class TimeAlone(Opened):
    """`updated > last`: of 300 customers with 12 times it saw 120."""

    def next_entries(self, stream, start):
        entries = super().next_entries(stream, start)
        times = {str(record and record.get("updated_at")) for _, _, record in self.world.journal[:start]}
        return [entry for entry in entries if entry[2] is None or str(entry[2].get("updated_at")) not in times]


class ReadsBorderTwice(Opened):
    """`updated >= last`: the last record of a page is the first of the next one."""

    def pages(self, stream, start, first):
        for page in super().pages(stream, start, first):
            yield page
            yield replace(page, rows=page.rows.slice(page.rows.num_rows - 1))


class AlwaysFirst(Opened):
    def pages(self, stream, start, first):
        return (replace(page, first=True) for page in super().pages(stream, start, first))


class FirstOfEachPull(Opened):
    def pages(self, stream, start, first):
        return super().pages(stream, start, True)


class CursorOfTheStart(Opened):
    """The cursor stands before its page, not behind it."""

    def pages(self, stream, start, first):
        for page in super().pages(stream, start, first):
            yield replace(page, cursor=self.cursor(start))
            start = self.start(page.cursor)


class CursorOnePageAhead(Opened):
    """The cursor counts a page that was only read ahead."""

    def page(self, stream, entries, cursor):
        return super().page(stream, entries, self.cursor(self.start(cursor) + PAGE))


class NeverEnds(Opened):
    """Behind the last page it starts again, with a cursor that looks new."""

    turn = itertools.count()

    def cursor(self, start):
        return json.dumps({"memory": start % len(self.world.journal), "turn": next(self.turn)})


class NoCursor(Opened):
    def cursor(self, start):
        return None


class CursorIsNoJson(Opened):
    def cursor(self, start):
        return f"page {start}"

    def start(self, since):
        return int(since.split()[1]) if since else 0


class ForeignIsStart(Opened):
    def start(self, since):
        try:
            return super().start(since)
        except BadCursor:
            return 0


class RemembersItself(Opened):
    """Where it stands is kept in the adapter, not in the cursor."""

    def __init__(self, world):
        super().__init__(world)
        self.known = 0

    def pages(self, stream, start, first):
        for page in super().pages(stream, max(start, self.known), first):
            self.known = self.start(page.cursor)
            yield page


class AlwaysEverything(Opened):
    """Calls itself incremental, and pulls every contact each time."""

    def next_entries(self, stream, start):
        if start >= len(self.world.journal):
            start = 0 if self.turns.pop() else start
        return super().next_entries(stream, start)

    def pull(self, stream, since):
        self.turns = [False, True] if since else [False]
        return super().pull(stream, since)


class BlindForLate(Opened):
    """Asks for newer times only: a record written late, at the time of the last one, stays unseen."""

    def next_entries(self, stream, start):
        entries = super().next_entries(stream, start)
        seen = {str(record and record.get("updated_at")) for _, _, record in self.world.journal[:start]}
        return [entry for entry in entries if "late" not in entry[1][0] or str(entry[2].get("updated_at")) not in seen]


class Snapshot(Opened):
    """Pages of what was there at the start, with the cursor of what is there at the end."""

    def pages(self, stream, start, first):
        pages = list(super().pages(stream, start, first))
        for page in pages[:-1]:
            yield page
        for page in pages[-1:]:
            yield replace(page, cursor=self.cursor(len(self.world.journal)))


class FollowsTheFuture(Opened):
    """The cursor is the newest time seen, wherever that lies."""

    def next_entries(self, stream, start):
        seen = [record["updated_at"] for _, _, record in self.world.journal[:start] if "updated_at" in (record or {})]
        entries = super().next_entries(stream, start)
        return [entry for entry in entries if not seen or entry[2]["updated_at"] >= max(seen)]


class DropsBad(Opened):
    def page(self, stream, entries, cursor):
        return replace(super().page(stream, entries, cursor), rejects=())


class StopsAtBad(Opened):
    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        return replace(page, rows=page.rows.slice(0, 1 if page.rejects else None))


class CountsPlaces(Opened):
    """The place is a counter of the process, so that the same record stands somewhere else the next time."""

    numbers = itertools.count()

    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        return replace(page, rejects=[replace(reject, place=f"no {next(self.numbers)}") for reject in page.rejects])


class OnePlace(Opened):
    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        return replace(page, rejects=[replace(reject, place="the system") for reject in page.rejects])


class NoDetail(Opened):
    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        return replace(page, rejects=[Reject(reject.place, reject.reason, "", "") for reject in page.rejects])


class AlwaysCents(Opened):
    def translated(self, stream, raw):
        rows, rejects = super().translated(stream, raw)
        for name in {"price_minor", "unit_price_minor"} & set(rows.column_names):
            hundred = pc.if_else(pc.equal(rows["currency"], "JPY"), 100, 1)
            place = rows.column_names.index(name)
            rows = rows.set_column(place, rows.schema.field(name), pc.multiply(rows[name], hundred))
        return rows, rejects


class AsciiOnly(Opened):
    def raw(self, records):
        ascii_only = [
            {k: v.encode("ascii", "ignore").decode() if isinstance(v, str) else v for k, v in r.items()}
            for r in records
        ]
        return super().raw(ascii_only)


class LocalTime(Opened):
    """The zone is cut off, and the shop's time taken for UTC."""

    def raw(self, records):
        cut = [{k: re.sub(r"[+-]\d\d:00$", "", v) if k == "placed_at" else v for k, v in r.items()} for r in records]
        return super().raw(cut)


class NoGuests(Opened):
    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        if stream is not Stream.ORDERS:
            return page
        return replace(page, rows=page.rows.filter(pc.is_valid(page.rows["customer_id"])))


class TearsOrders(Opened):
    def next_entries(self, stream, start):
        return super().next_entries(stream, start)[:PAGE]


class LineIsOrder(Opened):
    """The key is the order's id alone: of the lines behind a page's end none comes."""

    def next_entries(self, stream, start):
        seen = {key[0] for _, key, _ in self.world.journal[:start]}
        return [entry for entry in super().next_entries(stream, start)[:PAGE] if entry[1][0] not in seen]


class AbsentIsEmpty(Opened):
    def pull(self, stream, since):
        return super().pull(stream, since) if stream in self.streams() else iter(())


class NeverGone(Opened):
    def page(self, stream, entries, cursor):
        return replace(super().page(stream, entries, cursor), gone=())


class MergedIsGone(Opened):
    """Says of who was made part of another no more than that the record is gone."""

    def page(self, stream, entries, cursor):
        page = super().page(stream, entries, cursor)
        return replace(page, gone=[*page.gone, *page.merged], merged={})


class FewResults(Opened):
    def push(self, updates):
        return itertools.islice(super().push(updates), 50)


class SaysSent(Opened):
    def push(self, updates):
        return (PushResult(update.customer_id, "sent") for update in updates)


class ReplacesCustomer(Opened):
    def push(self, updates):
        for update in updates:
            self.world.fields.pop(update.customer_id, None)
        return super().push(updates)


class ReplacesAll(Opened):
    def push(self, updates):
        if updates:
            self.world.fields.clear()
        return super().push(updates)


class ColumnsOfTheFirst(Opened):
    """A bulk file takes its columns from the first record: fields that only others name are never written."""

    def push(self, updates):
        names = set(updates[0].values) if updates else set()
        cut = [replace(u, values={name: value for name, value in u.values.items() if name in names}) for u in updates]
        return super().push(cut)


class KeepsCleared(Opened):
    def push(self, updates):
        kept = [replace(u, values={k: v for k, v in u.values.items() if v is not None}) for u in updates]
        return super().push(kept)


class WritesNone(Opened):
    def push(self, updates):
        for update in updates:
            held = self.world.fields.setdefault(update.customer_id, {})
            held |= {name: str(value) for name, value in update.values.items()}
            yield PushResult(update.customer_id, "sent")


class AddsUp(Opened):
    def push(self, updates):
        for update in updates:
            held = self.world.fields.setdefault(update.customer_id, {})
            for name, value in update.values.items():
                held[name] = str(int(held.get(name, 0)) + value) if isinstance(value, int) else value
            yield PushResult(update.customer_id, "sent")


class AsciiPush(Opened):
    def push(self, updates):
        ascii_only = [
            replace(u, values={k: str(v).encode("ascii", "replace").decode() for k, v in u.values.items()})
            for u in updates
        ]
        return super().push(ascii_only)


FAULTS = [
    (NamesTooMany, checks.check_streams, "streams: .* are named"),
    (ColumnTooMany, checks.check_schema, "schema: .*extra"),
    (OtherStream, checks.check_schema, "a page of events came when customers was asked for"),
    (TimeAlone, checks.check_page_borders, "page borders"),
    (ReadsBorderTwice, checks.check_page_borders, "page borders: 4 of 31 records are doubled"),
    (AlwaysFirst, checks.check_first_page, "first page: `first` is not on it alone"),
    (FirstOfEachPull, checks.check_first_page, "first page: a page after a cursor says that it is the first"),
    (CursorOfTheStart, checks.check_restart, "restart: the cursor behind a page stands still"),
    (CursorOnePageAhead, checks.check_restart, "restart: 1. of 31 records are lost"),
    (NeverEnds, checks.check_restart, "restart: there is no end after 200 pages"),
    (NoCursor, checks.check_cursors, "cursors: a page has none"),
    (CursorIsNoJson, checks.check_cursors, "cursors: 'page 10' is not JSON"),
    (ForeignIsStart, checks.check_foreign_cursor, "foreign cursor: 'not a cursor' is no BadCursor, but gave 1 pages"),
    (RemembersItself, checks.check_full_pull, "full pull: 31 of 31 records are lost"),
    (AlwaysEverything, checks.check_second_pull, "second pull: nothing changed, but .* came again"),
    (BlindForLate, checks.check_second_pull, "second pull: a record that came late"),
    (Snapshot, checks.check_change_while_paging, "change while paging: a record that changed behind the pull is lost"),
    (FollowsTheFuture, checks.check_future_date, "future date: .* is hidden by it"),
    (DropsBad, checks.check_bad_record, "bad record: 2 records are bad, 0 are rejected"),
    (StopsAtBad, checks.check_bad_record, "bad record: of the good ones: 2 of 3 records are lost"),
    (CountsPlaces, checks.check_bad_record, "bad record: its place is .*, and then"),
    (OnePlace, checks.check_bad_record, "bad record: two stand at the same place"),
    (NoDetail, checks.check_bad_record, "is not whole"),
    (AlwaysCents, checks.check_money, "money: the price of a product, 1980 JPY, is 198000, not 1980"),
    (AsciiOnly, checks.check_odd_texts, "odd texts: .* arrives as"),
    (LocalTime, checks.check_times, "times: 2026-01-05T12:00:00.02:00 arrives as 2026-01-05 12:00:00"),
    (NoGuests, checks.check_guest_order, "guest order: an order without a customer is dropped"),
    (LineIsOrder, checks.check_whole_orders, "whole orders: .* records are lost: o.* line"),
    (TearsOrders, checks.check_whole_orders, "whole orders: the lines of .* are torn apart by the end of a page"),
    (AbsentIsEmpty, checks.check_absent_stream, "absent stream: .* yet pulling it is not refused"),
    (NeverGone, checks.check_deletion, "deletion: '1' is deleted, but .* are told to be gone"),
    (MergedIsGone, checks.check_merge, "merge: '1' is part of '2', but {} is told"),
    (FewResults, checks.check_push_results, "push: 100 updates have 50 results"),
    (SaysSent, checks.check_push_results, "push: said to be sent, but not there"),
    (ReplacesCustomer, checks.check_push_named_fields, "push of one field"),
    (ReplacesAll, checks.check_push_named_fields, "push of one field"),
    (ColumnsOfTheFirst, checks.check_push_mixed_fields, "push of mixed fields"),
    (KeepsCleared, checks.check_push_clear, "push of None"),
    (WritesNone, checks.check_push_clear, "push of None"),
    (AddsUp, checks.check_push_again, "push again"),
    (AsciiPush, checks.check_push_odd_texts, "push of odd texts"),
]


@pytest.mark.parametrize(("fault", "check", "words"), FAULTS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_fault_is_caught_by_its_rule_and_named(fault, check, words):
    with pytest.raises(AssertionError, match=words):
        check(world_of(fault))


def test_every_rule_catches_a_fault():
    assert {check for _, check, _ in FAULTS} == set(checks.CHECKS)


def test_deletions_are_not_asked_of_a_system_that_does_not_tell_them():
    world = world_of(NeverGone)
    world.tells_deletions = False
    checks.check_deletion(world)


def test_merges_are_not_asked_of_a_system_that_does_not_tell_them():
    world = world_of(MergedIsGone)
    world.tells_merges = False
    checks.check_merge(world)
