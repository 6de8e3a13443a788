"""Every command that the README shows is run."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.errors import CampaignError

ROOT = Path(__file__).parents[1]
SHOWN = [
    line.strip().split("  #")[0]
    for line in (ROOT / "README.md").read_text().splitlines()
    if re.match(r"    (make|handpicked) ", line)
]


def test_every_make_target_that_is_shown_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in SHOWN if line.startswith("make")} <= targets


def test_every_handpicked_command_that_is_shown_works(tmp_path, write_shop, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the README writes files
    run = CliRunner()
    quick = (re.sub(r"--minutes \d+", "--minutes 0.05", line) for line in SHOWN)
    commands = [shlex.split(line)[1:] for line in quick if line.startswith("handpicked")]
    assert len(commands) >= 10
    # The demo's project is made first, here of a small shop: the README's own order needs a year of purchases.
    commands.sort(key=lambda words: words[1] == "demo")
    assert run.invoke(app, ["--project", str(tmp_path), "init"]).exit_code == 0
    write_shop(tmp_path / "data", customers=30, prefix="")
    viewed = {"type": "track", "event": "Product Viewed", "userId": "1", "properties": {"product_id": "p1"}}
    (tmp_path / "events.jsonl").write_text(json.dumps(viewed) + "\n")
    for words in commands:
        words[1] = str(tmp_path)
        done = run.invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, f"{words}: {done.output}"


@pytest.mark.parametrize(
    "words", [["report", "nothing"], ["preview", "weekly_digest", "--customer", "x"], ["sync", "pull", "x"]]
)
def test_what_does_not_exist_is_told_with_what_does(tmp_path, words):
    run = CliRunner()
    run.invoke(app, ["--project", str(tmp_path), "init"])
    refused = run.invoke(app, ["--project", str(tmp_path), *words])
    assert isinstance(refused.exception, CampaignError)
    assert refused.exception.remedy


def test_help_loads_no_pandas():
    code = """
import sys
from campaigns.cli import app
sys.argv = ["handpicked", "--help"]
try:
    app()
except SystemExit:
    assert "pandas" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode == 0
