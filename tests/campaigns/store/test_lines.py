"""Lines in their order's document: what goes in comes out, whatever the words; and old databases move over."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text

from campaigns.store import lines
from campaigns.store.database import alembic_config, open_store
from campaigns.store.frames import purchases

SCHEMA = pa.schema([pa.field("order_id", pa.string()), pa.field("status", pa.string()), *lines.LINE])


def table(*rows):
    """Lines as (order, line, product), with more fields by name."""
    common = {"status": "paid", "quantity": 1.0, "refunded_quantity": 0.0}
    named = [{"order_id": o, "line_id": n, "product_id": p, **common, **more} for o, n, p, more in rows]
    return pa.Table.from_pylist(named, schema=SCHEMA)


def unpacked(packed):
    found = [
        {"order_id": packed["order_id"][int(order)].as_py(), **line}
        for numbers, each in lines.unpack(packed["lines"])
        for order, line in zip(numbers, each.to_pylist(), strict=True)
    ]
    return sorted(found, key=lambda line: (line["order_id"], line["line_id"]))


ODD = [
    'say "hi"',
    "back\\slash",
    "line\nbreak",
    "tab\t",
    "nul\x00",
    "emoji \U0001f600",
    "],",
    "",
    "null",
    "\u2028",
    None,
]


def test_whatever_the_words_what_goes_in_comes_out():
    rows = table(*(("o", str(n), word, {"title": word, "unit_price_minor": n}) for n, word in enumerate(ODD, 10)))
    found = unpacked(lines.pack(rows))
    assert [line["title"] for line in found] == ODD
    assert [line["product_id"] for line in found] == ODD
    assert [line["unit_price_minor"] for line in found] == list(range(10, 10 + len(ODD)))


@pytest.mark.parametrize("quantity", [1.0, -2.0, 0.1, 1e-7, 1e21, 12345678.9])
def test_numbers_keep_every_digit(quantity):
    rows = table(("o", "1", "p", {"quantity": quantity, "refunded_quantity": quantity, "unit_price_minor": 2**62}))
    found = unpacked(lines.pack(rows))[0]
    assert (found["quantity"], found["refunded_quantity"], found["unit_price_minor"]) == (quantity, quantity, 2**62)


def test_documents_of_different_pages_differ_in_columns_and_are_read_together():
    plain = lines.pack(table(("a", "1", "p", {}), ("a", "2", "q", {})))
    rich = lines.pack(table(("b", "1", "r", {"title": "Tea", "refunded_quantity": 1.0, "unit_price_minor": 5})))
    assert "title" not in plain["lines"][0].as_py()
    found = unpacked(pa.concat_tables([plain, rich]))
    assert [line["title"] for line in found] == [None, None, "Tea"]
    assert [line["refunded_quantity"] for line in found] == [0.0, 0.0, 1.0]
    assert [line["unit_price_minor"] for line in found] == [None, None, 5]


def test_lines_of_an_order_that_stand_apart_come_together_under_its_last_words():
    rows = table(("a", "1", "p", {"status": "placed"}), ("b", "1", "q", {}), ("a", "2", "r", {"status": "refunded"}))
    packed = lines.pack(rows)
    assert dict(zip(packed["order_id"].to_pylist(), packed["status"].to_pylist(), strict=True)) == {
        "a": "refunded",
        "b": "paid",
    }
    assert [(line["order_id"], line["product_id"]) for line in unpacked(packed)] == [("a", "p"), ("a", "r"), ("b", "q")]


def test_more_documents_than_a_slice_keep_their_numbers(monkeypatch):
    monkeypatch.setattr(lines, "SLICE", 3)
    packed = lines.pack(table(*((f"{n:02}", str(k), f"p{n}", {}) for n in range(10) for k in range(n % 3 + 1))))
    numbers = np.concatenate([order for order, _ in lines.unpack(packed["lines"])])
    assert numbers.tolist() == [n for n in range(10) for _ in range(n % 3 + 1)]
    assert [line["product_id"] for line in unpacked(packed)] == [f"p{n}" for n in numbers]


def test_an_order_of_very_many_lines_is_read_whole():
    packed = lines.pack(table(*(("a", str(n), f"product {n}", {}) for n in range(150_000)), ("b", "1", "p", {})))
    assert len(packed["lines"][0].as_py()) > 3 << 20  # longer than the reader takes by itself
    numbers, each = next(lines.unpack(packed["lines"]))
    assert (len(numbers), each["product_id"][149_999].as_py()) == (150_001, "product 149999")


def test_an_order_without_lines_has_none():
    packed = lines.pack(table(("a", "1", "p", {}), ("b", "1", "q", {})))
    documents = pa.chunked_array([["{}", *packed["lines"].to_pylist(), "{}"]])
    numbers, each = next(lines.unpack(documents))
    assert (numbers.tolist(), each["product_id"].to_pylist()) == ([1, 2], ["p", "q"])
    assert next(lines.unpack(pa.chunked_array([["{}"]])))[1].num_rows == 0


def test_the_lines_of_a_database_of_the_first_version_move_into_their_orders(database):
    config, engine = alembic_config(), create_engine(database)
    with engine.begin() as write:
        config.attributes["connection"] = write
        command.upgrade(config, "0001")
        write.execute(
            text("INSERT INTO customers (id, system, consent_email, objected) VALUES ('c', 's', 'unknown', :no)"),
            {"no": False},
        )
        write.execute(
            text(
                "INSERT INTO orders (id, system, customer_id, placed_at, status, test)"
                " VALUES (:id, 's', 'c', 1, 'paid', :no)"
            ),
            [{"id": "1", "no": False}, {"id": "2", "no": False}],
        )
        write.execute(
            text("INSERT INTO order_lines VALUES (:order, :line, :product, NULL, 2, 350, 0)"),
            [
                {"order": o, "line": n, "product": p}
                for o, n, p in [("1", "a", 'x"y'), ("1", "b", "q"), ("2", "a", "r")]
            ],
        )
    engine.dispose()
    with open_store(database) as store:
        found = purchases(store, datetime(2026, 1, 1, tzinfo=UTC))
        with store.engine.connect() as read:
            assert "order_lines" not in inspect(read).get_table_names()
    assert found[["order_id", "product_id"]].values.tolist() == [["1", 'x"y'], ["1", "q"], ["2", "r"]]
    assert set(found["quantity"]) == {2.0}
    assert set(found["price_minor"]) == {350}
