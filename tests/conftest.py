"""Shared fixtures: a store on SQLite and on a private PostgreSQL that the session starts itself."""

import os

import numpy as np
import pandas as pd
import pytest

from campaigns.store.database import open_store
from tests import cluster


@pytest.fixture(scope="session")
def missing():
    """Tells of a test's need that is not there: a failure in CI, a skip with its reason elsewhere."""
    return _missing


def _missing(what):
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")


@pytest.fixture(scope="session")
def free_port():
    """Finds a port of this machine that nobody listens on."""
    return cluster.free_port


@pytest.fixture(scope="session")
def postgres():
    """A private PostgreSQL server of the session."""
    if cluster.binaries() is None:
        _missing("PostgreSQL")
    with cluster.cluster() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def store(database):
    """An empty store on each database."""
    with open_store(database) as opened:
        yield opened


CONSENT = ["subscribed"] * 8 + ["unsubscribed", "unknown"]
SHOP_NOW = pd.Timestamp("2026-03-02T13:00", tz="UTC")


@pytest.fixture(scope="session")
def write_shop():
    """Writes the export of a small shop: `write_shop(folder, customers=60, prefix="c", consent=CONSENT)`."""
    return _write_shop


def _write_shop(data, customers=60, products=40, prefix="c", consent=CONSENT, seed=3):
    """Write a shop where all but the last customer buy three products a week, each from a few shelves of their own."""
    rng = np.random.default_rng(seed)
    ids = [f"{prefix}{n}" for n in range(customers)]
    people = {
        "id": ids,
        "email": [f"{i}@example.com" for i in ids],
        "first_name": [f"Name{n}" for n in range(customers)],
    }
    people |= {"time_zone": "America/New_York", "consent_email": [consent[n % len(consent)] for n in range(customers)]}
    pd.DataFrame(people).assign(created_at="2025-01-01T00:00:00Z").to_csv(data / "customers.csv", index=False)
    numbers = range(products)
    goods = {"id": [f"p{n}" for n in numbers], "title": [f"Product {n}" for n in numbers], "brand": "Mill"}
    goods |= {"category_path": [f"Grocery > Shelf {n % 8} > Kind {n}" for n in numbers], "currency": "USD"}
    goods |= {"price": [f"{1 + n / 4:.2f}" for n in numbers], "recommendable": [n > 0 for n in numbers]}
    pd.DataFrame(goods).to_csv(data / "products.csv", index=False)
    lines = []
    for n in range(customers - 1):
        for week in range(12):
            placed = SHOP_NOW - pd.Timedelta(weeks=week, days=float(rng.uniform(0.5, 6)))
            order = {
                "order_id": f"o{n}-{week}",
                "customer_id": ids[n],
                "placed_at": placed.isoformat(),
                "currency": "USD",
            }
            lines += [
                {
                    **order,
                    "line_id": line,
                    "product_id": f"p{(n + shelf) % products}",
                    "quantity": 1,
                    "unit_price": "2.50",
                }
                for line, shelf in enumerate(rng.choice(10, 3, replace=False))
            ]
    pd.DataFrame(lines).to_csv(data / "orders.csv", index=False)
