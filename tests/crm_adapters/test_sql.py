"""The sql adapter: rows of equal times over a page's border are neither lost nor doubled."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import SourceMissing
from crm_adapters.mapping import load_mapping
from crm_adapters.records import Stream
from crm_adapters.sql import Sql


@pytest.fixture
def app(database, tmp_path):
    """An app's own schema, on each database: 300 people, only 12 distinct times."""
    engine = create_engine(database)
    with engine.begin() as write:
        write.execute(text("CREATE TABLE people (no INTEGER PRIMARY KEY, mail VARCHAR(99), changed VARCHAR(30))"))
        rows = [{"no": n, "mail": f"{n}@example.com", "changed": f"2026-01-01 00:00:{n // 25:02d}"} for n in range(300)]
        write.execute(text("INSERT INTO people VALUES (:no, :mail, :changed)"), rows)
    engine.dispose()
    mapping = tmp_path / "map.toml"
    mapping.write_text('[customers]\ntable = "people"\nupdated = "changed"\nid = "no"\nemail = "mail"\n')
    return database, load_mapping(mapping)


@pytest.mark.parametrize("page", [10, 25, 100])
def test_every_customer_is_seen_once_also_when_killed_after_each_page(app, page):
    url, mapping = app
    seen, cursor = [], None
    while found := next(Sql(url, mapping, page_rows=page).pull(Stream.CUSTOMERS, cursor), None):
        seen += found.rows["id"].to_pylist()
        cursor = found.cursor
    assert sorted(map(int, seen)) == list(range(300))


def test_fields_are_pushed_into_a_table_of_their_own_and_new_columns_are_added(app):
    url, mapping = app
    adapter = Sql(url, mapping)
    list(adapter.push([FieldUpdate("1", {"a": "x"})]))
    assert [r.status for r in adapter.push([FieldUpdate("1", {"a": "z", "b": "w"}), FieldUpdate("2", {"a": "q"})])] == [
        "sent"
    ] * 2
    with create_engine(url, poolclass=NullPool).connect() as read:
        assert sorted(read.execute(text("SELECT customer_id, a, b FROM recommended")).all()) == [
            ("1", "z", "w"),
            ("2", "q", None),
        ]


def test_a_missing_table_is_told(database):
    with pytest.raises(SourceMissing, match="orders"):
        list(Sql(database, load_mapping(None)).pull(Stream.ORDERS, None))
