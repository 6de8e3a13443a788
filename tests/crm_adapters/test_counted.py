"""A list that is counted by place is read whole, whatever moves up in it meanwhile, and reading it comes to an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.counted import walk
from crm_adapters.errors import BadSource


class List:
    """Records in an order, of which some go, and some are hidden; it counts how often it was asked."""

    def __init__(self, count, tells_total=True, hidden=()):
        self.records, self.tells_total, self.hidden = list(range(count)), tells_total, set(hidden)
        self.asked, self.plan = [], []

    def ask(self, offset, size):
        self.asked.append(offset)
        for index in self.plan.pop(0) if self.plan else ():
            if index < len(self.records):
                self.records.pop(index)
        some = [{"id": one} for one in self.records[offset : offset + size] if one not in self.hidden]
        return some, len(self.records) if self.tells_total else None

    def read(self, size, **more):
        return [each["id"] for found, _ in walk(self.ask, lambda each: each["id"], size, **more) for each in found]


@given(st.integers(0, 60), st.integers(2, 9), st.booleans())
def test_what_stays_as_it_is_comes_once_with_one_call_a_page(count, size, tells_total):
    known = List(count, tells_total)
    assert known.read(size) == list(range(count))
    assert len(known.asked) <= 2 + count // (size - 1) + (2 if count == 1 else 0)


@given(
    st.integers(1, 60),
    st.integers(2, 9),
    st.booleans(),
    st.lists(st.lists(st.integers(0, 60), max_size=6), max_size=12),
)
def test_what_is_there_all_the_time_is_never_missed(count, size, tells_total, plan):
    known = List(count, tells_total)
    known.plan = plan
    read = known.read(size)
    assert set(known.records) <= set(read)
    assert len(known.asked) < 300


@given(st.integers(0, 60), st.integers(2, 9), st.sets(st.integers(0, 60)))
def test_hidden_records_end_no_list_whose_length_is_told(count, size, hidden):
    known = List(count, hidden=hidden)
    assert sorted(set(known.read(size))) == [one for one in range(count) if one not in hidden]
    assert len(known.asked) < 300


def test_it_goes_on_from_a_place_and_steps_back_only_as_far_as_something_was_read():
    known = List(100)
    assert known.read(10, offset=49, read=range(50)) == list(range(50, 100))
    assert known.asked[0] == 49
    known = List(100)
    known.records = [one for one in known.records if not 20 <= one < 25]
    assert known.read(10, offset=49, read=range(50)) == list(range(50, 100))
    assert known.asked[:2] == [49, 40]


@pytest.mark.parametrize(("total", "hidden"), [(30, 0), (None, 0), (30, 2)])
def test_a_page_that_comes_again_is_refused(total, hidden):
    asked = []

    def cached(offset, size):
        asked.append(offset)
        return [{"id": one} for one in range(size - hidden)], total

    with pytest.raises(BadSource, match="comes again and again"):
        list(walk(cached, lambda each: each["id"], 5))
    assert len(asked) <= 5
