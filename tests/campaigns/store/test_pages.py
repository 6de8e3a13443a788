"""Pages on each database: rows and cursor in one transaction, upserts, versions."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from sqlalchemy import func, select, text

from campaigns.errors import StoreError
from campaigns.store import people
from campaigns.store.database import open_store
from campaigns.store.tables import customers, events
from crm_adapters.records import CUSTOMERS, EVENTS

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def page(*ids, name="Ann"):
    rows = [
        {"id": i, "email": f" {i}@Example.com", "first_name": name, "consent_email": "subscribed", "objected": False}
        for i in ids
    ]
    return pa.Table.from_pylist(rows, schema=CUSTOMERS)


def save(store, rows, cursor, stream="customers"):
    people.save_page(store, "shop", stream, rows, [], cursor, [], NOW)


def test_a_page_saved_again_changes_nothing_and_a_changed_record_is_updated(store):
    save(store, page("1", "2"), "a")
    save(store, page("2", "3", name="Bea"), "b")
    with store.engine.connect() as read:
        found = dict(read.execute(select(customers.c.id, customers.c.first_name)).all())
        assert read.scalar(select(customers.c.email_normalised).where(customers.c.id == "1")) == "1@example.com"
    assert found == {"1": "Ann", "2": "Bea", "3": "Bea"}
    assert people.read_cursor(store, "shop", "customers") == "b"


def test_the_last_of_equal_keys_in_one_page_wins(store):
    rows = pa.concat_tables([page("1", name="Ann"), page("1", name="Bea")])
    save(store, rows, "a")
    with store.engine.connect() as read:
        assert read.execute(select(customers.c.first_name)).scalars().all() == ["Bea"]


def test_a_fault_between_page_and_cursor_saves_neither(store, monkeypatch):
    save(store, page("1"), "a")

    def fault(*_):
        raise RuntimeError("killed here")

    monkeypatch.setattr(people, "_save_cursor", fault)
    with pytest.raises(RuntimeError):
        save(store, page("2"), "b")
    monkeypatch.undo()
    with store.engine.connect() as read:
        assert read.scalar(select(func.count()).select_from(customers)) == 1
    assert people.read_cursor(store, "shop", "customers") == "a"


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
