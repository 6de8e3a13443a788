"""Very many customers come by one job, go on where a kill cut it, and miss nothing that changed meanwhile."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from crm_adapters.errors import BadCursor, BadSource, Unreachable
from crm_adapters.records import Stream
from tests.crm_adapters.salesforce.parts import identity

THEN = datetime(2026, 1, 5, 9, tzinfo=UTC)
BEGAN = datetime(2026, 1, 5, 10, 0, 7, tzinfo=UTC)  # as the org's clock says
CUSTOMERS, ORDERS = Stream.CUSTOMERS, Stream.ORDERS
JOBS = "/jobs/query"


@pytest.fixture
def many(org):
    """Contacts 1 to 25, one of them deleted, one with odd texts."""
    for number in range(1, 26):
        org.put("Contact", number, {"Email": f"{number}@example.com"}, THEN)
    org.delete("Contact", identity("Contact", 25), THEN)
    org.put("Contact", 24, {"Email": "24@example.com", "FirstName": 'Zoë "日本", \U0001f375', "LastName": "a\nb"}, THEN)
    return org


def opening(opened, piece=10):
    adapter = opened(bulk_from=20)
    adapter.bulk_piece = piece
    return adapter


def ids(pages):
    return [one for page in pages for one in page.rows["id"].to_pylist()]


def wanted(*numbers):
    return sorted(identity("Contact", number) for number in numbers)


def test_many_are_read_by_a_job_and_few_are_not(many, opened):
    few = list(opened(bulk_from=26).pull(CUSTOMERS, None))
    assert not many.calls(JOBS)
    pages = list(opening(opened).pull(CUSTOMERS, None))
    assert sorted(ids(pages)) == sorted(ids(few)) == wanted(*range(1, 25))
    assert [one for page in pages for one in page.gone] == wanted(25)
    assert [page.first for page in pages] == [True] + [False] * 3
    assert (pages[0].total, [len(page.ids) for page in pages]) == (25, [0, 9, 10, 5])
    assert many.bodies(JOBS) == [{"operation": "queryAll", "query": many.bodies(JOBS)[0]["query"]}]
    assert "ORDER BY" not in many.bodies(JOBS)[0]["query"]


def test_a_record_is_the_same_by_a_job_and_without_one(many, opened):
    few, bulk = (list(adapter.pull(CUSTOMERS, None)) for adapter in (opened(), opening(opened)))
    rows = [{row["id"]: row for page in pages for row in page.rows.to_pylist()} for pages in (few, bulk)]
    assert rows[0] == rows[1]
    assert rows[0][identity("Contact", 24)]["first_name"] == 'Zoë "日本", \U0001f375'


def test_killed_behind_any_piece_it_goes_on_with_the_same_job(many, opened):
    cursor, found = None, []
    for _ in range(10):
        page = next(iter(opening(opened, 4).pull(CUSTOMERS, cursor)), None)
        if page is None:
            break
        found.append(page)
        cursor = page.cursor
    assert sorted(ids(found)) == wanted(*range(1, 25))
    assert len(many.jobs) == 1


def test_what_changed_while_the_job_was_read_comes_behind_it(many, opened):
    pages = opening(opened).pull(CUSTOMERS, None)
    found = [next(pages), next(pages)]
    many.put("Contact", 3, {"Email": "new@example.com"}, BEGAN + timedelta(seconds=1))
    many.put(
        "Contact", 99, {"Email": "99@example.com"}, BEGAN - timedelta(minutes=4)
    )  # was being written when it began
    found += list(pages)
    last = {row["id"]: row["email"] for page in found for row in page.rows.to_pylist()}
    assert sorted(last) == wanted(*range(1, 25), 99)
    assert last[identity("Contact", 3)] == "new@example.com"
    assert list(opened().pull(CUSTOMERS, found[-1].cursor)) == []


def test_a_later_pull_asks_for_what_changed_and_begins_no_job(many, opened):
    cursor = list(opening(opened).pull(CUSTOMERS, None))[-1].cursor
    many.requests.clear()
    assert list(opening(opened).pull(CUSTOMERS, cursor)) == []
    assert [path for _, path in many.calls()] == ["/services/data/v64.0/queryAll"]


def test_orders_are_never_read_by_a_job_as_it_knows_no_lines(many, opened):
    for number in range(30):
        many.put("Order", number, {"EffectiveDate": "2026-01-05"}, THEN)
    list(opening(opened).pull(ORDERS, None))
    assert not many.calls(JOBS)


def test_a_job_is_looked_at_ever_more_rarely_and_left_to_the_next_pull_after_an_hour(many, opened, clock):
    many.looks = 1_000
    pages = opening(opened).pull(CUSTOMERS, None)
    first = next(pages)
    with pytest.raises(Unreachable, match="the next pull goes on with it"):
        next(pages)
    assert clock.waits[:6] == [2, 4, 8, 16, 30, 30]
    assert 3_600 <= sum(clock.waits) < 3_700
    next(iter(many.jobs.values()))["looks"] = 1
    assert sorted(ids(opening(opened).pull(CUSTOMERS, first.cursor))) == wanted(*range(1, 25))
    assert len(many.jobs) == 1


def test_a_job_that_is_not_kept_any_more_is_told(many, opened):
    first = next(opening(opened).pull(CUSTOMERS, None))
    many.jobs.clear()
    with pytest.raises(BadCursor, match="--full"):
        list(opening(opened).pull(CUSTOMERS, first.cursor))


@pytest.mark.parametrize(("state", "words"), [("Failed", "InvalidBatch"), ("Aborted", "Aborted")])
def test_a_job_that_failed_is_told_in_salesforces_words(many, opened, state, words):
    pages = opening(opened).pull(CUSTOMERS, None)
    next(pages)
    next(iter(many.jobs.values()))["state"] = state
    with pytest.raises(BadSource, match=f"came to nothing .{words}.*--full"):
        next(pages)


def test_a_piece_that_was_cut_short_is_not_taken_for_a_whole_one(many, opened):
    pages = opening(opened).pull(CUSTOMERS, None)
    next(pages)
    next(pages)

    def cut(answer):
        status, headers, text = many.results({"maxRecords": "10", "locator": "a"}, None, next(iter(many.jobs)))
        return httpx_answer(status, headers, "\n".join(text.splitlines()[:5]))

    many.troubles = [cut]
    with pytest.raises(Unreachable, match="4 of 10 records of a piece"):
        next(pages)


def httpx_answer(status, headers, text):
    import httpx

    return httpx.Response(status, headers={**headers, "content-type": "text/csv"}, text=text)


@pytest.mark.parametrize(
    "damage", [{"v": 2}, {"mapped": 7}, {"job": ["750"]}, {"job": 3}, {"job": ["750", "soon", ""]}, {"v": None}]
)
def test_a_damaged_cursor_is_refused(many, opened, damage):
    told = json.loads(next(opening(opened).pull(CUSTOMERS, None)).cursor)
    with pytest.raises(BadCursor):
        list(opening(opened).pull(CUSTOMERS, json.dumps(told | damage)))


@pytest.mark.parametrize("locators", ["aa", "abab"], ids=["itself", "each other"])
def test_pieces_that_never_end_are_told(many, opened, locators):
    pages = opening(opened).pull(CUSTOMERS, None)
    next(pages)
    _, headers, text = many.results({"maxRecords": "10"}, None, next(iter(many.jobs)))
    pieces = [httpx_answer(200, {**headers, "sforce-locator": each}, text) for each in locators]
    many.troubles = [None, None, *[lambda _, each=each: each for each in pieces * 20]]
    with pytest.raises(BadSource, match="the same page again and again; try again later; nothing is lost"):
        list(pages)
    assert len(many.calls("/results")) <= 3


@pytest.mark.parametrize("name", ["Id", "IsDeleted"])
def test_a_piece_without_a_column_that_is_needed_is_told(many, opened, name):
    pages = opening(opened).pull(CUSTOMERS, None)
    next(pages)
    _, headers, text = many.results({"maxRecords": "10"}, None, next(iter(many.jobs)))
    many.troubles = [None, None, lambda _: httpx_answer(200, headers, text.replace(f'"{name}"', '"Other"', 1))]
    with pytest.raises(BadSource, match=f"another form than expected: it lacks '{name}'"):
        list(pages)
