"""Clean: what is changed, and that it is counted."""

import numpy as np
import pandas as pd
import pytest

from engine.clean import clean
from engine.errors import BadFrame

DAY = pd.Timestamp("2026-01-05", tz="UTC")


def bought(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "product_id", "day", "quantity", "price_minor"])
    return frame.assign(at=DAY + pd.to_timedelta(frame["day"], unit="D"), order_id=[f"o{n}" for n in range(len(frame))])


PRODUCTS = pd.DataFrame({"product_id": ["p", "q"], "category_path": ["A > B", None]})


def counted(done):
    return dict(zip(done.report["reason"], done.report["count"], strict=True))


def test_a_return_is_netted_against_the_latest_purchase_before_it():
    done = clean(bought(("c", "p", 0, 2.0, 100), ("c", "p", 1, 1.0, 100), ("c", "p", 2, -2.0, 100)), PRODUCTS, None)
    assert done.purchases["quantity"].tolist() == [1.0]
    assert counted(done)["return"] == 1


def test_a_return_without_purchase_and_absurd_lines_are_left_out_and_counted():
    done = clean(
        bought(
            ("c", "p", 0, -1.0, 100),
            ("c", "p", 0, 0.0, 100),
            ("c", "p", 0, 89638.0, 1),
            ("c", "p", 0, np.inf, 1),
            ("c", "q", 0, 1.0, 5),
        ),
        PRODUCTS,
        None,
    )
    found = counted(done)
    assert (found["return without purchase"], found["quantity 0"], found["absurd quantity"]) == (1, 1, 2)
    assert len(done.purchases) == 1


@pytest.mark.parametrize("price", [999_999, -5, np.inf])
def test_an_absurd_price_is_blanked_and_the_purchase_kept(price):
    done = clean(bought(*[("c", "p", n, 1.0, 100.0) for n in range(5)], ("c", "p", 6, 1.0, price)), PRODUCTS, None)
    assert done.purchases["price_minor"].isna().tolist() == [False] * 5 + [True]
    assert counted(done)["absurd price"] == 1


def test_a_price_that_is_missing_or_no_number_is_counted_and_the_purchase_kept():
    done = clean(
        bought(("c", "p", 0, 1.0, None), ("c", "p", 1, 1.0, "free"), ("c", "p", 2, 1.0, "300")), PRODUCTS, None
    )
    assert done.purchases["price_minor"].tolist()[2] == 300
    assert counted(done)["missing price"] == 2


@pytest.mark.parametrize("column", ["customer_id", "order_id", "product_id", "at"])
def test_a_line_that_does_not_say_who_what_or_when_is_left_out_and_counted(column):
    lines = bought(("c", "p", 0, 1.0, 100), ("c", "p", 1, 1.0, 100), ("c", "p", 2, -1.0, 100))
    lines[column] = lines[column].where([False, True, True])
    done = clean(lines, PRODUCTS, None)
    assert counted(done)["incomplete line"] == 1
    assert done.purchases.empty  # the return still finds the other purchase


def test_a_quantity_that_is_missing_or_no_number_is_left_out_and_counted():
    done = clean(bought(("c", "p", 0, None, 1), ("c", "p", 0, "two", 1), ("c", "p", 0, "2", 1)), PRODUCTS, None)
    assert counted(done)["missing quantity"] == 2
    assert done.purchases["quantity"].tolist() == [2.0]


def test_a_time_of_a_clock_that_stood_at_zero_is_left_out_and_counted():
    lines = bought(("c", "p", 0, 1.0, 100), ("c", "p", 1, 1.0, 100))
    lines.loc[0, "at"] = pd.Timestamp(0, tz="UTC")
    done = clean(lines, PRODUCTS, None)
    assert (counted(done)["absurd time"], len(done.purchases)) == (1, 1)


def test_times_in_any_zone_or_in_none_are_cleaned_alike():
    lines = bought(("c", "p", 0, 1.0, 100), ("c", "p", 1, -1.0, 100), ("c", "p", 2, 1.0, 100))
    for at in (lines["at"].dt.tz_convert("Asia/Tokyo"), lines["at"].dt.tz_localize(None)):
        assert clean(lines.assign(at=at), PRODUCTS, None).purchases["day"].tolist() == [2]


def test_purchases_of_a_duplicate_go_to_the_oldest_record():
    people = pd.DataFrame({"customer_id": ["1", "2"], "email": ["a@example.com", "A@example.com "]})
    done = clean(bought(("2", "p", 0, 1.0, 100), ("1", "p", 1, -1.0, 100)), PRODUCTS, people)
    assert done.purchases.empty  # what one record bought, the other may bring back
    assert done.customers["customer_id"].tolist() == ["1"]
    assert counted(done)["duplicate customer"] == 1


def test_products_and_customers_are_kept_once_and_only_with_an_id():
    products = pd.DataFrame({"product_id": ["p", "p", None, "q"], "category_path": ["A", "B", "C", " "]})
    people = pd.DataFrame({"customer_id": ["1", "1", None]})
    done = clean(bought(("1", "p", 0, 1.0, 100)), products, people)
    found = counted(done)
    assert done.products["category_path"].tolist() == ["A", " "]
    assert done.customers["customer_id"].tolist() == ["1"]
    assert (found["product listed twice"], found["product without id"], found["product without category"]) == (1, 1, 1)
    assert (found["customer listed twice"], found["customer without id"]) == (1, 1)


def test_empty_frames_are_clean():
    done = clean(bought(), PRODUCTS.head(0), pd.DataFrame({"customer_id": []}))
    assert done.purchases.empty
    assert done.products.empty
    assert done.report["count"].sum() == 0


def test_what_was_given_stays_as_it_is():
    lines, people = bought(("c", "p", 0, 2, 1), ("c", "p", 1, -1, 1)), pd.DataFrame({"customer_id": ["c", "c"]})
    before = lines.copy(), PRODUCTS.copy(), people.copy()
    clean(lines, PRODUCTS, people)
    for frame, was in zip((lines, PRODUCTS, people), before, strict=True):
        pd.testing.assert_frame_equal(frame, was)


def test_a_missing_column_is_refused_by_name():
    with pytest.raises(BadFrame, match="quantity"):
        clean(bought().drop(columns="quantity"), PRODUCTS, None)
    with pytest.raises(BadFrame, match="category_path"):
        clean(bought(), PRODUCTS.drop(columns="category_path"), None)
    with pytest.raises(BadFrame, match="customer_id"):
        clean(bought(), PRODUCTS, pd.DataFrame({"id": ["c"]}))
