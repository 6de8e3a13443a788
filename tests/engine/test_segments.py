"""Segments: every customer in one, with a name that says who is in it and stays while the group is the same."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from engine.errors import BadFrame
from engine.segment_facts import movement
from engine.segments import rfm, segment, taste

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
READABLE = re.compile(
    r"(drifting away|loyal|regular|occasional)"
    r", (buys (every few days|weekly|every other week|monthly|seldom)|bought once)(, [a-z ]+)*"
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


@cache
def plain():
    """The segments of the shop as it is."""
    return segment(shop(), PRODUCTS, AS_OF, seed=0)


def found(lines=None, products=PRODUCTS, seed=0, before=None, as_of=AS_OF):
    return segment(shop() if lines is None else lines, products, as_of, seed, before)


def names(lines=None, products=PRODUCTS, before=None):
    return named(found(lines, products, before=before))


def named(segments):
    return segments.customers.set_index("customer_id")["segment"]


def test_each_customer_is_in_one_segment_with_a_name_that_can_be_read():
    everybody = named(plain())
    assert sorted(everybody.index) == [f"c{n:02}" for n in range(60)]
    assert all(READABLE.fullmatch(name) for name in everybody)


def test_groups_that_are_there_are_found_and_named_for_what_they_do():
    everybody = named(plain())
    by_rhythm = [set(everybody[[f"c{n:02}" for n in range(60) if n % 3 == rhythm]]) for rhythm in range(3)]
    assert [len(group) for group in by_rhythm] == [1, 1, 1]
    assert everybody.nunique() == plain().choice.k == 3
    assert by_rhythm[0] == {"loyal, buys weekly, food"}
    assert "drifting away" in by_rhythm[2].pop()


def test_the_seed_decides_and_the_order_of_lines_does_not():
    first = found(seed=3)
    for again in (found(seed=3), found(shop().sample(frac=1, random_state=1), seed=3)):
        pd.testing.assert_frame_equal(first.customers, again.customers)
        pd.testing.assert_frame_equal(first.profile, again.profile)
        assert first.choice == again.choice


def test_nothing_from_the_cut_off_on_is_looked_at():
    later = purchases(*((f"c{n:02}", -n, "paint") for n in range(60)), ("new", 0, "paint"))
    with_later = pd.concat([shop(), later])
    pd.testing.assert_series_equal(names(with_later), named(plain()))


def test_another_zone_is_the_same_moment():
    elsewhere = shop().assign(at=shop()["at"].dt.tz_convert("Asia/Tokyo"))
    there = found(elsewhere, as_of=AS_OF.tz_convert("America/New_York"))
    pd.testing.assert_frame_equal(there.customers, plain().customers)


def test_a_group_that_stays_the_same_keeps_its_name():
    before = plain().customers
    old = {name: name + ", early birds" for name in before["segment"].unique()}
    kept = names(before=before.assign(segment=before["segment"].map(old)))
    assert set(kept) == set(old.values())


def test_a_name_that_does_not_hold_any_more_is_given_up():
    before = plain().customers
    untrue = before.assign(segment="loyal, buys every few days").where(before["segment"].str.startswith("dr"), before)
    untrue.loc[untrue["segment"].str.startswith("loyal"), "segment"] = "drifting away, bought once"
    assert set(names(before=untrue)) == set(before["segment"])


def test_a_week_later_most_stay_where_they_are_and_the_counts_add_up():
    before = plain().customers
    late = purchases(("late", 1, "bread"), *((f"c{n:02}", -1, "bread") for n in range(3, 60, 3)))
    lines = pd.concat([shop().loc[lambda rows: rows["customer_id"] != "c00"], late])
    after = found(lines, before=before, as_of=AS_OF + pd.Timedelta(days=7)).customers
    moves = movement(before, after)
    assert moves["customers"].sum() == 61
    assert moves.loc[moves["from_segment"].isna(), "customers"].sum() == 1
    assert moves.loc[moves["to_segment"].isna(), "customers"].sum() == 1
    assert moves.loc[moves["from_segment"] == moves["to_segment"], "customers"].sum() == 59


def test_what_sets_a_segment_apart_is_beside_everybody():
    profile = plain().profile
    weekly = profile.set_index("segment").loc["loyal, buys weekly, food"]
    assert profile["customers"].sum() == 60
    assert profile["share"].sum() == pytest.approx(1)
    assert (weekly["orders"], weekly["all_orders"]) == (12, 4)
    assert (weekly["spent_minor"], weekly["all_spent_minor"]) == (1200, 400)
    assert weekly["more_of"] == {"food": pytest.approx(3)}


def test_one_customer_who_buys_for_a_company_changes_nothing_for_the_others():
    wholesale = purchases(*(("big", n / 10, "paint") for n in range(900))).assign(price_minor=1e7)
    everybody = names(pd.concat([shop(), wholesale]))
    pd.testing.assert_series_equal(everybody.drop("big"), named(plain()))


def test_one_customer_is_a_segment():
    alone = found(purchases(("a", 3, "bread")))
    assert alone.customers.values.tolist() == [["a", "regular, bought once", "new"]]
    assert alone.profile["customers"].tolist() == [1]


def test_customers_who_are_all_alike_are_one_segment():
    alike = found(purchases(*((f"c{n}", 3, "bread") for n in range(50))))
    assert set(alike.customers["segment"]) == {"regular, bought once"}
    assert str(alike.choice) == "1 segment: 50 customers are too few, or too much alike, to part"


@pytest.mark.parametrize("path", ["Food > Bread", None, np.nan, "", 7])
def test_a_single_department_or_none_gives_no_word_of_taste(path):
    everybody = names(products=PRODUCTS.assign(category_path=path))
    assert not everybody.str.contains("food|7|none|nan").any()
    assert all(READABLE.fullmatch(name) for name in everybody)


def test_products_listed_twice_or_not_at_all_are_no_trouble():
    twice = pd.concat([PRODUCTS, PRODUCTS.assign(category_path="Other")])
    pd.testing.assert_series_equal(names(products=twice), named(plain()))
    assert len(names(products=PRODUCTS.head(0))) == 60


@pytest.mark.parametrize("price", [None, np.nan, 0.0, -100.0])
def test_prices_that_say_nothing_are_no_trouble(price):
    segments = found(shop().assign(price_minor=price))
    assert len(segments.customers) == 60
    assert segments.profile["spent_minor"].notna().all()


def test_without_purchases_there_is_no_segment():
    none = found(purchases(("a", -1, "bread")))
    assert none.customers.empty
    assert none.profile.empty
    assert list(none.customers) == ["customer_id", "segment", "rfm"]
    assert names(before=none.customers).equals(named(plain()))


@pytest.mark.parametrize("column", ["customer_id", "product_id", "at", "price_minor"])
def test_a_missing_column_is_named(column):
    with pytest.raises(BadFrame, match=column):
        found(shop().drop(columns=column))
    with pytest.raises(BadFrame, match="category_path"):
        found(products=PRODUCTS[["product_id"]])
    with pytest.raises(BadFrame, match="segment"):
        found(before=pd.DataFrame({"customer_id": ["a"]}))


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


def test_a_department_hardly_anybody_buys_from_is_no_taste():
    rare = [("x", 1, "paint"), *((f"c{n}", 1, "bread") for n in range(99))]
    assert list(taste(purchases(*rare), PRODUCTS)) == ["food"]
