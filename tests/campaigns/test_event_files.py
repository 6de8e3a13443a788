"""Behaviour events from files: each once, whatever way it came first; bad lines are told with their number."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from typer.testing import CliRunner

from campaigns import event_files
from campaigns.cli import app
from campaigns.collect import collect
from campaigns.errors import BadEvents
from campaigns.init import init
from campaigns.look import progress_of
from campaigns.project import Project
from campaigns.store.quarantine import quarantine_counts
from campaigns.store.tables import events, quarantine

NOW = datetime.now(UTC)
KEY = "a-write-key-of-a-test"


@pytest.fixture
def shop(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as project:
        project.settings.events.write_keys = (SecretStr(KEY),)
        yield project


def line(number, **more):
    at = (NOW - timedelta(hours=1)).isoformat()
    told = {"type": "track", "event": "Product Viewed", "properties": {"product_id": f"p{number}"}, "timestamp": at}
    return json.dumps({**told, "messageId": f"m{number}", "anonymousId": "a1", **more})


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def products(project):
    with project.store.engine.connect() as read:
        return sorted(read.execute(select(events.c.product_id)).scalars())


def test_a_file_is_taken_in_once_however_often(shop, tmp_path):
    path = write(tmp_path / "events.jsonl", line(1), "", line(2), line(1))
    assert (event_files.import_file(shop, path).kept.new, products(shop)) == ({"viewed": 2}, ["p1", "p2"])
    again = event_files.import_file(shop, path)
    assert (again.kept.new, again.kept.repeated) == ({}, 3)


def test_what_came_over_the_web_is_not_taken_in_again_from_a_file(shop, tmp_path):
    body = {"writeKey": KEY, "batch": [json.loads(line(1)), json.loads(line(2))]}
    collect(shop, json.dumps(body).encode(), "", NOW)
    done = event_files.import_file(shop, write(tmp_path / "events.jsonl", line(2), line(3)))
    assert (done.kept.new, done.kept.repeated) == ({"viewed": 1}, 1)
    assert products(shop) == ["p1", "p2", "p3"]


def test_bad_lines_are_told_with_their_number_and_good_ones_go_on(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(event_files, "AT_ONCE", 2)
    deep = "[" * 100_000
    lines = [line(1), "{no json", line(2, userId={}), "", line(3), deep, line(4, type=None), '"text"', line(5)]
    path = write(tmp_path / "events.jsonl", *lines)
    with path.open("ab") as file:
        file.write(b'{"type": "\xff"}\n')
    done = event_files.import_file(shop, path)
    assert products(shop) == ["p1", "p3", "p5"]
    assert [bad.place.rpartition(" ")[2] for bad in done.bad] == ["2", "3", "6", "7", "8", "10"]
    assert [bad.reason for bad in done.bad][:2] == ["bad_json", "bad_userId"]
    with shop.store.engine.connect() as read:
        kept = read.execute(select(quarantine.c.place, quarantine.c.record)).all()
    assert ("events.jsonl line 2", "{no json") in [tuple(row) for row in kept]
    assert len(kept) == 6


def test_what_was_mended_leaves_the_quarantine_and_that_of_other_files_stays(shop, tmp_path):
    event_files.import_file(shop, write(tmp_path / "other.jsonl", "no"))
    path = write(tmp_path / "events.jsonl", "no", line(1))
    event_files.import_file(shop, path)
    assert quarantine_counts(shop.store)["records"].sum() == 2
    event_files.import_file(shop, write(path, line(2), line(1)))
    assert quarantine_counts(shop.store)["first place"].tolist() == ["other.jsonl line 1"]


def test_a_gzipped_file_is_read_and_a_broken_one_is_told(shop, tmp_path):
    path = tmp_path / "events.jsonl.gz"
    whole = gzip.compress(f"{line(1)}\n{line(2)}\n".encode())
    path.write_bytes(whole)
    assert event_files.import_file(shop, path).kept.new == {"viewed": 2}
    for broken in (whole[:-9], b"no gzip", whole[:20] + b"\xff" * 20):
        path.write_bytes(broken)
        with pytest.raises(BadEvents, match=r"can't be unpacked: .*gzip it again"):
            event_files.import_file(shop, path)


def test_a_file_that_is_not_there_is_told(shop, tmp_path):
    with pytest.raises(BadEvents, match=r"no file .*nowhere\.jsonl; name a file of JSON Lines"):
        event_files.import_file(shop, tmp_path / "nowhere.jsonl")


def test_the_command_tells_what_came_of_the_lines(shop, tmp_path):
    path = write(tmp_path / "events.jsonl", line(1), line(2, type="identify"), "no")
    run = CliRunner()
    told = run.invoke(app, ["--project", str(tmp_path), "events", "import", str(path)])
    assert told.exit_code == 3
    assert "events.jsonl line 3: the line is no JSON; kept in quarantine" in told.output
    again = run.invoke(app, ["--project", str(tmp_path), "events", "import", str(path), "--json"])
    facts = json.loads(again.stdout)
    assert (facts["events"], facts["repeated"], facts["identified"]) == ({}, 1, 1)
    assert facts["bad"] == [{"place": "events.jsonl line 3", "problem": "the line is no JSON"}]
    status = run.invoke(app, ["--project", str(tmp_path), "sync", "status", "--json"])
    (stream,) = json.loads(status.stdout)["streams"]
    assert (stream["connection"], stream["records"], stream["quarantine"]) == ("behaviour events", 1, 1)


def test_a_file_of_nothing_good_is_told_by_the_status_too(shop, tmp_path):
    event_files.import_file(shop, write(tmp_path / "events.jsonl", "no"))
    ((stream,), _) = progress_of(shop)
    assert (stream.records, stream.quarantine) == (0, 1)


def test_a_file_of_nothing_wrong_ends_well(shop, tmp_path):
    path = write(tmp_path / "events.jsonl", line(1))
    assert CliRunner().invoke(app, ["--project", str(tmp_path), "events", "import", str(path)]).exit_code == 0
