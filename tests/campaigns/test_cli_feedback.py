"""The commands `feedback` and `suppressions`, as they are typed."""

import json

import pytest
import typer
from typer.testing import CliRunner

from campaigns import cli
from campaigns.cli_feedback import feedback, suppressions
from campaigns.init import init

app = typer.Typer()
app.callback()(cli.options)
app.add_typer(feedback, name="feedback")
app.add_typer(suppressions, name="suppressions")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Types a command in a project whose mailbox is the Maildir `bounces`; gives exit code and output."""
    init(tmp_path / "shop")
    for part in ("tmp", "new", "cur"):
        (tmp_path / "shop" / "bounces" / part).mkdir(parents=True)
    monkeypatch.setenv("HANDPICKED_MAIL__MAILBOX", "maildir:bounces")

    def type_in(*words):
        done = CliRunner().invoke(app, ["--project", str(tmp_path / "shop"), *words], catch_exceptions=False)
        return done.exit_code, done.stdout

    return type_in


def arrive(tmp_path, text):
    (tmp_path / "shop" / "bounces" / "new" / "1.x").write_text(text)


def test_reading_the_mailbox_tells_what_was_found(run, tmp_path):
    arrive(tmp_path, "From: ada@example.org\nTo: bounces@example.com\nSubject: unsubscribe\n\n")
    code, told = run("feedback", "read")
    assert code == 0
    rows = dict(line.rsplit(maxsplit=1) for line in told.splitlines())
    assert {name.strip(): count for name, count in rows.items()} == {
        "what": "count", "mails read": "1", "left flagged for you": "0", "unsubscribed": "1", "told before": "0",
        "about no message of ours": "1", "addresses suppressed": "1",
    }  # fmt: skip


def test_a_mail_for_a_person_ends_with_exit_3_and_facts_are_json(run, tmp_path):
    arrive(tmp_path, "Subject: Hello\n\n")
    code, told = run("feedback", "read", "--json")
    assert code == 3
    assert json.loads(told) == {
        "mails": 1, "flagged": 1, "events": {}, "repeated": 0, "unknown": 0, "suppressed": 0,
    }  # fmt: skip


def test_suppressions_are_added_listed_exported_and_imported(run, tmp_path):
    assert run("suppressions", "add", "ada@example.com", "--reason", "asked") == (0, "suppressed\n")
    assert run("suppressions", "add", "ADA@example.com") == (0, "was suppressed before\n")
    code, told = run("suppressions", "list")
    assert code == 0
    assert told.splitlines()[1].split()[:2] == ["asked", "1"]
    file = tmp_path / "all.csv"
    assert run("suppressions", "export", str(file)) == (0, f"1 suppressions in {file}\n")
    code, told = run("suppressions", "import", str(file), "--json")
    assert (code, json.loads(told)) == (0, {"added": 0, "known": 1, "withdrawn": 0, "bad": []})
    assert json.loads(run("suppressions", "list", "--json")[1])[0]["addresses"] == 1


def test_bad_lines_are_told_with_their_number_up_to_twenty_and_end_with_exit_3(run, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("ada@example.com\n" + "nobody\n" * 22)
    code, told = run("suppressions", "import", str(file))
    assert code == 3
    assert told.startswith("added: 1\nsuppressed before: 0\nmessages that waited and are not sent: 0\n")
    assert f"{file}:2: 'nobody' is neither an address nor the SHA-256 hash of one; kept out" in told
    assert told.count("kept out") == 20
    assert told.endswith("and 2 more lines; --json lists all\n")
    assert len(json.loads(run("suppressions", "import", str(file), "--json")[1])["bad"]) == 22
