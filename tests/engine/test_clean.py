"""Clean: what is changed, and that it is counted."""

import pandas as pd

from engine.clean import clean, find_aliases

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
        bought(("c", "p", 0, -1.0, 100), ("c", "p", 0, 0.0, 100), ("c", "p", 0, 89638.0, 1), ("c", "q", 0, 1.0, 5)),
        PRODUCTS,
        None,
    )
    found = counted(done)
    assert (found["return without purchase"], found["quantity 0"], found["absurd quantity"]) == (1, 1, 1)
    assert len(done.purchases) == 1


def test_an_absurd_price_is_blanked_and_the_purchase_kept():
    done = clean(bought(*[("c", "p", n, 1.0, 100) for n in range(5)], ("c", "p", 6, 1.0, 999_999)), PRODUCTS, None)
    assert len(done.purchases) == 6
    assert counted(done)["absurd price"] == 1


def test_duplicates_are_found_by_address_and_by_phone_and_name_through_chains():
    people = pd.DataFrame(
        {
            "customer_id": ["1", "2", "3", "4", "5"],
            "email": ["Ann.B@gmail.com", "annb+shop@gmail.com", "other@example.com", "x@example.com", None],
            "phone": ["+1 614 555 0100", None, "614-555-0100", "614-555-0100", None],
            "last_name": ["Bell", "Bell", "Bell", "Carr", None],
        }
    )
    aliases = find_aliases(people)
    assert dict(zip(aliases["alias_id"], aliases["customer_id"], strict=True)) == {"2": "1", "3": "1"}


def test_purchases_of_a_duplicate_go_to_the_first_record():
    people = pd.DataFrame({"customer_id": ["1", "2"], "email": ["a@example.com", "A@example.com "]})
    done = clean(bought(("2", "p", 0, 1.0, 100)), PRODUCTS, people)
    assert done.purchases["customer_id"].tolist() == ["1"]
    assert done.customers["customer_id"].tolist() == ["1"]
