"""Tastes: which kinds of product a customer buys, how lately and how often; a kind is a whole category path."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.history import Purchases

HALF_LIFE_DAYS = 56.0
BRAND_HALF_LIFE_DAYS = 112.0


@dataclass(frozen=True)
class Kinds:
    """How the catalogue groups its products, each (products,) numbers from 0.

    Attributes:
        kind: the whole category path.
        category: its two widest levels.
        aisle: its widest level.
        brand: who makes it.
    """

    kind: NDArray[np.intp]
    category: NDArray[np.intp]
    aisle: NDArray[np.intp]
    brand: NDArray[np.intp]

    @classmethod
    def of(cls, catalog: pd.DataFrame) -> "Kinds":
        """Number the groups of a catalogue: (products,) category_path, brand."""
        codes, paths = pd.factorize(catalog["category_path"])
        levels = [str(path).split(" > ") for path in paths]
        category, aisle = (pd.factorize(np.array([" > ".join(path[:n]) for path in levels], object))[0] for n in (2, 1))
        return cls(codes, category[codes], aisle[codes], pd.factorize(catalog["brand"])[0])


def grouped(bought: Purchases, group: NDArray[np.intp]) -> Purchases:
    """The same purchases by a group of products in the product's place, one a day.

    Args:
        bought: purchases of products.
        group: (products,) number of each product's group, from 0.
    """
    size = int(group.max(initial=-1)) + 1
    pair = np.repeat(np.arange(len(bought.row)), np.diff(bought.start))
    key = (bought.row.astype(np.int64) * size + group[bought.product])[pair]
    day = np.floor(bought.age_days)
    order = np.lexsort((bought.age_days, key))
    key, day = key[order], day[order]
    fresh = np.ones(len(key), dtype=bool)
    fresh[1:] = (np.diff(key) != 0) | (np.diff(day) != 0)
    key, age = key[fresh], bought.age_days[order][fresh]
    starts = np.flatnonzero(np.diff(key, prepend=-1) != 0)
    row, column = (part.astype(np.int32) for part in np.divmod(key[starts], max(size, 1)))
    return Purchases((bought.shape[0], size), np.append(starts, len(key)), age, row, column)
