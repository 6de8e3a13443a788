"""Reasons: true, in words a customer reads, and silent on what is nobody's business."""

import numpy as np
import pandas as pd
import pytest

from engine.candidates import Candidates
from engine.dataset import Dataset
from engine.hybrid import Hybrid
from engine.reasons import Reasons

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
POPULAR = "Popular with our customers right now"
PATHS = {
    "milk": "Food > Milk",
    "oats": "Food > Oats",
    "whole milk": "Food > Milk",
    "slices": "Food > Cheese slices",
    "test": "Health > Pregnancy tests",
    "loose": None,
}
TOGETHER = [(f"c{n}", product, 50) for n in range(9) for product in PATHS]


def why(customer, product, *lines, offers=None):
    """The reason of a product for a customer of the lines (customer, product, days ago)."""
    reasons, data = told(*lines, offers=offers)
    return one(reasons, int(data.customer_ids.get_loc(customer)), int(data.product_ids.get_loc(product)))


def one(reasons, row, column, lift=1.0):
    """The reason of one pick; row -1 is a newcomer."""
    bought = reasons.moment.history.of(np.array([row]))
    mine = bought.product == column
    times, gap, last = (
        (values[mine] if mine.any() else np.array([missing])).astype(np.float32)
        for values, missing in ((bought.times, 0), (bought.gap_days, 0), (bought.last_days, np.inf))
    )
    score = np.ones(1, dtype=np.float32)
    pick = Candidates(np.array([0]), np.array([column]), score, score, times, gap, last)
    [found] = reasons.of(np.array([row]), pick, np.array([lift]))
    return found.kind, found.text


def told(*lines, offers=None):
    frame = pd.DataFrame([*TOGETHER, *lines], columns=["customer_id", "product_id", "days"])
    frame = frame.assign(
        at=AS_OF - pd.to_timedelta(frame["days"], unit="D"),
        order_id=[f"o{n}" for n in range(len(frame))],
        quantity=1.0,
        price_minor=100.0,
    )
    listed = pd.DataFrame({"product_id": list(PATHS), "category_path": list(PATHS.values()), "title": "", "brand": ""})
    listed = listed.assign(size="", available=True, recommendable=True)
    data = Dataset.from_frames(frame, listed, None, offers, as_of=AS_OF)
    return Reasons(Hybrid().fit(data), data.catalog, AS_OF), data


def every(gap, times, last=3):
    return [("a", "milk", last + gap * n) for n in range(times)]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (every(7, 4), "You buy this about every 7 days"),
        (every(1.2, 4), "You buy this nearly every day"),
        (every(7, 2), "You last bought this in February"),
        (every(7, 1), "You bought this in February"),
        (every(7, 4, last=21), "You buy this about every 7 days"),
        (every(7, 4, last=22), "You last bought this in February"),  # a habit that has ended is none
        (every(7, 1, last=400), "You bought this in January 2025"),  # not the month just past
    ],
)
def test_what_was_bought_before_is_told_by_its_rhythm_or_its_month(lines, text):
    assert why("a", "milk", *lines) == ("repeat", text)


def test_an_offer_is_told_of_what_is_new_to_the_customer_only():
    week = pd.Timedelta(days=7)
    offers = pd.DataFrame({"product_id": ["milk"], "kind": "mailer", "starts_at": AS_OF, "ends_at": AS_OF + week})
    offers["announced_at"] = AS_OF - week
    assert why("b", "milk", ("b", "oats", 9), offers=offers) == ("offer", "On offer this week")
    assert why("a", "milk", *every(7, 4), offers=offers)[0] == "repeat"


def test_what_goes_with_a_purchase_names_the_purchase():
    assert why("b", "milk", ("b", "oats", 9)) == ("neighbours", "Goes with the oats you bought")
    assert why("b", "milk", ("b", "oats", 9), ("b", "oats", 19))[1] == "Goes with the oats you buy"
    assert why("b", "whole milk", ("b", "milk", 9)) == ("neighbours", "Like others that you bought")


def test_a_purchase_without_a_category_is_not_named_with_a_blank():
    assert why("b", "milk", ("b", "loose", 9)) == ("neighbours", "Goes with what you bought")


def test_nothing_sensitive_is_named_or_is_the_evidence():
    assert why("b", "milk", ("b", "test", 9)) == ("popularity", POPULAR)
    assert why("b", "test", ("b", "milk", 9)) == ("popularity", POPULAR)


def test_a_word_within_a_word_is_not_sensitive():
    assert why("b", "milk", ("b", "slices", 9)) == ("neighbours", "Goes with the cheese slices you bought")


def test_a_newcomer_is_told_of_customers_alike_only_where_they_lift_it():
    reasons, data = told()
    milk, test = (int(data.product_ids.get_loc(product)) for product in ("milk", "test"))
    assert one(reasons, -1, milk, lift=1.2)[1] == "Popular with customers like you"
    assert one(reasons, -1, milk, lift=1.19)[1] == POPULAR
    assert one(reasons, -1, test, lift=3.0)[1] == POPULAR  # no word of whom they are taken for
