"""The cursor of the sql adapter, against whatever an app, a clock and a kill can do between two pages."""

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from crm_adapters.mapping import load_mapping
from crm_adapters.records import Stream
from crm_adapters.sql import Sql

MAPPING = '[customers]\ntable = "people"\nupdated = "changed"\nid = "no"\nfirst_name = "version"\n'
WRITE = st.tuples(st.just("write"), st.integers(0, 12), st.sampled_from([0, 0, 60, 250]))  # an id, seconds late
PULL = st.tuples(st.just("pull"), st.integers(1, 5), st.sampled_from([1, 2, 99]))  # rows a page, pages until the kill
STEPS = st.lists(
    st.one_of(
        *[WRITE] * 4,
        *[PULL] * 2,
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 400]), st.just(0)),
        st.tuples(st.just("future"), st.integers(0, 12), st.just(0)),
        st.tuples(st.just("no time"), st.integers(0, 12), st.just(0)),
    ),
    min_size=10,
    max_size=60,
)


@dataclass
class World:
    """An app that writes versions of rows, and what was pulled of them so far."""

    url: str
    mapping: object
    now: datetime
    version: int = 0
    cursor: str | None = None
    pulled: dict[str, str] = field(default_factory=dict)

    def run(self, statement, **values):
        with create_engine(self.url, poolclass=NullPool).begin() as connection:
            return connection.execute(text(statement), values)

    def write(self, identity, time):
        self.version += 1
        self.run("DELETE FROM people WHERE no = :no", no=identity)
        self.run("INSERT INTO people VALUES (:no, :time, :version)", no=identity, time=time, version=self.version)

    def pull(self, rows, pages):
        for number, page in enumerate(Sql(self.url, self.mapping, page_rows=rows).pull(Stream.CUSTOMERS, self.cursor)):
            if number == pages:
                return
            self.pulled |= {row["id"]: row["first_name"] for row in page.rows.to_pylist()}
            self.cursor = page.cursor

    def rows(self):
        with create_engine(self.url, poolclass=NullPool).connect() as connection:
            return {str(no): str(version) for no, version in connection.execute(text("SELECT no, version FROM people"))}


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, days_ago=st.sampled_from([0, 10]))
def test_whatever_is_written_late_early_or_again_is_pulled(steps, days_ago):
    """The cursor remembers three rows only, so that it counts and sums nearly always."""
    with tempfile.TemporaryDirectory() as folder, mock.patch("crm_adapters.marks.REMEMBERED", 3):
        path = Path(folder, "map.toml")
        path.write_text(MAPPING)
        Path(folder, "shop.db").touch()
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        world = World(f"sqlite:///{folder}/shop.db", load_mapping(path), now - timedelta(days=days_ago))
        world.run("CREATE TABLE people (no INTEGER, changed TEXT, version INTEGER)")
        for what, number, more in steps:
            if what == "wait":
                world.now += timedelta(seconds=number)
            elif what == "write":
                world.write(number, str(world.now - timedelta(seconds=more)))
            elif what == "future" and days_ago == 0:  # else "now" is ten days ago, and all that follows would be late
                world.write(number, str(now + timedelta(days=900)))
            elif what == "no time":
                world.write(number, None)
            elif what == "pull":
                world.pull(number, more)
        world.pull(2, 99)
        assert world.pulled == world.rows()
