"""Returns: last in, first out, the same as a clerk with a stack of receipts would do it."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.returns import net_returns

DAY = pd.Timestamp("2026-01-05", tz="UTC")


def frame(lines):
    table = pd.DataFrame(lines, columns=["customer_id", "product_id", "hour", "quantity"])
    return table.assign(at=DAY + pd.to_timedelta(table["hour"], unit="h"), quantity=table["quantity"].astype(float))


def by_hand(lines):
    """Left units of each line, and the number of returns that wanted more than there was."""
    left, stacks, unmatched = [0.0] * len(lines), {}, 0
    for n in sorted(range(len(lines)), key=lambda n: (lines[n][2], lines[n][3] < 0, n)):
        customer, product, _, units = lines[n]
        stack = stacks.setdefault((customer, product), [])
        if units > 0:
            left[n] = units
            stack.append(n)
            continue
        owed = -units
        while owed and stack:
            taken = min(owed, left[stack[-1]])
            owed -= taken
            left[stack[-1]] -= taken
            if not left[stack[-1]]:
                stack.pop()
        unmatched += owed > 0
    return left, unmatched


QUARTERS = st.integers(-12, 12).filter(bool).map(lambda quarters: quarters / 4)
LINES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("pq"), st.integers(0, 6), QUARTERS), max_size=40)


@settings(deadline=None)
@given(LINES)
def test_netting_equals_the_clerk_with_a_stack(lines):
    left, unmatched = by_hand(lines)
    done = net_returns(frame(lines))
    assert done.purchases["quantity"].to_dict() == {n: units for n, units in enumerate(left) if units}
    assert (done.returns, done.unmatched) == (sum(line[3] < 0 for line in lines) - unmatched, unmatched)


def test_netting_equals_the_clerk_with_many_lines():
    rng = np.random.default_rng(3)
    n = 50_000
    units = np.where(rng.random(n) < 0.3, -1.0, 1.0) * rng.integers(1, 5, n)
    columns = (rng.integers(0, 50, n), rng.integers(0, 20, n), rng.integers(0, 9_000, n), units)
    lines = list(zip(*(column.tolist() for column in columns), strict=True))
    left, unmatched = by_hand(lines)
    done = net_returns(frame(lines))
    assert done.unmatched == unmatched
    assert done.purchases["quantity"].to_dict() == {n: units for n, units in enumerate(left) if units}


def test_a_return_takes_the_latest_purchase_also_when_lines_are_in_no_order():
    done = net_returns(frame([("c", "p", 5, 1), ("c", "p", 9, -1), ("c", "p", 1, 1)]))
    assert done.purchases["hour"].tolist() == [1]


def test_a_purchase_after_the_return_is_not_touched():
    done = net_returns(frame([("c", "p", 0, -2), ("c", "p", 1, 2)]))
    assert done.purchases["quantity"].tolist() == [2]
    assert (done.returns, done.unmatched) == (0, 1)


def test_a_return_of_more_than_was_bought_takes_what_there_is_and_counts_as_unmatched():
    done = net_returns(frame([("c", "p", 0, 1), ("c", "p", 1, -3), ("c", "p", 2, 1)]))
    assert done.purchases["hour"].tolist() == [2]
    assert (done.returns, done.unmatched) == (0, 1)


def test_a_return_at_the_moment_of_the_purchase_is_netted():
    assert net_returns(frame([("c", "p", 0, -1), ("c", "p", 0, 1)])).purchases.empty


def test_a_return_of_another_product_or_customer_takes_nothing():
    done = net_returns(frame([("c", "p", 0, 1), ("c", "q", 1, -1), ("d", "p", 1, -1)]))
    assert done.purchases["quantity"].tolist() == [1]
    assert done.unmatched == 2


def test_rounding_of_parts_leaves_no_dust():
    done = net_returns(frame([("c", "p", 0, 0.1), ("c", "p", 1, 0.2), ("c", "p", 2, -0.3)]))
    assert done.purchases.empty
    assert done.returns == 1


def test_rows_keep_their_labels_and_order_also_when_labels_repeat():
    lines = frame([("c", "p", 2, 3), ("c", "p", 1, 1), ("d", "p", 0, 2), ("c", "p", 3, -1)])
    lines.index = pd.Index([7, 7, 7, 7])
    done = net_returns(lines).purchases
    assert done["quantity"].tolist() == [2, 1, 2]
    assert done.index.tolist() == [7, 7, 7]


def test_without_returns_and_without_lines_nothing_changes():
    lines = frame([("c", "p", 0, 1)])
    assert net_returns(lines).purchases.equals(lines)
    assert net_returns(lines.head(0)).purchases.empty
