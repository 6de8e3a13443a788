"""What goes back to a system is what differs from what it has acknowledged; what it refuses is kept, with its words."""

import sqlite3
from datetime import UTC, datetime

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.store import dead_letters
from campaigns.sync import connect
from campaigns.write_back import named, push, retry

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FIELDS = {f"c{n}": {"segment": "regulars", "recommended_1_title": f"Coffee {n}"} for n in range(5)}
TOO_LONG = "c" * 300  # an id that no row of the table can have


@pytest.fixture
def shop(tmp_path):
    """A project that writes back to a database of its own."""
    init(tmp_path)
    settings = tmp_path / "handpicked.toml"
    crm = tmp_path / "crm.db"
    sqlite3.connect(crm).close()
    settings.write_text(f'{settings.read_text()}\n[connections.crm]\nadapter = "sql"\nurl = "sqlite:///{crm}"\n')
    with Project.open(tmp_path) as project:
        yield project


def held(shop):
    """What the system has: customer to the fields that are not empty."""
    database = sqlite3.connect(shop.folder / "crm.db")
    database.row_factory = sqlite3.Row
    rows = database.execute("SELECT * FROM recommended").fetchall()
    database.close()
    return {row["customer_id"]: {k: row[k] for k in row.keys() if k != "customer_id" and row[k]} for row in rows}  # noqa: SIM118 - a Row gives values


def test_all_is_written_once(shop):
    first, second = push(shop, "crm", FIELDS), push(shop, "crm", FIELDS)
    assert (first.written, first.unchanged, first.fields["added"]) == (5, 0, 10)
    assert (second.written, second.unchanged, second.fields["unchanged"]) == (0, 5, 10)
    assert held(shop) == FIELDS


def test_a_changed_value_goes_alone(shop):
    push(shop, "crm", FIELDS)
    done = push(shop, "crm", {**FIELDS, "c3": {**FIELDS["c3"], "segment": "fading"}})
    assert (done.written, done.fields) == (1, {"added": 0, "changed": 1, "cleared": 0, "unchanged": 9})
    assert held(shop)["c3"] == {"segment": "fading", "recommended_1_title": "Coffee 3"}


def test_a_field_that_a_customer_no_longer_has_is_cleared(shop):
    push(shop, "crm", FIELDS)
    done = push(shop, "crm", {**FIELDS, "c1": {"segment": "regulars"}})
    assert (done.written, done.fields["cleared"]) == (1, 1)
    assert held(shop)["c1"] == {"segment": "regulars"}
    assert push(shop, "crm", {**FIELDS, "c1": {"segment": "regulars"}}).written == 0


def test_whoever_is_no_longer_among_them_keeps_no_picks(shop):
    push(shop, "crm", FIELDS)
    left = {customer: values for customer, values in FIELDS.items() if customer != "c2"}
    assert push(shop, "crm", left).fields["cleared"] == 2
    assert held(shop)["c2"] == {}


def test_a_dry_run_counts_and_writes_nothing(shop):
    push(shop, "crm", FIELDS)
    wanted = {"c0": {"segment": "new"}, "c9": {"segment": "new"}}
    done = push(shop, "crm", wanted, dry_run=True)
    assert done.fields == {"added": 1, "changed": 1, "cleared": 9, "unchanged": 0}
    assert done.written == 6
    assert held(shop) == FIELDS


def test_a_refused_update_is_kept_with_the_systems_words_and_the_others_are_written(shop):
    done = push(shop, "crm", {**FIELDS, TOO_LONG: {"segment": "regulars"}})
    assert (done.written, done.rejected) == (5, 1)
    (letter,) = dead_letters.kept(shop.store, "crm")
    assert (letter.customer_id, letter.status, letter.fields) == (TOO_LONG, "rejected", {"segment": "regulars"})
    assert "255 letters" in letter.message


def test_a_refused_update_is_not_sent_again_until_it_changes(shop):
    refused = {TOO_LONG: {"segment": "regulars"}}
    push(shop, "crm", refused)
    before = dead_letters.kept(shop.store, "crm")
    again = push(shop, "crm", refused)
    assert (again.written, again.rejected) == (0, 1)
    push(shop, "crm", {TOO_LONG: {"segment": "fading"}})
    assert [letter.fields for letter in dead_letters.kept(shop.store, "crm")] == [{"segment": "fading"}] != before


def test_retry_sends_what_was_refused_and_forgets_what_is_taken(shop):
    dead_letters.keep(
        shop.store,
        "crm",
        [dead_letters.DeadLetter("c7", {"segment": "regulars"}, "not_found", "no such customer")],
        NOW,
    )
    push(shop, "crm", {TOO_LONG: {"segment": "regulars"}})
    done = retry(shop, "crm")
    assert (done.written, done.rejected) == (1, 1)
    assert [letter.customer_id for letter in dead_letters.kept(shop.store, "crm")] == [TOO_LONG]
    assert held(shop)["c7"] == {"segment": "regulars"}
    assert push(shop, "crm", {"c7": {"segment": "regulars"}}).unchanged == 1


def test_the_mapping_chooses_fields_and_names_them(shop):
    mapping = shop.folder / "mappings" / "crm.toml"
    mapping.write_text('[push]\nsegment = "Segment"\n')
    settings = shop.folder / "handpicked.toml"
    settings.write_text(settings.read_text() + 'mapping = "mappings/crm.toml"\n')
    with Project.open(shop.folder) as project:
        adapter = connect(project, "crm")
        assert named(adapter, FIELDS)["c0"] == {"Segment": "regulars"}
