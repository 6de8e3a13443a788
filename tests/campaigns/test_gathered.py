"""Pages are saved together: few transactions, nothing twice in one, and nothing that waits for long."""

import pyarrow as pa
import pytest

from campaigns import gathered as module
from campaigns.gathered import gathered
from crm_adapters.base import Page, Reject
from crm_adapters.errors import Unreachable
from crm_adapters.records import SCHEMAS, Stream


def page(*ids, cursor="c", stream=Stream.CUSTOMERS, **more):
    key = "order_id" if stream is Stream.ORDERS else "id"
    rows = pa.Table.from_pylist([{key: one} for one in ids], SCHEMAS[stream])
    return Page(stream, rows, cursor=cursor, **more)


def ids_of(pages):
    return [(each.rows["id"].to_pylist(), each.cursor) for each in pages]


def test_pages_come_together_with_the_cursor_of_the_last():
    told = [page("1", "2", cursor="a", ids=["1", "2", "x"]), page("3", cursor="b", gone=["9"], ids=["3"])]
    (joined,) = gathered(told)
    assert ids_of([joined]) == [(["1", "2", "3"], "b")]
    assert (joined.gone, joined.ids) == (["9"], ["1", "2", "x", "3"])


def test_so_many_records_are_enough(monkeypatch):
    monkeypatch.setattr(module, "RECORDS", 3)
    told = [page("1", "2", cursor="a"), page("3", cursor="b"), page("4", cursor="c")]
    assert ids_of(gathered(told)) == [(["1", "2", "3"], "b"), (["4"], "c")]


def test_nothing_waits_for_long():
    seconds = iter([0, 0, 0.5, 2, 2, 2.1, 2.2])
    told = [page("1", cursor="a"), page("2", cursor="b"), page("3", cursor="c")]
    assert ids_of(gathered(told, lambda: next(seconds))) == [(["1", "2"], "b"), (["3"], "c")]


@pytest.mark.parametrize("again", [page("1", cursor="b"), page("2", cursor="b", gone=["1"])])
def test_what_is_told_of_a_record_again_is_saved_after_what_was_told_before(again):
    assert [each.cursor for each in gathered([page("1", cursor="a"), again])] == ["a", "b"]


def test_bad_records_of_all_pages_are_kept():
    bad = [Reject(place, "bad_time", "no time", "{}") for place in ("customers 7", "customers 8")]
    (joined,) = gathered([page("1", rejects=bad[:1]), page("2", rejects=bad[1:])])
    assert joined.rejects == bad


def test_a_reading_that_begins_anew_stands_apart():
    told = list(gathered([page("1", cursor="a"), page("2", cursor="b", first=True), page("3", cursor="c")]))
    assert ids_of(told) == [(["1"], "a"), (["2", "3"], "c")]
    assert [each.first for each in told] == [False, True]


def test_a_page_without_records_is_not_kept_waiting():
    coming = gathered(iter([page("1", cursor="a"), page(cursor="b"), page("2", cursor="c")]))
    assert ids_of([next(coming)]) == [(["1"], "b")]


def test_what_came_before_a_system_broke_off_is_saved():
    def broken():
        yield page("1", cursor="a")
        yield page("2", cursor="b")
        raise Unreachable("it does not answer", remedy="try again")

    coming = gathered(broken())
    assert ids_of([next(coming)]) == [(["1", "2"], "b")]
    with pytest.raises(Unreachable):
        next(coming)


def test_no_pages_are_no_page():
    assert list(gathered([])) == []


def test_what_has_no_key_is_saved_as_it_comes():
    offers = pa.Table.from_pylist([{"product_id": "1"}], SCHEMAS[Stream.OFFERS])
    told = [Page(Stream.OFFERS, offers, cursor="a"), Page(Stream.OFFERS, offers, cursor="b")]
    assert [each.cursor for each in gathered(told)] == ["a", "b"]
