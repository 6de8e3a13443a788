"""Pages on each database: rows and cursor in one transaction, upserts, versions."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from sqlalchemy import func, select, text

from campaigns.errors import StoreError
from campaigns.store import pages, quarantine
from campaigns.store.database import open_store
from campaigns.store.tables import customers, events, orders
from crm_adapters.base import Page, Reject
from crm_adapters.records import CUSTOMERS, EVENTS, ORDERS

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def page(*ids, name="Ann"):
    rows = [
        {"id": i, "email": f" {i}@Example.com", "first_name": name, "consent_email": "subscribed", "objected": False}
        for i in ids
    ]
    return pa.Table.from_pylist(rows, schema=CUSTOMERS)


def save(store, rows, cursor, stream="customers", connection="shop", **more):
    return pages.save_page(store, connection, stream, Page(stream, rows, cursor=cursor, **more), NOW)


def order(*lines):
    """Order lines (order, line, product) as a page."""
    common = {"placed_at": NOW, "status": "paid", "test": False, "quantity": 1.0, "refunded_quantity": 0.0}
    rows = [{"order_id": o, "line_id": n, "product_id": p, **common} for o, n, p in lines]
    return pa.Table.from_pylist(rows, schema=ORDERS)


def found(store, *columns):
    with store.engine.connect() as read:
        return sorted(tuple(row) for row in read.execute(select(*columns)))


def bought(store):
    """Every (order, line, product) in the store."""
    with store.engine.connect() as read:
        rows = read.execute(select(orders.c.id, orders.c.lines)).all()
    return sorted((o, n, p) for o, doc in rows for n, p in zip(doc["line_id"], doc["product_id"], strict=True))


def test_a_page_saved_again_changes_nothing_and_a_changed_record_is_updated(store):
    save(store, page("1", "2"), "a")
    save(store, page("2", "3", name="Bea"), "b")
    with store.engine.connect() as read:
        found = dict(read.execute(select(customers.c.id, customers.c.first_name)).all())
        assert read.scalar(select(customers.c.email_normalised).where(customers.c.id == "1")) == "1@example.com"
    assert found == {"1": "Ann", "2": "Bea", "3": "Bea"}
    assert pages.read_cursor(store, "shop", "customers") == "b"


def test_the_last_of_equal_keys_in_one_page_wins(store):
    rows = pa.concat_tables([page("1", name="Ann"), page("1", name="Bea")])
    save(store, rows, "a")
    with store.engine.connect() as read:
        assert read.execute(select(customers.c.first_name)).scalars().all() == ["Bea"]


def test_a_fault_between_page_and_cursor_saves_neither(store, monkeypatch):
    save(store, page("1"), "a")

    def fault(*_):
        raise RuntimeError("killed here")

    monkeypatch.setattr(pages, "_save_cursor", fault)
    with pytest.raises(RuntimeError):
        save(store, page("2"), "b")
    monkeypatch.undo()
    with store.engine.connect() as read:
        assert read.scalar(select(func.count()).select_from(customers)) == 1
    assert pages.read_cursor(store, "shop", "customers") == "a"


def test_times_come_back_as_they_went_in(store):
    row = {"id": "e", "kind": "viewed", "at": NOW}
    save(store, pa.Table.from_pylist([row], schema=EVENTS), "a", "events")
    with store.engine.connect() as read:
        assert read.scalar(select(events.c.at)) == NOW
        assert read.scalar(select(func.count()).select_from(events).where(events.c.at < NOW)) == 0


def test_a_database_of_a_newer_version_is_refused(store):
    with store.writing() as write:
        write.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer than this Handpicked"):
        open_store(store.url)


def test_a_bulk_transaction_inside_an_open_connection_is_refused_on_sqlite(store):
    with store.engine.connect() as read:
        read.execute(select(customers.c.id))
        if store.engine.dialect.name == "postgresql":  # its server keeps the two apart
            with store.bulk() as bulk:
                assert bulk.read(select(customers.c.id)).num_rows == 0
            return
        with pytest.raises(RuntimeError, match="inside an open connection"), store.bulk():
            pass


def test_a_line_taken_out_of_an_order_is_gone_and_other_orders_keep_theirs(store):
    save(store, order(("1", "a", "p"), ("1", "b", "q"), ("2", "a", "p")), "1", "orders")
    save(store, order(("1", "b", "r")), "2", "orders")
    assert bought(store) == [("1", "b", "r"), ("2", "a", "p")]


def test_of_a_line_said_twice_the_last_one_counts(store):
    save(store, order(("1", "a", "p"), ("2", "a", "p"), ("1", "a", "q")), "1", "orders")
    assert bought(store) == [("1", "a", "q"), ("2", "a", "p")]
    assert found(store, orders.c.id) == [("1",), ("2",)]


def test_a_deleted_order_takes_its_lines_along(store):
    save(store, order(("1", "a", "p"), ("2", "a", "p")), "1", "orders")
    save(store, order(), "2", "orders", gone=["1"])
    assert found(store, orders.c.id) == [("2",)]
    assert bought(store) == [("2", "a", "p")]


def test_more_deletions_than_a_statement_can_name_are_all_made(store):
    save(store, page(*map(str, range(40_000))), "1")
    save(store, page(), "2", gone=[str(n) for n in range(39_999)])
    with store.engine.connect() as read:
        assert read.scalar(select(func.count()).select_from(customers).where(customers.c.erased_at.is_(None))) == 1


def test_an_id_that_another_connection_brought_goes_to_quarantine_and_the_others_go_on(store):
    save(store, page("1", "2", name="Ann"), "a")
    assert save(store, page("2", "3", name="Bea"), "b", connection="other") == 1
    assert found(store, customers.c.id, customers.c.first_name) == [("1", "Ann"), ("2", "Ann"), ("3", "Bea")]
    kept = quarantine.quarantine_counts(store).to_dict("records")
    assert [(row["connection"], row["reason"], row["first place"]) for row in kept] == [
        ("other", "id_of_another_connection", "customers 2")
    ]


def test_what_was_mended_leaves_the_quarantine_when_the_source_is_read_anew(store):
    bad = [Reject("customers.csv line 2", "bad_email", "bad email: 'x'", "{}")]
    save(store, page("1"), "a", rejects=bad, first=True)
    assert len(quarantine.quarantine_counts(store)) == 1
    save(store, page("2"), "b")
    assert len(quarantine.quarantine_counts(store)) == 1
    save(store, page("1", "2"), "c", first=True)
    assert quarantine.quarantine_counts(store).empty


def test_a_customer_who_comes_again_is_back(store):
    save(store, page("1", "2"), "1")
    save(store, page(), "2", gone=["1", "2"])
    save(store, page("2"), "3")
    with store.engine.connect() as read:
        assert read.execute(select(customers.c.id).where(customers.c.erased_at.is_(None))).scalars().all() == ["2"]
