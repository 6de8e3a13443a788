"""Segments: every customer in one, with a name that says who is in it."""

import re

import numpy as np
import pandas as pd
import pytest

from engine.segments import rfm, segment, taste

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
READABLE = re.compile(
    r"(drifting away|loyal|regular|occasional)"
    r", buys (every few days|weekly|every other week|monthly|seldom)(, [a-z ]+)?( \(\d\))?"
)
PRODUCTS = pd.DataFrame({"product_id": ["bread", "paint"], "category_path": ["Food > Bread", "Hardware > Paint"]})


def purchases(*orders):
    """Orders of (customer, days ago, product)."""
    frame = pd.DataFrame(orders, columns=["customer_id", "days", "product_id"])
    return frame.assign(
        at=AS_OF - pd.to_timedelta(frame["days"], unit="D"),
        order_id=[f"o{n}" for n in range(len(frame))],
        quantity=1.0,
        price_minor=100.0,
    )


def shop(customers=60):
    """A third buys bread weekly, a third paint monthly, a third bought paint long ago."""
    rhythm = [(7, 1, 12, "bread"), (30, 5, 4, "paint"), (40, 160, 3, "paint")]
    return purchases(
        *(
            (f"c{n:02}", last + n % 5 + step * gap, product)
            for n in range(customers)
            for gap, last, times, product in [rhythm[n % 3]]
            for step in range(times)
        )
    )


def test_each_customer_is_in_one_segment_with_a_name_that_can_be_read():
    found = segment(shop(), PRODUCTS, AS_OF, seed=0)
    assert sorted(found["customer_id"]) == [f"c{n:02}" for n in range(60)]
    assert all(READABLE.fullmatch(name) for name in found["segment"])
    assert found["segment"].nunique() > 1


def test_different_groups_have_different_names_and_like_customers_the_same():
    found = segment(shop(), PRODUCTS, AS_OF, seed=0).set_index("customer_id")["segment"]
    by_rhythm = [set(found[[f"c{n:02}" for n in range(60) if n % 3 == rhythm]]) for rhythm in range(3)]
    assert not by_rhythm[0] & by_rhythm[1]
    assert not by_rhythm[1] & by_rhythm[2]
    assert all("drifting away" in name for name in by_rhythm[2])
    assert all("loyal, buys weekly" in name for name in by_rhythm[0])


def test_groups_that_would_share_a_name_are_numbered():
    names = set(segment(shop(120), PRODUCTS, AS_OF, seed=0)["segment"])
    numbered = {name for name in names if name.endswith("(2)")}
    assert numbered
    assert {name.removesuffix(" (2)") for name in numbered} <= names


def test_the_seed_decides_and_the_order_of_lines_does_not():
    first = segment(shop(), PRODUCTS, AS_OF, seed=3)
    pd.testing.assert_frame_equal(first, segment(shop(), PRODUCTS, AS_OF, seed=3))
    shuffled = shop().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(first, segment(shuffled, PRODUCTS, AS_OF, seed=3))


def test_nothing_from_the_cut_off_on_is_looked_at():
    later = purchases(*((f"c{n:02}", -n, "paint") for n in range(60)), ("new", 0, "paint"))
    with_later = pd.concat([shop(), later])
    pd.testing.assert_frame_equal(
        segment(with_later, PRODUCTS, AS_OF, seed=0), segment(shop(), PRODUCTS, AS_OF, seed=0)
    )


def test_another_zone_is_the_same_moment():
    elsewhere = shop().assign(at=shop()["at"].dt.tz_convert("Asia/Tokyo"))
    found = segment(elsewhere, PRODUCTS, AS_OF.tz_convert("America/New_York"), seed=0)
    pd.testing.assert_frame_equal(found, segment(shop(), PRODUCTS, AS_OF, seed=0))


def test_one_customer_is_a_segment():
    found = segment(purchases(("a", 3, "bread")), PRODUCTS, AS_OF, seed=0)
    assert found["customer_id"].tolist() == ["a"]
    assert READABLE.fullmatch(found["segment"][0])


def test_customers_who_are_all_alike_are_one_segment():
    found = segment(purchases(*((f"c{n}", 3, "bread") for n in range(50))), PRODUCTS, AS_OF, seed=0)
    assert found["segment"].nunique() == 1


@pytest.mark.parametrize("path", ["Food > Bread", None, np.nan, "", 7])
def test_a_single_department_or_none_gives_no_word_of_taste(path):
    names = segment(shop(), PRODUCTS.assign(category_path=path), AS_OF, seed=0)["segment"]
    assert all(name.count(", ") == 1 for name in names)


def test_products_listed_twice_or_not_at_all_are_no_trouble():
    twice = pd.concat([PRODUCTS, PRODUCTS.assign(category_path="Other")])
    pd.testing.assert_frame_equal(segment(shop(), twice, AS_OF, seed=0), segment(shop(), PRODUCTS, AS_OF, seed=0))
    assert len(segment(shop(), PRODUCTS.head(0), AS_OF, seed=0)) == 60


def test_missing_prices_are_no_trouble():
    assert len(segment(shop().assign(price_minor=None), PRODUCTS, AS_OF, seed=0)) == 60


def test_without_purchases_there_is_no_segment():
    found = segment(purchases(("a", -1, "bread")), PRODUCTS, AS_OF, seed=0)
    assert found.empty
    assert list(found) == ["customer_id", "segment", "rfm"]


def test_rfm_words_are_those_of_recency_and_frequency():
    known = pd.DataFrame(
        {
            "recency_days": [5, 200, 20, 3, 4],
            "orders": [1, 5, 4, 9, 4],
            "gap_days": [np.nan, 10, 3, 7, 7],
        }
    )
    assert rfm(known) == ["new", "lapsed", "regular", "loyal", "regular"]


def test_taste_is_the_share_of_each_department():
    shares = taste(purchases(("a", 1, "bread"), ("a", 1, "bread"), ("a", 1, "paint"), ("b", 1, "unlisted")), PRODUCTS)
    assert shares.to_dict("index") == {"a": {"food": pytest.approx(2 / 3), "hardware": pytest.approx(1 / 3)}}
