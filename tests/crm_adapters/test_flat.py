"""Nested records as flat rows, and those as a table of text."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapters.flat import flattened, table_of

NAMES = st.text("abc.", min_size=1, max_size=3)
PLAIN = st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2) | st.lists(st.integers(), max_size=2)
RECORDS = st.dictionaries(
    NAMES, st.recursive(PLAIN, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6), max_size=4
)


def test_what_is_nested_is_named_by_its_way():
    assert flattened({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a.b.c": 1, "a.d": 2, "e": 3}


def test_columns_keep_the_order_of_fields():
    assert list(flattened({"b": {"z": 1, "a": 2}, "a": 3})) == ["b.z", "b.a", "a"]


def test_a_list_stays_one_value_also_of_records():
    assert flattened({"tags": ["x"], "lines": [{"id": 1}], "none": []}) == {
        "tags": ["x"],
        "lines": [{"id": 1}],
        "none": [],
    }


def test_nothing_is_kept_and_an_empty_record_is_not():
    assert flattened({"a": None, "b": {}, "c": {"d": {}, "e": None}, "f": ""}) == {"a": None, "c.e": None, "f": ""}


def test_a_name_with_dots_stays_as_it_is():
    assert flattened({"utm.source": "mail", "a": {"b.c": 1}}) == {"utm.source": "mail", "a.b.c": 1}


def test_a_fields_own_name_wins_over_a_nested_one_in_any_order():
    assert flattened({"a.b": "own", "a": {"b": "nested"}}) == {"a.b": "own"}
    assert flattened({"a": {"b": "nested"}, "a.b": "own"}) == {"a.b": "own"}


def test_the_record_itself_is_not_changed():
    record = {"a": {"b": 1}}
    flattened(record)
    assert record == {"a": {"b": 1}}


@given(RECORDS)
def test_every_value_stands_under_its_way_and_none_is_nested(record):
    flat = flattened(record)
    ways = dict(ways_of(record))
    assert flat.keys() == ways.keys()
    assert not any(isinstance(value, dict) for value in flat.values())
    assert all(flat[name] == value for name, value in record.items() if not isinstance(value, dict))
    assert flattened(flat) == flat


def ways_of(record, before=""):
    for name, value in record.items():
        yield from ways_of(value, f"{before}{name}.") if isinstance(value, dict) else [(f"{before}{name}", value)]


def test_a_table_has_the_columns_of_all_rows_and_those_that_are_named():
    table = table_of([{"a": "1"}, {"b": "2"}], ["c", "a"])
    assert table.column_names == ["c", "a", "b"]
    assert table.to_pylist() == [{"c": None, "a": "1", "b": None}, {"c": None, "a": None, "b": "2"}]


def test_a_table_is_all_text_and_the_rest_is_written_as_json():
    row = {"text": "7", "number": 7, "half": 0.5, "yes": True, "list": ["x", 1], "none": None, "empty": ""}
    table = table_of([row])
    assert set(table.schema.types) == {pa.string()}
    assert table.to_pylist() == [
        {"text": "7", "number": "7", "half": "0.5", "yes": "true", "list": '["x", 1]', "none": None, "empty": ""}
    ]


def test_no_rows_make_a_table_of_the_named_columns():
    table = table_of([], ["a", "b"])
    assert (table.num_rows, table.column_names, set(table.schema.types)) == (0, ["a", "b"], {pa.string()})


def test_half_an_emoji_does_not_stop_a_pull():
    """A shop that cuts names by length in UTF-16 sends one half of it: no text that a column can hold."""
    assert table_of([json.loads('{"name": "Ann \\ud83c", "list": ["\\ud83c"]}')]).to_pylist() == [
        {"name": "Ann ?", "list": '["\\ud83c"]'}
    ]


@pytest.mark.parametrize("words", ["", " a ", "\u00e9\u8336\U0001f375", "e\u0301", "\x00\r\n", "\u200b\ufeff", "null"])
def test_text_is_kept_to_the_letter(words):
    assert table_of([{"a": words}])["a"].to_pylist() == [words]
