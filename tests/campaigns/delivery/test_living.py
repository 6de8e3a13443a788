"""Who lives is known from a lock that the operating system lets go of, however a process ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from campaigns.delivery.living import FOLDER, lives, living

CHILD = """
import sys, time
from pathlib import Path
from campaigns.delivery.living import lives
with lives(Path(sys.argv[1]), "host:1:a"):
    print("lives", flush=True)
    time.sleep(60)
"""


def test_a_worker_is_named_while_it_lives_and_leaves_nothing_behind(tmp_path):
    with lives(tmp_path, "host:1:a"), lives(tmp_path, "host:1:b"):
        assert living(tmp_path) == {"host:1:a", "host:1:b"}
    assert living(tmp_path) == set()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_another_process_is_named_also_while_it_is_stopped_and_not_when_it_was_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGSTOP)
        assert living(tmp_path) == {"host:1:a"}
        child.kill()
        child.wait()
    assert living(tmp_path) == set()
    assert list((tmp_path / FOLDER).iterdir()) == []  # its file is tidied away


def test_before_it_is_locked_a_file_is_not_taken_for_that_of_a_dead_process(tmp_path):
    (tmp_path / FOLDER).mkdir()
    made = tmp_path / FOLDER / "host:1:a.new"
    made.touch()
    assert living(tmp_path) == set()
    assert made.exists()


def test_where_no_file_can_be_made_the_lease_must_do():
    nowhere = Path(os.devnull)
    with lives(nowhere, "host:1:a"):
        assert living(nowhere) == set()
