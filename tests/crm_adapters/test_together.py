"""Pages are translated together: nothing is lost, doubled or held back for long."""

from typing import NamedTuple

import pytest

from crm_adapters.together import together


class Row(NamedTuple):
    id: int


def pages(*ids):
    """Each page and the cursor behind it."""
    return [([Row(one) for one in page], f"after {page[-1]}") for page in ids]


def joined(found, size=100, **more):
    return [([row.id for row in rows], cursor) for rows, cursor in together(found, size, **more)]


def test_pages_come_together_with_the_cursor_of_the_last():
    assert joined(pages([1, 2], [3])) == [([1, 2, 3], "after 3")]


def test_so_many_are_enough():
    found = pages(*([100 * page + one for one in range(100)] for page in range(25)))
    assert [(len(ids), cursor) for ids, cursor in joined(found)] == [
        (1000, "after 999"),
        (1000, "after 1999"),
        (500, "after 2499"),
    ]


@pytest.mark.parametrize("size", [7, 99])
def test_pages_that_somebody_wants_small_stay_so(size):
    found = pages(*([size * page + one for one in range(size)] for page in range(4)))
    assert [len(ids) for ids, _ in joined(found, size)] == [size] * 4


def test_pages_that_are_large_already_are_not_joined():
    assert [len(ids) for ids, _ in joined(pages(range(2000), range(2000, 4000)), 2000)] == [2000, 2000]


def test_a_record_that_comes_again_stands_on_a_page_of_its_own():
    assert joined(pages([1, 2], [2, 3])) == [([1, 2], "after 2"), ([2, 3], "after 3")]


def test_nothing_waits_for_long():
    clock = iter(range(100))
    assert joined(pages([1], [2], [3]), now=lambda: next(clock)) == [
        ([1], "after 1"),
        ([2], "after 2"),
        ([3], "after 3"),
    ]


def test_what_came_before_a_system_broke_off_is_given_on():
    def broken():
        yield from pages([1], [2])
        raise ConnectionError

    found = together(broken(), 100)
    assert next(found) == ([Row(1), Row(2)], "after 2")
    with pytest.raises(ConnectionError):
        next(found)


def test_no_pages_are_none():
    assert joined([]) == []
