"""What Klaviyo answers wrongly, in any stream, ends in words or is asked for again; nothing is lost or endless."""

import json
from itertools import count, cycle

import httpx
import pytest

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import BadCursor, BadSource, Denied, SourceMissing, Unreachable
from crm_adapters.records import Stream
from tests.crm_adapters.klaviyo.fake import HOST, reply

CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
LISTS = {CUSTOMERS: "/api/profiles", PRODUCTS: "/api/catalog-items", ORDERS: "/api/events"}
BROKEN = {
    "cut short": {"status_code": 200, "content": b'{"data": [{"type": "pro'},
    "html": {"status_code": 200, "html": "<h1>Sign in</h1>"},
    "502": {"status_code": 502, "html": "<h1>Bad gateway</h1>"},
}
broken = pytest.mark.parametrize("given", BROKEN.values(), ids=BROKEN)
every_stream = pytest.mark.parametrize("stream", LISTS)


@pytest.fixture
def filled(world):
    """Three records of each kind, each seven minutes after the one before; the witness lets spoilt answers pass."""
    world.witness.strict = False
    for number in range(3):
        at = f"2026-01-05T10:{number * 7:02}:00+00:00"
        world.put(CUSTOMERS, [{"id": f"c{number}", "email": f"{number}@example.com", "updated_at": at}])
        price = {"title": "Tea", "price": "1.50", "currency": "EUR"}
        world.put(PRODUCTS, [{"id": f"c{number}", "updated_at": at, **price}])
        own = {"order_id": f"c{number}", "line_id": "1", "customer_id": "c1", "product_id": "c1", "placed_at": at}
        world.put(ORDERS, [{**own, "quantity": "1", "unit_price": "1.50", "currency": "EUR"}])
    return world


def ids(pages, stream):
    return [one for page in pages for one in page.rows["order_id" if stream is ORDERS else "id"].to_pylist()]


def spoiling(world, path, spoil):
    """From now on, what is answered under a path is changed, or is what `spoil` gives in its place."""

    def trouble(request, answer):
        usual = answer(request)
        if request.url.path != path:
            return usual
        told = json.loads(usual.content)
        instead = spoil(told)
        return instead if isinstance(instead, httpx.Response) else reply(told)

    world.fake.troubles = [trouble] * 60


@broken
@every_stream
def test_what_is_broken_is_asked_for_again_and_in_the_end_told_and_the_next_pull_goes_on(filled, stream, given):
    pages = filled.open(page_records=1).pull(stream, None)
    first = next(pages)
    spoiling(filled, LISTS[stream], lambda _: httpx.Response(**given))
    with pytest.raises(Unreachable, match="try again later"):
        list(filled.open(page_records=1).pull(stream, first.cursor))
    filled.fake.troubles = filled.fake.troubles[:1]
    assert ids(filled.open(page_records=1).pull(stream, None), stream) == ["c0", "c1", "c2"]


@broken
@pytest.mark.parametrize("before", [0, 1], ids=["the job", "the look at it"])
def test_a_push_whose_answer_is_broken_is_sent_again_and_in_the_end_told(filled, before, given):
    spoilt = lambda request, answer: httpx.Response(**given)  # noqa: E731
    usual = lambda request, answer: answer(request)  # noqa: E731
    filled.fake.troubles = [*[usual] * before, spoilt]
    assert [each.status for each in filled.open().push([FieldUpdate("c1", {"pick": "Tea"})])] == ["sent"]
    filled.fake.troubles = [*[usual] * before, *[spoilt] * 60]
    with pytest.raises(Unreachable, match="try again later"):
        list(filled.open().push([FieldUpdate("c1", {"pick": "Oil"})]))


@pytest.mark.parametrize(
    ("scope", "stream"), [("catalogs:read", PRODUCTS), ("metrics:read", ORDERS), ("events:read", ORDERS)]
)
def test_a_key_that_may_not_read_a_stream_is_denied(filled, scope, stream):
    filled.fake.scopes.discard(scope)
    with pytest.raises(Denied, match="give the token the scope"):
        list(filled.open().pull(stream, None))


@pytest.mark.parametrize("cursor", ["x", "[]", "{}", '{"v": 2}'])
@every_stream
def test_a_damaged_cursor_is_refused(filled, stream, cursor):
    with pytest.raises(BadCursor, match="--full"):
        list(filled.open().pull(stream, cursor))


@pytest.mark.parametrize(
    "links",
    [lambda: cycle(["a"]), lambda: cycle(["a", "b"]), lambda: map(str, count())],
    ids=["itself", "each other", "ever new places"],
)
@pytest.mark.parametrize("path", [*LISTS.values(), "/api/metrics"])
def test_pages_that_never_end_are_told(filled, path, links):
    names = links()
    kept = {}

    def pointing_on(request, answer):
        if request.url.path != path:
            return answer(request)
        if not kept:
            kept.update(json.loads(answer(request).content))
        return reply({**kept, "links": {"next": f"{HOST}{path}?page%5Bcursor%5D={next(names)}"}})

    filled.fake.troubles = [pointing_on] * 60
    stream = next((stream for stream, each in LISTS.items() if each == path), ORDERS)
    with pytest.raises(BadSource, match=f"the same page of {path} comes again and again; try again later"):
        list(filled.open().pull(stream, None))
    assert len(filled.fake.requests) < 8


def test_errors_of_a_push_that_never_end_are_told(filled):
    filled.fake.bad["c1"] = "Invalid property."
    path = "/api/profile-bulk-import-jobs/job1/import-errors"
    spoiling(filled, path, lambda told: told.update(links={"next": f"{HOST}{path}"}))
    with pytest.raises(BadSource, match="comes again and again"):
        list(filled.open().push([FieldUpdate("c1", {"pick": "Tea"})]))


@pytest.mark.parametrize(
    ("stream", "name", "column"),
    [(CUSTOMERS, "email", "email"), (CUSTOMERS, "subscriptions", "consent"), (PRODUCTS, "title", "title")],
)
def test_a_field_that_vanishes_is_named_and_nothing_is_overwritten(filled, stream, name, column):
    spoiling(filled, LISTS[stream], lambda told: [each["attributes"].pop(name) for each in told["data"]])
    with pytest.raises(SourceMissing, match=f"Klaviyo tells no '{column}' of {stream}.*nothing was overwritten"):
        list(filled.open().pull(stream, None))


def test_a_field_that_becomes_another_kind_of_thing_is_named(filled):
    spoiling(filled, LISTS[PRODUCTS], lambda told: [each["attributes"].update(title={}) for each in told["data"]])
    with pytest.raises(SourceMissing, match="Klaviyo tells no 'title' of products, or no plain value of it"):
        list(filled.open().pull(PRODUCTS, None))


@pytest.mark.parametrize(
    ("stream", "spoil"),
    [
        (CUSTOMERS, lambda told: told.update(data=["c1"])),
        (CUSTOMERS, lambda told: told.update(links=["x"])),
        (CUSTOMERS, lambda told: told["data"][0].pop("id")),
        (CUSTOMERS, lambda told: told["data"][0]["attributes"].update(updated=["2026"])),
        (PRODUCTS, lambda told: told.update(included=7)),
        (PRODUCTS, lambda told: told["data"][0].update(relationships="none")),
        (ORDERS, lambda told: told["data"][0].pop("attributes")),
        (ORDERS, lambda told: told["data"][0]["attributes"].update(event_properties="Tea")),
    ],
)
def test_an_answer_of_another_form_is_told(filled, stream, spoil):
    spoiling(filled, LISTS[stream], spoil)
    with pytest.raises(BadSource, match=r"Klaviyo answers in another form than expected: .*; see whether"):
        list(filled.open().pull(stream, None))


def test_a_job_of_another_form_is_told_and_nobody_is_said_to_be_written(filled):
    spoiling(filled, "/api/profile-bulk-import-jobs", lambda told: told["data"].pop("attributes"))
    with pytest.raises(BadSource, match="another form than expected: it lacks 'attributes'"):
        list(filled.open().push([FieldUpdate("c1", {"pick": "Tea"})]))
