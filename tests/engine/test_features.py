"""Traits: recency, frequency, money, tenure and gaps, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from engine.features import traits

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")


def purchases(*lines):
    frame = pd.DataFrame(lines, columns=["customer_id", "order_id", "days", "quantity", "price_minor"])
    return frame.assign(at=AS_OF - pd.to_timedelta(frame["days"], unit="D"))


def of(customer, *lines, as_of=AS_OF):
    return traits(purchases(*lines), as_of).set_index("customer_id").loc[customer].to_dict()


def test_figures_are_those_of_the_orders():
    found = of("a", ("a", "o1", 30, 2, 150), ("a", "o1", 30, 1, 50), ("a", "o2", 20, 1, 100.4), ("a", "o3", 4, 1, 1))
    assert found["orders"] == 3
    assert found["recency_days"] == 4
    assert found["tenure_days"] == 30
    assert found["gap_days"] == 13
    assert found["spent_minor"] == 451
    assert found["last_order_at"] == AS_OF - pd.Timedelta(days=4)


def test_after_one_order_a_gap_is_missing():
    assert np.isnan(of("a", ("a", "o1", 3, 1, 1))["gap_days"])


def test_orders_of_one_moment_have_a_gap_of_0():
    assert of("a", ("a", "o1", 3, 1, 1), ("a", "o2", 3, 1, 1))["gap_days"] == 0


def test_nothing_from_the_cut_off_on_is_looked_at():
    lines = purchases(("a", "o1", 1, 1, 100), ("a", "o2", 0, 1, 900), ("b", "o3", -1, 1, 900))
    pd.testing.assert_frame_equal(traits(lines, AS_OF), traits(lines.head(1), AS_OF))


def test_another_zone_is_the_same_moment():
    lines = purchases(("a", "o1", 0.01, 1, 100), ("a", "o2", -0.01, 1, 100))
    elsewhere = lines.assign(at=lines["at"].dt.tz_convert("Asia/Tokyo"))
    assert traits(elsewhere, AS_OF)["recency_days"].tolist() == pytest.approx([0.01])
    assert traits(lines, AS_OF.tz_convert("America/New_York"))["orders"].tolist() == [1]


@pytest.mark.parametrize("price", [None, np.nan])
def test_a_missing_price_is_no_money(price):
    assert of("a", ("a", "o1", 3, 1, price))["spent_minor"] == 0


def test_a_line_of_nobody_is_of_nobody():
    assert traits(purchases((None, "o1", 3, 1, 1), ("a", "o2", 3, 1, 1)), AS_OF)["customer_id"].tolist() == ["a"]


def test_without_purchases_there_is_nobody():
    found = traits(purchases(("a", "o1", -3, 1, 1)), AS_OF)
    assert found.empty
    assert {"customer_id", "recency_days", "gap_days", "spent_minor"} <= set(found)
