"""Suppressions by hand, from a file and into one, on each database."""

import csv
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from campaigns.errors import BadFeedback
from campaigns.init import init
from campaigns.project import Project
from campaigns.store.suppression import address_hash, all_suppressions, suppressed_addresses
from campaigns.store.tables import messages, runs
from campaigns.suppressions import add, export_file, import_file

NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)


@pytest.fixture
def project(tmp_path, database, monkeypatch):
    monkeypatch.setenv("HANDPICKED_DATABASE", database)
    init(tmp_path)
    with Project.open(tmp_path) as opened:
        yield opened


def take(project, text):
    path = project.folder / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_file(project, path)


def kept(project):
    return {each.address_hash: (each.reason, each.since) for each in all_suppressions(project.store)}


def test_an_address_is_added_once(project):
    assert add(project, " Ada@Example.com ", "asked on the phone")
    assert not add(project, "ada@example.com", "again")
    assert [reason for reason, _ in kept(project).values()] == ["asked on the phone"]


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.com", "ada@example.com, bob@example.com"])
def test_what_is_no_address_is_not_added(project, text):
    with pytest.raises(BadFeedback, match=r"is no address; write it as name@example\.com"):
        add(project, text, "x")
    assert kept(project) == {}


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com\nBob@example.com\n",
        "Email,Name\nada@example.com,Ada\nbob@example.com,\n",
        "name,email address,reason\nAda,ada@example.com,bounced\nBob,bob@example.com,\n",
        "\ufeffaddress\r\nada@example.com\r\n\r\nbob@example.com\r\n",
        f"hash\n{address_hash('ada@example.com')}\n{address_hash('bob@example.com').upper()}\n",
    ],
)
def test_addresses_and_hashes_are_imported_with_or_without_names_of_columns(project, text):
    done = take(project, text)
    assert (done.added, done.known, done.bad) == (2, 0, [])
    assert set(kept(project)) == {address_hash("ada@example.com"), address_hash("bob@example.com")}
    assert (take(project, text).added, take(project, text).known) == (0, 2)


def test_bad_lines_are_told_by_number_and_kept_out_and_the_others_go_in(project):
    long = b"x" * 200_000
    done = take(
        project,
        b"ada@example.com\nnobody\n\n\xff@example.com\nabc123\nbob@example.com\n"
        + long
        + b'\n"eve@example.com,,yesterday\ncleo@example.com\n',
    )
    assert done.added == 3
    assert [bad.line for bad in done.bad] == [2, 4, 5, 7, 8]
    assert done.bad[0].problem == "'nobody' is neither an address nor the SHA-256 hash of one"
    assert "field larger" in done.bad[3].problem
    assert address_hash("cleo@example.com") in kept(project)


def test_a_time_that_is_none_is_told(project):
    done = take(project, "email,since\nada@example.com,yesterday\nbob@example.com,2026-03-01\n")
    assert [(bad.line, bad.problem.partition(";")[0]) for bad in done.bad] == [(2, "since 'yesterday' is not a time")]
    assert kept(project) == {address_hash("bob@example.com"): ("imported", datetime(2026, 3, 1, tzinfo=UTC))}


def test_what_is_exported_is_imported_as_it_was(project, tmp_path):
    take(project, "email,reason,since\nada@example.com,complained,2026-03-01T10:00:00+02:00\nbob@example.com,,\n")
    before, file = kept(project), tmp_path / "all.csv"
    assert export_file(project, file) == 2
    with file.open(newline="") as lines:
        assert next(csv.reader(lines)) == ["address_hash", "reason", "since"]
    assert "example.com" not in file.read_text()
    with project.store.writing() as write:
        write.exec_driver_sql("DELETE FROM suppressions")
    done = import_file(project, file)
    assert (done.added, done.bad) == (2, [])
    assert kept(project) == before


def test_an_empty_list_is_a_file_with_names_only(project, tmp_path):
    assert export_file(project, tmp_path / "all.csv") == 0
    assert import_file(project, tmp_path / "all.csv").added == 0


def test_messages_that_wait_for_an_imported_hash_are_not_sent(project):
    with project.store.writing() as write:
        write.execute(insert(runs).values(id="r", campaign="w", scheduled_at=NOW, as_of=NOW, state="delivering"))
        rows = [{"customer_id": who, "address": f"{who}@example.com"} for who in ("ada", "bob")]
        write.execute(
            insert(messages), [{**each, "run_id": "r", "state": "waiting", "changed_at": NOW} for each in rows]
        )
    assert take(project, address_hash("ada@example.com")).withdrawn == 1
    with project.store.engine.connect() as read:
        assert dict(read.execute(select(messages.c.customer_id, messages.c.state)).all()) == {
            "ada": "suppressed",
            "bob": "waiting",
        }


def test_files_that_can_not_be_used_are_told(project, tmp_path):
    with pytest.raises(BadFeedback, match=r"can't be read: .*; name a CSV file"):
        import_file(project, tmp_path / "none.csv")
    with pytest.raises(BadFeedback, match=r"can't be written: .*; name a file in a folder"):
        export_file(project, tmp_path / "none" / "all.csv")
    assert not suppressed_addresses(project.store, ["ada@example.com"])
