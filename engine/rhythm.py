"""Rhythm: how often and how lately each customer orders at all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.dataset import Dataset
from engine.history import decay

NAMES = [
    "orders",
    "decayed orders",
    "orders in 4 weeks",
    "days since last order",
    "days since first order",
    "products ever bought",
]
"""The columns of `rhythm`."""


def rhythm(data: Dataset) -> NDArray[np.float32]:
    """Describe each customer's orders: (customers, facts), a column for each of `NAMES`."""
    _, first = np.unique(data.order, return_index=True)
    customer, age = data.customer[first], data.age_days[first]
    size = data.shape[0]
    newest, oldest = np.full(size, np.inf, np.float32), np.zeros(size, np.float32)
    np.minimum.at(newest, data.customer, data.age_days)
    np.maximum.at(oldest, data.customer, data.age_days)
    columns: list[NDArray[Any]] = [
        np.bincount(customer, minlength=size),
        np.bincount(customer, decay(age, 28), minlength=size),
        np.bincount(customer[age < 28], minlength=size),
        newest,
        oldest,
        np.bincount(data.history.all().row, minlength=size),
    ]
    return np.column_stack(columns).astype(np.float32)
