"""A whole reading by a bulk operation: it goes on where it was, and what fails is told, never taken for the whole."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crm_adapters.errors import BadCursor, BadSource, Denied, Unreachable
from crm_adapters.records import Stream
from tests.crm_adapters.shopify.fake import FILES
from tests.crm_adapters.shopify.listing import gid
from tests.crm_adapters.shopify.world import World, line

CUSTOMERS, ORDERS = Stream.CUSTOMERS, Stream.ORDERS
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
LONG_AGO = THEN - timedelta(days=90)


@pytest.fixture
def world():
    return World(bulk_from=20)


def put_many(world, count=25, at=LONG_AGO):
    for number in range(count):
        world.customer(f"{number:04}", at)
    return [f"{number:04}" for number in range(count)]


def ids(pages):
    return [one for page in pages for one in page.rows["id"].to_pylist()]


def begun(fake):
    return fake.asked("bulkOperationRunQuery")


def fetched(fake):
    return [request for request in fake.requests if request.url.host == FILES]


def test_many_records_come_by_one_operation_and_few_by_pages(world, fake):
    few = put_many(world, 19)
    assert sorted(ids(world.open().pull(CUSTOMERS, None))) == few
    assert begun(fake) == []
    known, paged = put_many(world), len(fake.asked("UPDATED_AT"))
    pages = list(world.open().pull(CUSTOMERS, None))
    assert sorted(ids(pages)) == known
    assert [page.total for page in pages] == [25] * 3
    assert (len(begun(fake)), len(fetched(fake)), len(fake.asked("UPDATED_AT"))) == (1, 1, paged)


def test_parts_stand_with_their_record_where_there_are_any(world, fake):
    put_many(world)
    list(world.open().pull(CUSTOMERS, None))
    for number in range(25):
        world.order(f"{number}", LONG_AGO, lineItems=[line(1, "3"), line(2, "4")])
    pages = list(world.open().pull(ORDERS, None))
    assert [each["grouped"] for each in begun(fake)] == [False, True]
    assert sum(page.rows.num_rows for page in pages) == 50


def test_a_pull_that_is_killed_goes_on_in_the_same_file(world, fake):
    known = put_many(world, 45)
    cursor, found = None, []
    while page := next(iter(world.open().pull(CUSTOMERS, cursor)), None):
        assert page.first == (cursor is None)
        found += page.rows["id"].to_pylist()
        cursor = page.cursor
    assert sorted(found) == known
    assert len(begun(fake)) == 1


def test_a_result_that_stands_no_more_is_read_whole_again(world, fake):
    known = put_many(world)
    first = next(iter(world.open().pull(CUSTOMERS, None)))
    for end in ({"status": "EXPIRED"}, {"status": "COMPLETED", "url": None}):
        fake.ends = end
        fake.operations = {name: each for name, each in fake.operations.items() if name.endswith("1")}
        pages = list(world.open().pull(CUSTOMERS, first.cursor))
        assert [page.first for page in pages] == [True, *[False] * (len(pages) - 1)]
        assert sorted(ids(pages)) == known
    fake.forget_operations()
    assert sorted(ids(world.open().pull(CUSTOMERS, first.cursor))) == known


def test_what_changes_while_an_operation_runs_comes_with_the_next_pull(world, fake, clock):
    put_many(world)
    pages = world.open().pull(CUSTOMERS, None)
    first = next(pages)
    clock.time += 3_600
    world.customer("0007", THEN + timedelta(seconds=1), firstName="Changed")
    world.customer("new", THEN + timedelta(minutes=30))
    cursor = [first, *pages][-1].cursor
    after = list(world.open().pull(CUSTOMERS, cursor))
    assert ids(after) == ["0007", "new"]
    assert list(world.open().pull(CUSTOMERS, after[-1].cursor)) == []


def test_what_an_operation_brought_from_its_last_minutes_does_not_come_twice(world):
    put_many(world, 25, THEN - timedelta(minutes=1))
    world.customer("future", datetime(2099, 1, 1, tzinfo=UTC))
    pages = list(world.open().pull(CUSTOMERS, None))
    assert len(ids(pages)) == 26
    assert list(world.open().pull(CUSTOMERS, pages[-1].cursor)) == []


def test_what_was_written_late_at_a_time_before_an_operation_comes_with_the_next_pull(world):
    put_many(world)
    pages = list(world.open().pull(CUSTOMERS, None))
    world.customer("late", THEN - timedelta(minutes=4))
    assert ids(world.open().pull(CUSTOMERS, pages[-1].cursor)) == ["late"]


def test_a_file_is_not_read_further_than_it_is_asked_for(world, fake):
    put_many(world, 2_000)
    taken = []

    class Slow(httpx.SyncByteStream):
        def __init__(self, content):
            self.content = content

        def __iter__(self):
            for start in range(0, len(self.content), 1_000):
                taken.append(start)
                yield self.content[start : start + 1_000]

    def slowly(request, answer):
        return httpx.Response(200, stream=Slow(answer(request).content))

    fake.troubles = [None, None, None, None, slowly]
    pages = world.open().pull(CUSTOMERS, None)
    next(pages)
    assert 0 < len(taken) < 30
    assert len(ids(pages)) == 1_990


def test_it_waits_for_its_end_and_asks_less_and_less_often(world, fake, clock):
    put_many(world)
    fake.looks = 9
    assert len(ids(world.open().pull(CUSTOMERS, None))) == 25
    assert clock.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_it_waits_while_others_run(world, fake, clock):
    put_many(world)
    fake.busy, fake.looks = 3, 0
    assert len(ids(world.open().pull(CUSTOMERS, None))) == 25
    assert clock.waits == [1, 2, 4]
    fake.busy = 1_000
    with pytest.raises(Unreachable, match="busy with other bulk operations: A bulk query operation is in progress"):
        list(world.open().pull(CUSTOMERS, None))
    assert sum(clock.waits) < 2 * 3_600


@pytest.mark.parametrize(
    ("end", "error", "words"),
    [
        ({"status": "FAILED", "errorCode": "TIMEOUT"}, Unreachable, r"is FAILED \(TIMEOUT\); nothing is lost"),
        ({"status": "FAILED", "errorCode": "INTERNAL_SERVER_ERROR"}, Unreachable, "INTERNAL_SERVER_ERROR"),
        ({"status": "FAILED", "errorCode": "ACCESS_DENIED"}, Denied, "give the app the scopes"),
        ({"status": "CANCELED"}, Unreachable, r"is CANCELED \(no reason told\)"),
    ],
)
def test_an_operation_that_fails_is_told_at_once_and_its_part_is_not_taken(world, fake, clock, end, error, words):
    put_many(world)
    part = {"url": None, "partialDataUrl": f"https://{FILES}/part"}
    fake.ends = part | end
    with pytest.raises(error, match=words):
        list(world.open().pull(CUSTOMERS, None))
    assert (fetched(fake), clock.waits) == ([], [1.0])  # it ran when it was first looked at


def test_an_operation_without_end_is_given_up(world, fake, clock):
    put_many(world)
    fake.looks = 10**9
    with pytest.raises(Unreachable, match="is RUNNING"):
        list(world.open().pull(CUSTOMERS, None))
    assert sum(clock.waits) <= 24 * 3_600


def test_a_token_that_may_begin_no_operation_reads_pages(world, fake):
    known = put_many(world)
    refusal = {"errors": [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}]}
    fake.troubles = [None, lambda request, answer: httpx.Response(200, json=refusal)]
    assert sorted(ids(world.open().pull(CUSTOMERS, None))) == known
    assert fetched(fake) == []


def test_an_operation_that_is_refused_is_told(world, fake):
    put_many(world)
    told = {"bulkOperation": None, "userErrors": [{"code": "INVALID", "message": "No such field."}]}
    fake.troubles = [None, lambda *_: httpx.Response(200, json={"data": {"bulkOperationRunQuery": told}})]
    with pytest.raises(BadSource, match="refuses the bulk operation: No such field"):
        list(world.open().pull(CUSTOMERS, None))


@pytest.mark.parametrize("url", ["https://evil.example/x", "http://storage.googleapis.com/x"])
def test_a_file_elsewhere_is_not_fetched(world, fake, url):
    put_many(world)
    fake.ends = {"url": url}
    with pytest.raises(BadSource, match="has put a file at"):
        list(world.open().pull(CUSTOMERS, None))
    assert all(request.url.host == "tea.myshopify.com" for request in fake.requests)


@pytest.mark.parametrize("cut", [-1, 40])
def test_a_file_that_is_cut_short_is_told_and_gone_on_with_later(world, fake, cut):
    known = put_many(world)
    end = -300 if cut == 40 else None

    def short(request, answer):
        content = answer(request).content
        lines = content.splitlines(keepends=True)
        return httpx.Response(200, content=content[:end] if end else b"".join(lines[:-1]))

    fake.troubles = [None, None, None, None, short]
    pages = world.open().pull(CUSTOMERS, None)
    found = [next(pages)]
    with pytest.raises(Unreachable, match="cut short; nothing is lost"):
        found += pages
    assert len(found) == 1
    found += world.open().pull(CUSTOMERS, found[-1].cursor)
    assert sorted(ids(found)) == known


def test_parts_that_stand_apart_from_their_record_are_not_lost_in_silence(world, fake):
    for number in range(25):
        world.order(f"{number}", LONG_AGO, lineItems=[line(1, "3")])

    def scattered(request, answer):
        lines = answer(request).content.splitlines(keepends=True)
        return httpx.Response(200, content=b"".join(sorted(lines, key=lambda each: b"__parentId" in each)))

    fake.troubles = [None, None, None, None, scattered]
    with pytest.raises(BadSource, match="apart from it, at line 26"):
        list(world.open().pull(ORDERS, None))


@pytest.mark.parametrize(
    "change",
    [{"mapped": 1}, {"operation": 7}, {"records": "3"}, {"operation": None}],
)
def test_a_cursor_of_another_mapping_or_a_damaged_one_is_refused(world, change):
    put_many(world)
    first = next(iter(world.open().pull(CUSTOMERS, None)))
    cursor = json.dumps({**json.loads(first.cursor), **change})
    with pytest.raises(BadCursor, match="pull in full"):
        list(world.open().pull(CUSTOMERS, cursor))


def test_an_operation_that_finds_nothing_leaves_no_page(fake):
    world = World(bulk_from=0)
    assert list(world.open().pull(CUSTOMERS, None)) == []
    assert gid("BulkOperation", "1") in world.fake.operations
