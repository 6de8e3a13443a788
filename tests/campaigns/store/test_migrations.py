"""The tables that migrations make are those that the code expects, and old messages live through them."""

import subprocess
import sys
from datetime import timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select, text

from campaigns.store.database import alembic_config, open_store, versions
from campaigns.store.tables import EPOCH, message_contents, messages, metadata, runs
from tests.campaigns.store.outbox_rows import NOW, RUN, claim, key, states


def test_the_tables_made_by_migrations_are_those_of_the_code(store):
    with store.engine.connect() as read:
        assert compare_metadata(MigrationContext.configure(read), metadata) == []


def test_the_versions_are_those_of_the_migrations_in_their_order():
    scripts = ScriptDirectory.from_config(alembic_config())
    assert versions() == [each.revision for each in reversed(list(scripts.walk_revisions()))]


def test_a_store_that_is_up_to_date_is_opened_without_the_tool_that_migrates(database):
    with open_store(database):
        pass
    code = f"import sys; from campaigns.store.database import open_store; open_store({database!r}).close()"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'alembic' not in sys.modules"], check=True)


def test_a_column_that_no_migration_makes_is_found(store):
    with store.writing() as write:
        write.execute(text("ALTER TABLE messages DROP COLUMN answer"))
    with store.engine.connect() as read:
        assert len(compare_metadata(MigrationContext.configure(read), metadata)) == 1


@pytest.fixture
def third(database):
    """A database of the third version, with a run of four messages, one of them sent, two with nothing that it says."""
    config, engine = alembic_config(), create_engine(database)
    with engine.begin() as write:
        config.attributes["connection"] = write
        command.upgrade(config, "0003")
        header = {"id": RUN, "campaign": "weekly", "scheduled_at": NOW, "as_of": NOW, "state": "delivering"}
        write.execute(insert(runs).values(**header, settings={"in_doubt": "skip"}))
        planned = ("waiting", '{"picks": []}'), ("waiting", '{"picks": [{}]}'), ("sent", "null"), ("skipped", None)
        rows = [
            {"customer": f"c{n}", "key": key(n), "address": f"c{n}@example.com", "state": state, "content": content}
            for n, (state, content) in enumerate(planned)
        ]
        write.execute(
            text(
                "INSERT INTO messages"
                " (run_id, customer_id, state, due_at, address, rfc_message_id, changed_at, content)"
                f" VALUES ('{RUN}', :customer, :state, :now, :address, :key, :now, :content)"
            ),
            [{**row, "now": (NOW - EPOCH) // timedelta(microseconds=1)} for row in rows],
        )
    engine.dispose()
    return database


def test_messages_that_wait_in_a_database_of_the_third_version_are_kept_and_expire_after_two_days(third):
    with open_store(third) as store:
        assert states(store) == {"waiting": 2, "sent": 1, "skipped": 1}
        with store.engine.connect() as read:
            assert set(read.execute(select(messages.c.expires_at)).scalars()) == {NOW + timedelta(hours=48)}
        assert [(row.key, row.expires_at, row.content()) for row in claim(store)] == [
            (key(0), NOW + timedelta(hours=48), {"picks": []}),
            (key(1), NOW + timedelta(hours=48), {"picks": [{}]}),
        ]


def test_only_messages_that_say_something_have_a_content_after_the_seventh_version(third):
    with open_store(third) as store, store.engine.connect() as read:
        whose = message_contents.c.customer_id
        assert read.execute(select(whose).order_by(whose)).scalars().all() == ["c0", "c1"]


def test_a_database_of_the_third_version_has_all_tables_afterwards(third):
    with open_store(third) as store, store.engine.connect() as read:
        assert compare_metadata(MigrationContext.configure(read), metadata) == []
