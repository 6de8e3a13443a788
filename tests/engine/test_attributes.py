"""Attributes: groups of people, never a person."""

import pandas as pd
import pytest

from engine.attributes import attributes
from engine.errors import BadFrame

IDS = [f"c{n}" for n in range(40)]


def chosen(**columns):
    return attributes(pd.DataFrame({"customer_id": IDS, **columns}))


def test_columns_of_a_few_values_are_chosen():
    found = chosen(age=["19-24", "65+"] * 20, kids_count=[0, 1, 2, 3] * 10, smoker=[True, False] * 20)
    assert list(found) == ["age", "kids_count", "smoker"]
    assert found.index.tolist() == IDS


@pytest.mark.parametrize(
    "values", [["same"] * 40, [None] * 40, IDS, pd.date_range("2026-01-01", periods=2, tz="UTC").tolist() * 20]
)
def test_one_value_too_many_values_none_and_times_are_not(values):
    assert chosen(column=values).empty


NEVER = """email email_normalised phone first_name lastName street address_2 postcode household_id Customer-ID
consent_email religion segment recommended_1_title last_order_at"""


@pytest.mark.parametrize("name", NEVER.split())
def test_columns_of_these_names_are_never_chosen(name):
    assert chosen(**{name: ["one", "two"] * 20}).empty


def test_free_text_is_not_chosen_however_few_wrote_any():
    assert chosen(remark=["please ring twice, the dog is very friendly", "no"] * 20).empty
    assert chosen(contact=["ann@example.com", "no"] * 20).empty


def test_values_that_mean_the_same_are_one_group_and_unknown_is_none():
    found = chosen(kids=[1, 1.0, "1", " 1", 2, "unknown", "", None] * 5)["kids"]
    assert found.cat.categories.tolist() == ["1", "2"]
    assert found.isna().sum() == 15


def test_a_value_that_is_a_list_is_no_value():
    assert chosen(tags_of=[["a"], ["b"]] * 20).empty
    assert chosen(plan=["a", "b", ["a"], {"b": 1}] * 10)["plan"].notna().sum() == 20


def test_a_customer_listed_twice_counts_once_and_without_id_not_at_all():
    frame = pd.DataFrame({"customer_id": ["1", "1", None, "2"], "size": ["s", "m", "l", "m"]})
    assert attributes(frame)["size"].to_dict() == {"1": "s", "2": "m"}


def test_customers_without_ids_are_refused():
    with pytest.raises(BadFrame, match="customer_id"):
        attributes(pd.DataFrame({"id": IDS}))
