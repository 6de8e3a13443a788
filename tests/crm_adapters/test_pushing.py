"""Batches that a system takes, and the way around those that it refuses."""

import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.base import FieldUpdate, PushResult
from crm_adapters.errors import BatchRefused, Denied, Unreachable
from crm_adapters.pushing import AROUND_BYTES, batches, push_all


class Contacts:
    """A system that takes a batch whole or not at all, and does not say for whose sake."""

    name = "contacts"

    def __init__(self, bad=(), max_batch=50, max_bytes=10**6):
        self.bad, self.max_batch, self.max_bytes = set(bad), max_batch, max_bytes
        self.batches, self.taken = [], {}

    def push(self, updates):
        self.batches.append([update.customer_id for update in updates])
        if self.bad & {*self.batches[-1]}:
            raise BatchRefused(f"400: one of {len(updates)} is bad")
        for update in updates:
            self.taken[update.customer_id] = update.values
            yield PushResult(update.customer_id, "sent")


def updates_of(ids):
    return [FieldUpdate(str(one), {"pick": f"tea {one}"}) for one in ids]


def results_of(system, updates):
    return [result for results in push_all(system, updates) for result in results]


def test_nothing_to_push_is_no_call():
    system = Contacts()
    assert (results_of(system, []), system.batches) == ([], [])


def test_updates_go_in_batches_and_in_order():
    system = Contacts(max_batch=2)
    assert [len(results) for results in push_all(system, updates_of(range(5)))] == [2, 2, 1]
    assert system.batches == [["0", "1"], ["2", "3"], ["4"]]


@given(count=st.integers(0, 60), max_batch=st.integers(1, 20), data=st.data())
def test_exactly_the_bad_ones_are_rejected_and_all_others_sent(count, max_batch, data):
    ids = [str(one) for one in range(count)]
    bad = data.draw(st.sets(st.sampled_from(ids)) if ids else st.just(set()))
    system = Contacts(bad, max_batch)
    results = results_of(system, updates_of(ids))
    assert [result.customer_id for result in results] == ids
    assert {result.customer_id for result in results if result.status == "rejected"} == bad
    assert all(result.message == "400: one of 1 is bad" for result in results if result.status == "rejected")
    assert system.taken.keys() == {*ids} - bad
    whole = math.ceil(count / max_batch)
    assert len(system.batches) <= whole + 2 * len(bad) * math.ceil(math.log2(max_batch))


@given(st.sets(st.integers(0, 63)))
def test_no_good_update_is_sent_again_once_it_is_taken(bad):
    system = Contacts([str(one) for one in bad], max_batch=64)
    results_of(system, updates_of(range(64)))
    taken = [one for batch in system.batches if not system.bad & {*batch} for one in batch]
    assert len(taken) == len(set(taken)) == 64 - len(bad)


def test_one_bad_update_among_many_costs_few_calls():
    system = Contacts(["700"], max_batch=1_024)
    results_of(system, updates_of(range(1_024)))
    assert len(system.batches) == 1 + 2 * 10


def test_words_of_results_pass_as_they_are():
    class Choosy(Contacts):
        def push(self, updates):
            yield PushResult(updates[0].customer_id, "not_found", "gone")

    assert results_of(Choosy(max_batch=1), updates_of([1])) == [PushResult("1", "not_found", "gone")]


@pytest.mark.parametrize("error", [Unreachable, Denied])
def test_a_system_that_can_not_be_used_ends_the_push_and_what_was_done_is_known(error):
    class Falling(Contacts):
        def push(self, updates):
            if len(self.batches) == 2:
                raise error("it fell", remedy="wait")
            yield from super().push(updates)

    system, known = Falling(max_batch=2), []
    with pytest.raises(error, match="it fell; wait"):
        known.extend(results for results in push_all(system, updates_of(range(9))))
    assert [[result.customer_id for result in results] for results in known] == [["0", "1"], ["2", "3"]]


def test_a_fall_between_two_halves_keeps_the_first():
    class Falling(Contacts):
        def push(self, updates):
            if updates[0].customer_id == "2":
                raise Unreachable("it fell", remedy="wait")
            yield from super().push(updates)

    known = []
    with pytest.raises(Unreachable):
        known.extend(results for results in push_all(Falling(["3"], max_batch=4), updates_of(range(4))))
    assert [result.customer_id for results in known for result in results] == ["0", "1"]


def test_nothing_is_sent_before_it_is_asked_for():
    """The caller writes down what was taken before the next call: a push runs at his pace."""
    system = Contacts(max_batch=1)
    pushing = push_all(system, updates_of(range(3)))
    assert system.batches == []
    next(pushing)
    assert system.batches == [["0"]]


@given(
    sizes=st.lists(st.integers(0, 400)),
    most=st.integers(1, 8),
    most_bytes=st.integers(1, 1_200),
    sign=st.sampled_from("aé茶🍵"),
)
def test_batches_keep_order_lose_nothing_and_fit(sizes, most, most_bytes, sign):
    updates = [FieldUpdate(str(number), {"pick": sign * size}) for number, size in enumerate(sizes)]
    cut = list(batches(updates, most, most_bytes))
    assert [update for batch in cut for update in batch] == updates
    assert all(1 <= len(batch) <= most for batch in cut)
    assert all(len(batch) == 1 or bytes_of(batch) <= most_bytes for batch in cut)


@given(sizes=st.lists(st.integers(0, 400)), most=st.integers(1, 8), most_bytes=st.integers(1, 1_200))
def test_no_batch_is_cut_before_it_must(sizes, most, most_bytes):
    updates = [FieldUpdate(str(number), {"pick": "a" * size}) for number, size in enumerate(sizes)]
    cut = list(batches(updates, most, most_bytes))
    for batch, after in itertools.pairwise(cut):
        assert len(batch) == most or bytes_of([*batch, after[0]]) + (len(batch) + 1) * AROUND_BYTES > most_bytes


def bytes_of(batch):
    """What the values are in JSON, sent as UTF-8."""
    return sum(len(json.dumps([each.customer_id, each.values], ensure_ascii=False).encode()) for each in batch)


def test_an_update_that_is_too_large_goes_alone():
    small, large = FieldUpdate("s", {"pick": "a"}), FieldUpdate("l", {"pick": "a" * 500})
    cut = batches([small, small, large, small, small], 10, 250)
    assert [[update.customer_id for update in batch] for batch in cut] == [["s", "s"], ["l"], ["s", "s"]]
