"""A shop small enough to count by hand."""

import pandas as pd
import pytest

from engine.dataset import Dataset

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")


def dataset(*lines, customers=None, offers=None, **catalogue):
    """Data of lines (customer, product, days ago); columns of the catalogue are given as product -> value."""
    bought = pd.DataFrame(lines, columns=["customer_id", "product_id", "days"])
    bought = bought.assign(
        at=AS_OF - pd.to_timedelta(bought["days"], unit="D"),
        order_id=[f"o{n}" for n in range(len(bought))],
        quantity=1.0,
        price_minor=100.0,
    )
    listed = pd.DataFrame({"product_id": sorted(bought["product_id"].unique())})
    for name, default in (("title", "Thing"), ("category_path", "Food > Things"), ("brand", "Mill")):
        listed[name] = [catalogue.get(name, {}).get(product, default) for product in listed["product_id"]]
    return Dataset.from_frames(
        bought, listed.assign(size="", available=True, recommendable=True), customers, offers, as_of=AS_OF
    )


@pytest.fixture
def shop():
    """Make a dataset of lines, see `dataset`."""
    return dataset
