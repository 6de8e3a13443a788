"""Reasons: true, in words a customer reads, and silent on what is nobody's business."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from engine.calibration import Calibration
from engine.candidates import Candidates
from engine.dataset import Dataset
from engine.hybrid import Hybrid
from engine.moment import FEATURES, OFFERED
from engine.ranking import Head
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
BRANDS = {"milk": "Meadow", "oats": "Meadow", "test": "Meadow"}
TOGETHER = [(f"c{n}", product, 50) for n in range(9) for product in PATHS]
NO_OATS = ("c", "slices", 9)
"""Not all buy oats, so that who does is alike."""


def why(customer, product, *lines, offers=None, weights=None):
    """The reason of a product for a customer of the lines (customer, product, days ago)."""
    reasons, data = told(*lines, offers=offers, weights=weights)
    return one(reasons, int(data.customer_ids.get_loc(customer)), int(data.product_ids.get_loc(product)))


def one(reasons, row, column, lift=1.0):
    """The reason of one pick; row -1 is a newcomer."""
    found = reasons.moment.found(np.array([row]))
    pair = np.flatnonzero(found.product == column)
    times, gap, last = found.times[pair], found.gap_days[pair], found.last_days[pair]
    score = np.ones(1, dtype=np.float32)
    features = found.take(pair).features()
    pick = Candidates(np.array([0]), np.array([column]), score, score, times, gap, last, np.zeros(1, np.intp), features)
    [reason] = reasons.of(np.array([row]), pick, np.array([lift]))
    return reason.kind, reason.text


SPEAKS = {"offer": OFFERED, "neighbours": ["neighbours"], "brand": ["share of brand"], "users": ["user neighbours"]}


@dataclass
class Weighed:
    """An order by what the evidence weighs, each kind of it."""

    weights: dict

    def __call__(self, features):
        each = {kind: features[:, [FEATURES.index(name) for name in names]] for kind, names in SPEAKS.items()}
        return sum(weight * each[kind].sum(axis=1) for kind, weight in self.weights.items())


def told(*lines, offers=None, weights=None):
    frame = pd.DataFrame([*TOGETHER, *lines], columns=["customer_id", "product_id", "days"])
    frame = frame.assign(
        at=AS_OF - pd.to_timedelta(frame["days"], unit="D"),
        order_id=[f"o{n}" for n in range(len(frame))],
        quantity=1.0,
        price_minor=100.0,
    )
    listed = pd.DataFrame({"product_id": list(PATHS), "category_path": list(PATHS.values()), "title": ""})
    listed["brand"] = [BRANDS.get(product, "") for product in PATHS]
    listed = listed.assign(size="", available=True, recommendable=True)
    data = Dataset.from_frames(frame, listed, None, offers, as_of=AS_OF)
    hybrid = Hybrid().fit(data)
    hybrid.any = Head(Weighed(weights or {"offer": 1, "neighbours": 1}), Calibration(), {})
    return Reasons(hybrid, data.catalog, AS_OF), data


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


def test_a_brand_is_named_that_the_customer_buys_again_and_again():
    brand = {"brand": 1}
    days = [("b", "oats", n) for n in (9, 19, 29)]
    assert why("b", "milk", *days, weights=brand) == ("brand", "More from Meadow, a brand you buy")
    assert why("b", "milk", *days[:2], weights=brand) == ("popularity", POPULAR)
    sensitive = [("b", "test", n) for n in (9, 19, 29)]  # the brand of nothing else that this one buys
    assert why("b", "milk", *sensitive, weights=brand) == ("popularity", POPULAR)
    assert why("b", "test", *days, weights=brand) == ("popularity", POPULAR)
    assert why("b", "whole milk", *days, ("b", "loose", 9), weights=brand) == ("popularity", POPULAR)  # of no brand


def test_customers_with_a_like_basket_are_told_of_where_they_speak_for_it():
    lines = [("b", "oats", 9), NO_OATS]
    assert why("b", "milk", *lines, weights={"users": 1})[1] == "Customers with a basket like yours buy this"
    assert why("b", "milk", *lines, weights={"users": -1})[1] == POPULAR
    assert why("b", "test", *lines, weights={"users": 1})[1] == POPULAR


def test_of_all_that_speaks_for_a_product_the_most_particular_is_told():
    days = [("b", "oats", n) for n in (9, 19, 29)] + [NO_OATS]
    kinds = ["neighbours", "brand", "users"]
    while kinds:
        assert why("b", "milk", *days, weights=dict.fromkeys(kinds, 1))[0] == kinds.pop(0)


def test_a_word_within_a_word_is_not_sensitive():
    assert why("b", "milk", ("b", "slices", 9)) == ("neighbours", "Goes with the cheese slices you bought")


def test_a_newcomer_is_told_of_customers_alike_only_where_they_lift_it():
    reasons, data = told()
    milk, test = (int(data.product_ids.get_loc(product)) for product in ("milk", "test"))
    assert one(reasons, -1, milk, lift=1.2)[1] == "Popular with customers like you"
    assert one(reasons, -1, milk, lift=1.19)[1] == POPULAR
    assert one(reasons, -1, test, lift=3.0)[1] == POPULAR  # no word of whom they are taken for
