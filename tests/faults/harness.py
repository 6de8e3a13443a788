"""Prove delivery by breaking it: real processes, a recording sink, SQLite and PostgreSQL; prints a table.

    python -m tests.faults.harness              # every case, 5,000 recipients
    python -m tests.faults.harness 500 kills    # fewer, and only the cases whose name holds a word

A case lays out an outbox, delivers it while something goes wrong, starts a last process that finds all well, and then
holds three accounts against each other: what was planned, what the outbox says, what the sink took.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from campaigns.project import Project
from campaigns.store import outbox, runs
from tests.cluster import cluster, free_port
from tests.faults.child import POINTS
from tests.faults.outbox_of import RUN, address, lay_out

ROOT = Path(__file__).parents[2]
CONNECTIONS = 20
DELIVERY = f"""
[delivery]
connections = {CONNECTIONS}
lease_seconds = 2
timeout_seconds = 10
retry_after_minutes = [0.01]
"""
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Found:
    """What one case came to."""

    never: int
    unnamed: int
    repeated: int
    doubt: int
    counts: dict
    taken: int
    kills: int

    def sound(self, policy):
        """Say what is wrong; nothing, if all is as promised."""
        most = self.kills * CONNECTIONS
        wrong = []
        if self.counts.get("waiting") or self.counts.get("claimed") or self.counts.get("sending"):
            wrong.append("messages were left behind")
        if self.unnamed:
            wrong.append(f"{self.unnamed} never sent and not named as in doubt")
        if self.never > (most if policy == "skip" else 0):
            wrong.append(f"{self.never} never sent")
        if self.repeated > (most if policy == "resend" else 0):
            wrong.append(f"{self.repeated} repeated")
        if not self.counts.get("sent", 0) <= self.taken <= self.counts.get("sent", 0) + self.doubt:
            wrong.append("the report does not agree with the sink")
        return wrong


class Stage:
    """One case under way: a project, a sink, processes."""

    def __init__(self, folder, count, policy, database=None, script=None):
        self.folder, self.count, self.policy = Path(folder), count, policy
        self.record = self.folder / "taken"
        self.record.touch()
        self.kills = 0
        port = free_port()
        self.project = self.folder / "shop"
        lay_out(
            self.project,
            count,
            transport=f"smtp://127.0.0.1:{port}",
            database=database,
            in_doubt=policy,
            extra=DELIVERY,
        )
        words = ["-m", "tests.faults.sink", str(port), str(self.record), json.dumps(script or {})]
        self.sink = subprocess.Popen([sys.executable, *words], cwd=ROOT)
        _until(lambda: _listens(port))

    def start(self, *fault):
        """Start a delivering process, which may be told where to die."""
        words = ["-m", "tests.faults.child", str(self.project), *map(str, fault)]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=log, stderr=log)

    @property
    def taken(self):
        """How many lines the sink has written."""
        return self.record.read_bytes().count(b"\n")

    def kill_at(self, share, process):
        """Kill a process when so much is delivered; it may have died or ended before."""
        _until(lambda: process.poll() is not None or self.taken >= share * self.count)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills += 1

    def dies(self, *fault):
        """Start a process that dies at a fault point, and wait for that."""
        process = self.start(*fault)
        process.wait(timeout=PATIENCE_SECONDS)
        assert process.returncode == -signal.SIGKILL, f"{fault} was not reached: {process.returncode} {self.words()}"
        self.kills += 1

    def words(self):
        """What the processes said, at its end."""
        return (self.folder / "log").read_text()[-600:]

    def ends(self, process=None):
        """Let a process, or a new one, deliver what is left."""
        process = process or self.start()
        process.wait(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, f"the last process failed: {self.words()}"

    def found(self):
        """Hold the three accounts against each other."""
        got = Counter(line.partition("\t")[0] for line in self.record.read_text().splitlines())
        planned = {address(number) for number in range(self.count)}
        with Project.open(self.project) as project:
            counted = runs.counts(project.store, RUN)
            doubt = {row["address"] for row in outbox.in_doubt(project.store, RUN)}
        counts = Counter()
        for (state, _), n in counted.items():
            counts[state] += n
        final = {"failed", "expired", "skipped", "suppressed"}
        never = planned - set(got)
        refused = sum(n for state, n in counts.items() if state in final)
        return Found(
            never=len(never) - refused,
            unnamed=len(never - doubt) - refused,
            repeated=sum(got.values()) - len(got),
            doubt=len(doubt),
            counts=dict(counts),
            taken=len(got),
            kills=self.kills,
        )

    def close(self):
        """Let the sink go."""
        self.sink.kill()
        self.sink.wait()


def _until(true, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def _listens(port):
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def kill_once(share):
    def case(stage, _server):
        stage.kill_at(share, stage.start())
        stage.ends()

    return case


def three_kills(stage, _server):
    for share in (0.25, 0.5, 0.75):
        stage.kill_at(share, stage.start())
    stage.ends()


def two_processes(stage, _server):
    other = stage.start()
    for share in (0.3, 0.6):
        stage.kill_at(share, stage.start())
    stage.ends(other)


def fault_point(point):
    def case(stage, _server):
        stage.dies(point, max(stage.count // 3, 1))
        stage.ends()

    return case


def at_the_end(point):
    def case(stage, _server):
        stage.dies(point, 1)
        stage.ends()

    return case


def no_kill(stage, _server):
    stage.ends()


def drained(stage, _server):
    process = stage.start()
    _until(lambda: stage.taken >= 0.4 * stage.count)
    process.terminate()
    stage.ends(process)
    stage.ends()


def stopped(stage, _server):
    """One process is stopped by hand for three leases, while another delivers: it is silent, but lives."""
    process = stage.start()
    _until(lambda: stage.taken >= 0.3 * stage.count)
    _stop_without_lock(stage, process)
    other = stage.start()
    time.sleep(6)
    process.send_signal(signal.SIGCONT)
    stage.ends(process)
    stage.ends(other)


def _stop_without_lock(stage, process):
    """On SQLite, whoever is stopped in the middle of a transaction would hold up everybody."""
    for _ in range(100):
        process.send_signal(signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(stage.project / "handpicked.db", timeout=0.2)) as probe:
                probe.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.01)
    raise AssertionError("it always holds the lock")


def paused(stage, _server):
    process = stage.start()
    _until(lambda: stage.taken >= 0.3 * stage.count)
    with Project.open(stage.project) as project:
        assert runs.halt(project.store, RUN, "paused", None, _now())
        process.wait(timeout=PATIENCE_SECONDS)
        before = stage.taken
        time.sleep(0.5)
        assert stage.taken == before, "a paused run sends nothing"
        assert runs.resume(project.store, RUN, _now())
    stage.ends()


def database_lost(stage, server):
    process = stage.start()
    _until(lambda: stage.taken >= 0.3 * stage.count)
    server.stop()
    time.sleep(3)  # longer than a lease
    server.start()
    stage.ends(process)


def disk_full(stage, _server):
    process = stage.start()
    _until(lambda: stage.taken >= 0.3 * stage.count)
    filler = stage.project / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    time.sleep(3)
    filler.unlink()
    stage.ends(process)


def _now():
    from campaigns.project import real_now

    return real_now()


CASES = {
    **{f"killed at {share:.0%}": (kill_once(share), {}) for share in (0.3, 0.5, 0.7)},
    "three kills": (three_kills, {}),
    "two processes, two kills": (two_processes, {}),
    **{f"killed {point}": (fault_point(point), {}) for point in list(POINTS)[:10]},
    **{f"killed {point}": (at_the_end(point), {}) for point in list(POINTS)[10:]},
    "5 % greylisted": (no_kill, {"greylist": 0.05}),
    "dropped after 250": (no_kill, {"drop_after": 250}),
    "dropped in the body": (no_kill, {"cut_data": 97}),
    "421 in the body": (no_kill, {"closing_in_data": 97}),
    "split answers, no pipelining": (no_kill, {"split": True, "no_pipelining": True}),
    "5 connections served, 421 to others": (no_kill, {"busy_beyond": 5}),
    "5 connections served, others wait": (no_kill, {"silent_beyond": 5}),
    "1 % refused": (no_kill, {"refuse": 0.01}),
    "SIGTERM": (drained, {}),
    "stopped for a while": (stopped, {}),
    "paused and resumed": (paused, {}),
    "database lost": (database_lost, {}),
    "disk full": (disk_full, {}),
}
ONLY = {"database lost": "postgresql", "disk full": "sqlite"}


@contextmanager
def small_disk(folder):
    """A disk of few bytes; only root can make one."""
    Path(folder).mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def play(name, count, policy, server=None):
    """Play one case on SQLite, or on a PostgreSQL server."""
    case, script = CASES[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if case is disk_full:
            stack.enter_context(small_disk(folder / "shop"))
        stage = Stage(folder, count, policy, server.new_database() if server else None, script)
        stack.callback(stage.close)
        case(stage, server)
        return stage.found()


def row(name, count, database, policy, server):
    """Play one case; give its row of the table, and what is wrong."""
    try:
        found = play(name, count, policy, server if database == "postgresql" else None)
    except (AssertionError, subprocess.SubprocessError, OSError) as error:
        return f"| {name} | {database} | {policy} | {error} |", ["it could not be played"]
    counts = ", ".join(f"{state} {n:,}" for state, n in sorted(found.counts.items()))
    wrong = found.sound(policy)
    cells = (name, database, policy, found.never, found.repeated, found.doubt, counts, f"{found.taken:,}")
    return "| " + " | ".join(map(str, cells)) + " | " + "; ".join(wrong), wrong


def main(count, words):
    """Play every case with both policies on both databases; print the table; exit 1 if any broke a promise."""
    broken = 0
    print(f"{count:,} recipients, {CONNECTIONS} connections a process\n")
    print("| fault | database | policy | never sent | repeated | in doubt | outbox | sink |")
    print("|---" * 8 + "|")
    with cluster() as server:
        for name, database, policy in product(CASES, ("sqlite", "postgresql"), ("skip", "resend")):
            wanted = all(word in f"{name} {database} {policy}" for word in words)
            if wanted and ONLY.get(name, database) == database:
                line, wrong = row(name, count, database, policy, server)
                print(line, flush=True)
                broken += bool(wrong)
    sys.exit(bool(broken))


if __name__ == "__main__":
    os.environ.pop("HANDPICKED_DATABASE", None)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000, sys.argv[2:])
