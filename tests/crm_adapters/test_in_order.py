"""A list ordered by time comes once, in the order of (time, id), whatever its pages and wherever it goes on from."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.in_order import InOrder, Row, fresh, position

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
MINUTES = st.lists(st.integers(0, 4), max_size=30)
SIZES = st.integers(1, 7)


def listed(minutes):
    """Ordered by time alone: ids of one time come as they like."""
    rows = [
        Row(START + timedelta(minutes=minute), f"{number * 7 % 31:02}", {}) for number, minute in enumerate(minutes)
    ]
    return sorted(rows, key=lambda row: row.time)


def read(rows, size, asked=None):
    def pages(at):
        asked.append(at) if asked is not None else None
        after = [row for row in rows if at is None or row.time >= at[0]]
        return (after[start : start + size] for start in range(0, len(after), size))

    return pages


def to_the_end(reader, at=None, *, restart=lambda: None):
    found, is_last = [], False
    while not is_last:
        rows, is_last = (restart() or reader).after(at)
        found.append(rows)
        at = position(rows[-1]) if rows else at
    return found


@given(MINUTES, SIZES, SIZES)
def test_each_comes_once_and_in_order_and_each_page_is_read_once(minutes, page, size):
    rows, asked = listed(minutes), []
    found = to_the_end(InOrder(read(rows, page, asked), size))
    assert [row for part in found for row in part] == sorted(rows, key=position)
    assert all(len(part) == size for part in found[:-1])
    assert asked == [None]


@given(MINUTES, SIZES, SIZES)
def test_a_new_reader_goes_on_after_any_position(minutes, page, size):
    rows = listed(minutes)
    new = lambda: InOrder(read(rows, page), size)  # noqa: E731
    found = to_the_end(None, restart=new)
    assert [row for part in found for row in part] == sorted(rows, key=position)


def test_what_is_not_known_is_fresh():
    rows = listed([0, 1, 2])
    assert fresh(rows, [1, 2, 3], {2}) == [rows[0], rows[2]]
