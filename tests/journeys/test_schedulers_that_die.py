"""Two long-lived processes on one database, and one is killed in the middle of a run: the other one ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.report import report
from campaigns.sync import pull
from campaigns.train import train
from tests.cluster import free_port

ROOT = Path(__file__).parents[2]
CUSTOMERS = int(os.environ.get("HANDPICKED_TEST_RECIPIENTS", "60"))
CONNECTIONS = 4 if CUSTOMERS < 1000 else 20
DELIVERY = f"""
[delivery]
lease_seconds = 3
per_second = {CUSTOMERS / 5}
connections = {CONNECTIONS}
retry_after_minutes = [0.02]
"""


def lay_out(folder, write_shop, port):
    """A shop that is trained already."""
    init(folder, pretend_now="2026-03-02T13:00:00Z")
    write_shop(folder / "data", customers=CUSTOMERS, consent=["subscribed"])
    settings = folder / "handpicked.toml"
    settings.write_text(settings.read_text().replace("maildir:outbox", f"smtp://127.0.0.1:{port}") + DELIVERY)


def due_soon(campaign):
    """Let a campaign be due once: at the next minute that leaves both processes time to start."""
    due = datetime.now(UTC) + timedelta(seconds=75)
    changes = {'"0 8 * * mon"': f'"{due.minute} * * * *"', '"recipient"': '"UTC"',
               "holdout = 0.05": "holdout = 0.0", 'in_doubt = "skip"': 'in_doubt = "resend"'}  # fmt: skip
    text = campaign.read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    campaign.write_text(text)


def taken(record):
    return record.read_text().splitlines() if record.exists() else []


def until(true, seconds):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_run_of_a_scheduler_that_is_killed_is_ended_by_the_other(tmp_path, database, write_shop, monkeypatch):
    monkeypatch.setenv("HANDPICKED_DATABASE", database)
    port, record = free_port(), tmp_path / "taken"
    command = [sys.executable, "-c", "from campaigns.cli import main; main()", "--project", str(tmp_path), "run"]
    sink = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sink", str(port), str(record), json.dumps({})], cwd=ROOT
    )
    both = []
    try:
        lay_out(tmp_path, write_shop, port)
        with Project.open(tmp_path) as project:
            pull(project, "shop")
            train(project)
            due_soon(tmp_path / "campaigns" / "weekly_digest.toml")
            both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(2)]
            until(lambda: len(taken(record)) >= CUSTOMERS // 4, 150 + CUSTOMERS / 10)
            both[0].send_signal(signal.SIGKILL)
            until(lambda: len(set(taken(record))) >= CUSTOMERS, 60)
            until(lambda: report(project, "weekly_digest")[0].state == "finished", 30)
            (run,) = report(project, "weekly_digest")
            both[1].send_signal(signal.SIGTERM)
            assert both[1].wait(timeout=60) == 0
    finally:
        for process in [sink, *both]:
            process.kill()
            process.wait()
    got = Counter(line.partition("\t")[0] for line in taken(record))
    assert run.states == {"sent": CUSTOMERS}
    assert len(got) == CUSTOMERS
    assert sum(got.values()) - CUSTOMERS <= CONNECTIONS, "at most what the killed process held, one for each connection"
