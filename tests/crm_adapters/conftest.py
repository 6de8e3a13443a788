"""Worlds: each kind of file and database, filled in its own form, for the checks that every adapter must pass."""

import csv
import itertools
import json
import os
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet
import pytest
from sqlalchemy import Column, DateTime, MetaData, String, Table, create_engine, insert, inspect, text
from sqlalchemy.pool import NullPool

from crm_adapters.files import Files
from crm_adapters.mapping import load_mapping
from crm_adapters.records import Stream
from crm_adapters.sql import Sql

KEYS = {Stream.ORDERS: ("order_id", "line_id"), Stream.OFFERS: ("product_id", "kind", "starts_at")}
CLOCK = itertools.count(1_800_000_000)


def keyed(stream, records):
    return {tuple(record[name] for name in KEYS.get(stream, ("id",))): record for record in records}


def names_of(records):
    return list(dict.fromkeys(name for record in records for name in record))


class Folder:
    """Exports, each file written whole; a file that changed is read again from its start."""

    streams = tuple(Stream)
    by_change = False
    tells_deletions = False
    tells_merges = False

    def __init__(self, folder, ending, page_records):
        self.folder, self.ending, self.page_records = folder, ending, page_records
        self.clear()

    def clear(self):
        for path in self.folder.iterdir():
            path.unlink()
        self.records = {stream: {} for stream in Stream}

    def put(self, stream, records):
        self.records[stream] |= keyed(stream, records)
        rows = [self.records[stream][key] for key in sorted(self.records[stream])]
        half = self.folder / "half"
        {"csv": write_csv, "jsonl": write_json_lines, "parquet": write_parquet}[self.ending](half, rows)
        second = next(CLOCK)  # two writes within one tick of the clock look the same to a file system
        os.utime(half, (second, second))
        half.replace(self.folder / f"{stream}.{self.ending}")

    def open(self):
        return Files(self.folder)

    def pushed(self):
        path = self.folder / "recommended.csv"
        if not path.exists():
            return {}
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {row.pop("customer_id"): {name: value for name, value in row.items() if value} for row in rows}


def plain(row):
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names_of(rows))
        writer.writeheader()
        writer.writerows(plain(row) for row in rows)


def write_json_lines(path, rows):
    path.write_text("".join(json.dumps(plain(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path, rows):
    """Times that are known as such stay typed."""
    columns = {name: [row.get(name) for row in rows] for name in names_of(rows)}
    pa.parquet.write_table(pa.table(columns), path)


class SmallBatches(pa.parquet.ParquetFile):
    """Reads as few rows at a time as the world's pages hold."""

    def iter_batches(self, batch_size):
        return super().iter_batches(batch_size=60)


class Database:
    """An app's own tables with text columns, and a time of the last change of the database's own type."""

    streams = tuple(Stream)
    by_change = True
    tells_deletions = False
    tells_merges = False
    page_records = 40

    def __init__(self, url, mapping):
        self.url, self.mapping = url, load_mapping(mapping)
        self.engine = create_engine(url, poolclass=NullPool)

    def clear(self):
        with self.engine.begin() as write:
            for name in inspect(write).get_table_names():
                write.execute(text(f"DROP TABLE {name}"))

    def put(self, stream, records):
        table = self.table(stream, names_of(records))
        keys = [table.c[name] for name in KEYS.get(stream, ("id",))]
        with self.engine.begin() as write:
            table.create(write, checkfirst=True)
            for key in keyed(stream, records):
                write.execute(table.delete().where(*(column == value for column, value in zip(keys, key, strict=True))))
            write.execute(insert(table), [dict(record) for record in records])

    def table(self, stream, names):
        times = [Column(name, DateTime(timezone=True)) for name in names if name == "updated_at"]
        return Table(stream, MetaData(), *(Column(name, String) for name in names if name != "updated_at"), *times)

    def open(self):
        return Sql(self.url, self.mapping, page_rows=self.page_records)

    def pushed(self):
        with self.engine.connect() as read:
            if not inspect(read).has_table("recommended"):
                return {}
            rows = [dict(row) for row in read.execute(text("SELECT * FROM recommended")).mappings()]
        return {row.pop("customer_id"): {name: value for name, value in row.items() if value} for row in rows}


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def folder_world(request, tmp_path, monkeypatch):
    monkeypatch.setattr("crm_adapters.files.BLOCK_BYTES", 3_000)
    monkeypatch.setattr("crm_adapters.files.ROWS", 60)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", SmallBatches)
    folder = tmp_path / "exports"
    folder.mkdir()
    return Folder(folder, request.param, page_records=60)


@pytest.fixture(scope="session")
def shop_on_postgres(postgres):
    """One database for all tests: making one for each takes longer than most of them."""
    return postgres.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def emptied(request, tmp_path):
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        (tmp_path / "app.db").touch()
        return f"sqlite:///{tmp_path / 'app.db'}"
    url = request.getfixturevalue("shop_on_postgres")
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return url


@pytest.fixture
def database_world(emptied, tmp_path):
    mapping = tmp_path / "by-change.toml"
    mapping.write_text(
        "".join(f'[{stream}]\nupdated = "updated_at"\n' for stream in ("customers", "products", "orders"))
    )
    return Database(emptied, mapping)
