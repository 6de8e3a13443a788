"""What a list that is read whole tells: who is new, changed or gone, however often a reading is killed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.errors import BadCursor, BadSource
from crm_adapters.whole import Seen, Whole

LISTS = st.dictionaries(st.integers(1, 40), st.integers(0, 2**64 - 1), max_size=25)


def pages(records, size=4, after=0):
    """A list, number -> print, from a number on."""
    rows = [Seen(number, records[number], {"id": number}) for number in sorted(records) if number > after]
    cut = [rows[start : start + size] for start in range(0, len(rows), size)] or [[]]
    return [(part, number == len(cut) - 1) for number, part in enumerate(cut)]


def read(records, since=None, size=2):
    """Everything that one reading tells: the news, and the last cursor."""
    known = Whole.from_text(since, 7)
    news = list(known.follow(pages(records, after=known.at or 0), size))
    found = [record["id"] for each in news for record in each.records]
    return found, [int(one) for each in news for one in each.gone], news[-1].cursor if news else since


@given(LISTS, LISTS)
def test_a_second_reading_tells_the_difference_and_a_third_one_nothing(before, after):
    found, gone, cursor = read(before)
    assert (found, gone) == (sorted(before), [])
    found, gone, cursor = read(after, cursor)
    assert found == [number for number in sorted(after) if before.get(number) != after[number]]
    assert gone == (sorted(set(before) - set(after)) if after else [])  # who shows nothing at all hides it
    assert read(after, cursor) == ([], [], cursor)


@given(LISTS.filter(len), LISTS.filter(len), st.integers(0, 8))
def test_a_reading_that_is_killed_goes_on_and_loses_and_doubles_nothing(before, after, killed_after):
    _, _, cursor = read(before)
    known = Whole.from_text(cursor, 7)
    done = [news for _, news in zip(range(killed_after), known.follow(pages(after), 2), strict=False)]
    found = [record["id"] for news in done for record in news.records]
    gone = [int(one) for news in done for one in news.gone]
    cursor = done[-1].cursor if done else cursor
    for _ in range(2):
        more, left, cursor = read(after, cursor)
        found, gone = found + more, gone + left
    assert found == [number for number in sorted(after) if before.get(number) != after[number]]
    assert sorted(gone) == sorted(set(before) - set(after))
    assert read(after, cursor) == ([], [], cursor)


def test_a_hundred_thousand_records_are_known_in_less_than_a_megabyte():
    prints = {number: number * 2_654_435_761_000_003 % 2**64 for number in range(1, 100_001)}
    _, _, cursor = read(prints, size=10**6)
    assert len(cursor) < 1_000_000
    assert read(prints, cursor)[:2] == ([], [])


def test_what_a_list_stops_showing_amid_a_reading_is_hidden_rather_than_gone():
    before = dict.fromkeys(range(1, 31), 5)
    _, _, cursor = read(before)
    first = next(Whole.from_text(cursor, 7).follow(pages(dict.fromkeys(before, 6)), 2))
    found, gone, cursor = read({}, first.cursor)
    assert (found, gone) == ([], [])
    assert read(dict.fromkeys(range(1, 30), 6), cursor)[1] == [30]


def test_of_a_long_list_more_is_given_on_at_once_as_its_cursor_is_long():
    prints = dict.fromkeys(range(1, 3001), 5)
    news = list(Whole(7, {}).follow(pages(prints, size=10), 2))
    assert [len(each.records) for each in news[:3]] == [10, 10, 10]
    assert len(news[-2].records) == 30
    assert len(news) < 200


def test_numbers_that_do_not_ascend_are_refused():
    rows = [Seen(2, 1, {}), Seen(1, 1, {})]
    with pytest.raises(BadSource, match="not in the order of its numbers: 1 comes too late"):
        list(Whole(7, {}).follow([(rows, True)], 2))


@pytest.mark.parametrize(
    "spoil",
    [{"v": 2}, {"mapped": 8}, {"numbers": "?"}, {"prints": "AAAA"}, {"prints": 5}, {"at": "x"}, {"numbers": "AAAA"}],
)
def test_a_cursor_of_something_else_is_refused(spoil):
    _, _, cursor = read({1: 5, 2: 6})
    with pytest.raises(BadCursor, match="--full"):
        Whole.from_text(json.dumps({**json.loads(cursor), **spoil}), 7)
