"""Attributes of customers: the columns that describe a group of people, and never a person."""

import re
from collections.abc import Hashable

import numpy as np
import pandas as pd

from engine.errors import BadFrame

MOST_VALUES = 30
LONGEST_VALUE = 40

# Who somebody is, or words that somebody wrote.
_PERSONAL = (
    r"(^|_)(ids?|key|tags?)(_|$)|mail|phone|mobile|name|street|address|post|zip|birth|token|url"
    r"|note|comment|text"
)
# What the law lets nobody infer or use without being asked for it: GDPR, article 9.
_SPECIAL = r"relig|faith|ethni|race|racial|politic|union|health|disab|orientation|sexual|genetic|biometr|crim"
# What systems made of the customer: settings, and what follows from purchases, which would look ahead.
_MADE = (
    r"consent|object|erase|suppress|locale|zone|currency|creat|updat"
    r"|segment|recommend|order|purchase|spent|churn|rfm"
)
_REFUSED = re.compile(f"{_PERSONAL}|{_SPECIAL}|{_MADE}")
_MEANS_UNKNOWN = frozenset({"", "unknown", "n/a", "na", "nan", "null", "-", "?"})


def attributes(customers: pd.DataFrame) -> pd.DataFrame:
    """Choose the columns with 2 to 30 distinct values that are neither personal nor special, nor free text.

    An attribute carries no date: it counts as known at any time. Whoever lists one that follows from purchases
    under a name that does not say so lets a back-test look ahead.

    Args:
        customers: customer_id and any other columns; a customer listed twice counts once, the first time.

    Returns:
        (customers, attributes) categorical, by customer_id; values in lower case, missing where not known.

    Raises:
        BadFrame: customer_id is missing.

    >>> frame = pd.DataFrame({"customer_id": ["a", "b"], "kids": [0.0, 2.0], "email": ["a@b.example", "c@d.example"]})
    >>> attributes(frame)["kids"].tolist()
    ['0', '2']
    """
    if "customer_id" not in customers:
        raise BadFrame("customer_id", "is missing", remedy="give the frame of customers their ids")
    people = customers.dropna(subset=["customer_id"]).drop_duplicates("customer_id").set_index("customer_id")
    columns = {str(name): _categories(people[name]) for name in people if not is_refused(str(name))}
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None}, index=people.index)


def is_refused(name: str) -> bool:
    """Say whether a column of this name is never learnt from.

    >>> [name for name in ("firstName", "household_size", "religion", "Customer ID") if is_refused(name)]
    ['firstName', 'religion', 'Customer ID']
    """
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+", "_", name).lower()
    return _REFUSED.search(snake) is not None


def as_words(values: pd.Series) -> pd.Series:
    """Write values so that what means the same compares alike: no case, no outer blanks, 2.0 like 2.

    Returns:
        as many, as text; missing where blank, said to be unknown, or no word but a list.

    >>> as_words(pd.Series([" Yes", "yes", 2.0, "2", "Unknown", None, ["a"]])).tolist()
    ['yes', 'yes', '2', '2', None, None, None]
    """
    try:
        codes, found = pd.factorize(values)
    except TypeError:
        codes, found = pd.factorize(values.where(values.map(_is_one_value)))
    # The code of a missing value is -1: it takes the last word, which is None.
    words = np.array([*(_word(value) for value in found), None], dtype=object)
    return pd.Series(words[codes], index=values.index, dtype=object)


def _is_one_value(value: object) -> bool:
    return isinstance(value, Hashable)


def _word(value: object) -> str | None:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    word = str(value).strip().casefold()
    return None if word in _MEANS_UNKNOWN else word


def _categories(values: pd.Series) -> pd.Series | None:
    if pd.api.types.is_datetime64_any_dtype(values):
        return None
    words = as_words(values)
    levels = sorted(words.dropna().unique())
    free_text = any(len(level) > LONGEST_VALUE or "@" in level for level in levels)
    if not 2 <= len(levels) <= MOST_VALUES or free_text:
        return None
    return words.astype(pd.CategoricalDtype(levels))
