"""The commands that deliver and decide about runs, as they are typed: what they print, and their exit codes."""

import json

import pytest
import typer
from typer.testing import CliRunner

from campaigns import cli, cli_delivery
from campaigns.console import refuse
from campaigns.errors import CampaignError
from campaigns.project import real_now
from campaigns.store import runs
from campaigns.store.tables import messages
from tests.campaigns.delivering import open_shop, rows, states
from tests.faults.outbox_of import RUN, address

app = typer.Typer()
app.callback()(cli.options)
cli_delivery.mount(app)


@pytest.fixture
def shop(tmp_path):
    """A project whose four messages wait for a Maildir."""
    with open_shop(tmp_path / "shop", 4, "maildir:outbox") as project:
        yield project


@pytest.fixture
def run(shop):
    """Types a command in the shop; gives exit code, and what it printed."""

    def type_in(*words):
        done = CliRunner().invoke(app, ["--project", str(shop.folder), *words])
        if isinstance(done.exception, CampaignError):
            return 1, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.stdout

    return type_in


def change(shop, numbers, **values):
    with shop.store.writing() as write:
        write.execute(messages.update().where(messages.c.customer_id.in_(map(str, numbers))).values(**values))


def doubt(shop, *numbers):
    change(shop, numbers, state="in_doubt", reason="the server's answer was lost", answer="connection lost")


def test_delivering_prints_how_many_ended_how(run, shop):
    assert run("deliver", "--until-empty") == (0, "sent: 4\n")
    assert run("deliver") == (0, "nothing is due\n")
    assert len(list((shop.folder / "outbox" / "new").iterdir())) == 4


def test_delivering_prints_facts_as_json(run):
    code, told = run("deliver", "--json")
    assert (code, json.loads(told)) == (0, {"sent": 4})
    assert json.loads(run("deliver", "--json")[1]) == {}


def test_a_message_that_failed_ends_with_exit_3(run, shop):
    change(shop, [2], address="eve@example.org\r\nBcc: all@example.org")
    assert run("deliver") == (3, "failed: 1\nsent: 3\n")


def test_a_transport_that_is_not_there_is_refused_with_its_remedy(run, shop, monkeypatch):
    monkeypatch.setenv("HANDPICKED_TRANSPORT", "smtp://127.0.0.1:9")
    code, told = run("deliver")
    assert code == 1
    assert "127.0.0.1" in told
    assert states(shop) == {"waiting": 4}


def test_a_run_is_paused_resumed_and_cancelled(run, shop):
    assert run("pause", "weekly_digest") == (0, f"{RUN} is paused; go on with `handpicked resume`\n")
    assert run("deliver") == (0, "nothing is due\n")
    assert run("resume", RUN) == (0, f"{RUN} goes on; `handpicked deliver` sends it\n")
    assert run("cancel", "weekly_digest") == (0, f"{RUN} is cancelled\n")
    assert states(shop) == {"skipped": 4}


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "in-doubt"])
def test_what_is_not_there_is_refused_with_its_remedy(run, command):
    code, told = run(command, "spring")
    assert code == 1
    assert "no run and no campaign 'spring'" in told
    assert "handpicked report" in told


def test_a_refusal_is_printed_whole_and_is_no_markup(run, capsys):
    _, told = run("resume", "weekly_digest")
    refuse(ValueError(f"[b]{told}[/b]"))
    assert capsys.readouterr().err.strip() == f"error: [b]{told}[/b]"


def test_nothing_in_doubt_is_told(run):
    assert run("in-doubt", "weekly_digest") == (0, f"{RUN}: 0 in doubt\n")


def test_what_is_in_doubt_is_named_with_the_servers_words(run, shop):
    doubt(shop, 1, 3)
    change(shop, [1], answer="connection [/b]")
    code, told = run("in-doubt", "weekly_digest")
    lines = told.splitlines()
    assert (code, lines[0], lines[1].split()[0]) == (0, f"{RUN}: 2 in doubt", "customer")
    assert lines[2].startswith("1 ")
    for words in (address(1), address(3), "the server's answer", "connection [/b]"):
        assert words in told
    assert states(shop) == {"waiting": 2, "in_doubt": 2}


def test_of_many_in_doubt_some_are_shown_and_json_lists_all(run, shop, monkeypatch):
    monkeypatch.setattr(cli_delivery, "SHOWN", 1)
    doubt(shop, 1, 3)
    _, told = run("in-doubt", RUN)
    assert address(1) in told
    assert address(3) not in told
    assert told.endswith("and 1 more: --json lists them all\n")
    code, told = run("in-doubt", RUN, "--json")
    found = json.loads(told)
    assert (code, found["run"], found["sent_again"]) == (0, RUN, 0)
    assert [each["address"] for each in found["in_doubt"]] == [address(1), address(3)]


def test_what_is_in_doubt_is_sent_again_when_it_is_said(run, shop):
    doubt(shop, 1, 3)
    run("deliver")
    code, told = run("in-doubt", RUN, "--resend")
    assert code == 0
    assert told.endswith("2 wait to be sent again; `handpicked deliver` sends them\n")
    assert run("deliver", "--json") == (0, '{\n  "sent": 2\n}\n')
    assert {row.state for row in rows(shop)} == {"sent"}
    assert json.loads(run("in-doubt", RUN, "--resend", "--json")[1])["sent_again"] == 0


def test_the_report_adds_up_and_points_to_those_in_doubt(run, shop):
    doubt(shop, 1)
    change(shop, [2], address="eve@example.org\r\nBcc: all@example.org")
    run("deliver")
    code, told = run("report", "weekly_digest")
    assert code == 0
    lines = told.splitlines()
    assert lines[0] == f"{RUN} finished"
    counts = [line.split()[0] + " " + line.split()[-1] for line in lines[2:5]]
    assert counts == ["failed 1", "in_doubt 1", "sent 2"]
    assert lines[5:] == ["audience: 4", f"who they are: handpicked in-doubt {RUN}"]
    found = json.loads(run("report", "weekly_digest", "--json")[1])["runs"][0]
    assert (found["audience"], found["states"]) == (4, {"failed": 1, "in_doubt": 1, "sent": 2})
    assert sum(found["states"].values()) == found["audience"]


def test_a_report_says_why_a_run_was_stopped_in_the_words_of_the_server(run, shop):
    runs.halt(shop.store, RUN, "stopped", "550 5.7.26 [/dmarc] says no", real_now())
    assert run("report", "weekly_digest")[1].splitlines()[0] == f"{RUN} stopped: 550 5.7.26 [/dmarc] says no"


@pytest.mark.parametrize("words", [("deliver", "--jobs", "0"), ("deliver", "--jobs", "many"), ("pause",)])
def test_wrong_usage_ends_with_exit_2(run, words):
    assert run(*words)[0] == 2
