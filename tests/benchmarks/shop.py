"""A made-up shop of any size: power-law products, tastes that repeat, a year of purchases."""

import numpy as np
import pandas as pd

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
TASTES = 50
"""Groups of customers who like the same products."""


def catalogue(products, seed=7):
    """Products of a path of three levels, many to a kind, as a shop's are."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, max(products // 30, 1), products)
    numbers = pd.Series(kind)
    aisle, shelf = (numbers // 60).astype(str), (numbers // 10).astype(str)
    path = "Aisle " + aisle + " > Shelf " + shelf + " > Kind " + numbers.astype(str)
    return pd.DataFrame(
        {
            "product_id": np.arange(products, dtype=np.int32),
            "title": "Product " + pd.Series(np.arange(products)).astype(str),
            "category_path": path,
            "brand": "Brand " + pd.Series(rng.integers(0, 500, products)).astype(str),
            "size": "",
            "available": True,
            "recommendable": True,
        }
    )


def purchases(customers, products, lines, seed=7):
    """Order lines of a year: two in three from what the customer already buys, else of the customer's taste or any.

    Customers are more or less active, and products more or less popular, by a power law.
    """
    rng = np.random.default_rng(seed)
    activity = rng.pareto(1.5, customers) + 0.3
    customer = rng.choice(customers, lines, p=activity / activity.sum()).astype(np.int32)
    rank = np.minimum(rng.pareto(0.9, lines) * 20, products - 1).astype(np.int32)
    taste = (customer % TASTES).astype(np.int32)
    # A product of one's taste is a popular one, moved by an offset of that taste; one in five is of no taste.
    offset = np.where(rng.random(lines) < 0.8, taste * np.int32(products // TASTES), 0)
    product = ((rank + offset) % products).astype(np.int32)
    age = (rng.random(lines) * 364 + 0.01).astype(np.float32)
    product = _with_habits(customer, product, age, rng)
    order = (customer.astype(np.int64) * 400 + age.astype(np.int64)).astype(np.int64)
    return pd.DataFrame(
        {
            "customer_id": customer,
            "order_id": pd.factorize(order)[0].astype(np.int32),
            "product_id": product,
            "at": AS_OF - pd.to_timedelta(age * 86_400, unit="s").round("s"),
            "quantity": np.ones(lines, dtype=np.float32),
            "price_minor": (100 + product % 900).astype(np.float32),
        }
    )


def _with_habits(customer, product, age, rng):
    """Let two lines in three repeat an earlier purchase of the same customer."""
    order = np.lexsort((-age, customer))
    start = np.searchsorted(customer[order], customer[order])
    place = np.arange(len(order))
    source = start + (rng.random(len(order)) * (place - start)).astype(np.int64)
    repeats = (rng.random(len(order)) < 2 / 3) & (place > start)
    # A source may itself repeat: follow it to its first.
    source = np.where(repeats, source, place)
    for _ in range(6):
        source = source[source]
    result = np.empty_like(product)
    result[order] = product[order][source]
    return result
