"""Long-lived processes: two on one database make one run of a due time; one that is told to end drains."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from campaigns.init import init
from campaigns.project import Project
from campaigns.store.tables import messages, runs
from campaigns.sync import pull
from campaigns.train import train
from tests.campaigns.delivering import SmtpServer, open_shop, rows, states, until

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from campaigns.cli import main; main()"]


def lay_out(folder, write_shop):
    init(folder, pretend_now="2026-03-02T13:00:00Z")
    write_shop(folder / "data", customers=30, consent=["subscribed"])
    campaign = folder / "campaigns" / "weekly_digest.toml"
    text = (
        campaign.read_text()
        .replace('"0 8 * * mon"', '"* * * * *"')
        .replace('"recipient"', '"UTC"')
        .replace("holdout = 0.05", "holdout = 0.0")
    )
    campaign.write_text(
        text.replace("grace_hours = 6", "grace_hours = 0.02").replace(
            "not_shown_again = true", "not_shown_again = false"
        )
    )


@pytest.mark.slow
def test_two_processes_make_one_run_of_a_due_time_and_send_each_message_once(tmp_path, database, write_shop):
    lay_out(tmp_path, write_shop)
    environment = {**os.environ, "HANDPICKED_DATABASE": database}
    os.environ["HANDPICKED_DATABASE"] = database
    try:
        with Project.open(tmp_path) as project:
            pull(project, "shop")
            train(project)
            while datetime.now(UTC).second > 40:  # start early in a minute: its end is the due time
                time.sleep(1)
            both = [
                subprocess.Popen(
                    [*COMMAND, "--project", str(tmp_path), "run"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
                )
                for _ in range(2)
            ]
            deadline = time.monotonic() + 110
            finished = 0
            while finished == 0 and time.monotonic() < deadline:
                time.sleep(1)
                with project.store.engine.connect() as read:
                    finished = read.scalar(select(func.count()).select_from(runs).where(runs.c.state == "finished"))
            for process in both:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(timeout=60) for process in both]
            with project.store.engine.connect() as read:
                found = read.execute(select(runs.c.id, runs.c.scheduled_at)).all()
                sent = read.scalar(select(func.count()).select_from(messages).where(messages.c.state == "sent"))
    finally:
        del os.environ["HANDPICKED_DATABASE"]
    assert codes == [0, 0]
    assert finished >= 1
    assert len({scheduled_at for _, scheduled_at in found}) == len(found)
    assert sent == 30 * len(found)
    assert len(list((tmp_path / "outbox" / "new").iterdir())) == sent
    shutil.rmtree(tmp_path / "outbox")


def test_a_process_that_is_told_to_end_finishes_what_it_sends_and_hands_back_the_rest(tmp_path):
    server = SmtpServer(tmp_path, slow=0.02)
    server.start()
    try:
        with open_shop(tmp_path / "shop", 80, server.url) as project:
            process = subprocess.Popen([*COMMAND, "--project", str(project.folder), "run"], cwd=ROOT)
            until(lambda: server.taken.total() >= 10 or process.poll() is not None)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
            sent = server.taken.total()
            assert 10 <= sent < 80
            assert states(project) == {"sent": sent, "waiting": 80 - sent}
            assert {row.claimed_by for row in rows(project, state="waiting")} == {None}
    finally:
        server.stop()
