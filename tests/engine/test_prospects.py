"""What is expected of a customer follows their own rhythm."""

from datetime import UTC, datetime

import pandas as pd

from engine.prospects import BANDS, prospects

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def found(**columns):
    width = max(len(values) for values in columns.values())
    usual = {
        "orders": [4] * width,
        "spent_minor": [4000] * width,
        "recency_days": [3.0] * width,
        "gap_days": [10.0] * width,
    }
    ids = [str(number) for number in range(width)]
    return prospects(pd.DataFrame({"customer_id": ids, **usual, **columns}), NOW)


def test_the_next_purchase_is_one_gap_after_the_last():
    assert found(recency_days=[3.0])["next_purchase_on"].tolist() == ["2026-03-09"]


def test_whoever_is_late_is_due_today():
    assert found(recency_days=[25.0])["next_purchase_on"].tolist() == ["2026-03-02"]


def test_of_one_who_bought_once_no_day_is_told_but_a_value_is():
    one = found(orders=[1], gap_days=[None], spent_minor=[3650])
    assert one["next_purchase_on"].isna().all()
    assert one["value_minor"].tolist() == [900]


def test_a_value_is_what_an_order_brings_times_the_orders_of_a_quarter():
    assert found(recency_days=[0.0])["value_minor"].tolist() == [9000]


def test_each_gap_gone_by_in_vain_halves_the_value():
    assert found(recency_days=[10.0, 20.0, 30.0])["value_minor"].tolist() == [9000, 4500, 2250]


def test_bands_are_quarters_of_those_of_whom_anything_is_expected():
    spent = [0, *(1000 * number for number in range(1, 9))]
    bands = found(spent_minor=spent, recency_days=[0.0] * 9)["value_band"]
    assert pd.isna(bands[0])
    assert bands[1:].tolist() == [band for band in BANDS for _ in range(2)]


def test_what_was_returned_in_full_brings_no_value_below_nothing():
    assert found(spent_minor=[-500])["value_minor"].tolist() == [0]


def test_nobody_is_no_error():
    empty = pd.DataFrame(columns=["customer_id", "orders", "spent_minor", "recency_days", "gap_days"])
    assert len(prospects(empty, NOW)) == 0
