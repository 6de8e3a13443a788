"""Batches: the same slates by whatever workers, though one dies, though all die; a restart does what is missing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import distributed
import joblib
import pandas as pd
import pytest

from engine import batch, model_file
from engine.batch import Job, joined, make_slates
from engine.dataset import Dataset
from engine.errors import BadModel, WorkersLost
from engine.recommender import Recommender
from engine.slate import SlateRules
from tests.benchmarks.shop import AS_OF, catalogue, purchases

CUSTOMERS = 900


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A saved recommender of a shop, the ids of its customers, and their slates made in this process."""
    text = {"customer_id": str, "product_id": str}
    bought = purchases(CUSTOMERS, 300, 20_000).astype(text)
    data = Dataset.from_frames(bought, catalogue(300).astype({"product_id": str}), as_of=AS_OF)
    recommender = Recommender().fit(data)
    path = tmp_path_factory.mktemp("models") / "shop.model"
    recommender.save(path)
    ids = data.customer_ids.tolist()
    return Job(path, 8), ids, recommender.recommend(ids, 8)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Nine batches, so that there is something left to lose."""
    monkeypatch.setattr(batch, "BATCH", 100)


def read(files, folder):
    """What the files hold, joined."""
    path = folder / "all.parquet"
    rows = joined(files, path)
    slates = pd.read_parquet(path)
    assert len(slates) == rows
    return slates


def same(slates, expected):
    """Whether both hold the same, bit by bit."""
    assert list(slates.columns) == list(expected.columns)
    for name in slates.columns:
        read, made = slates[name].astype(object), expected[name].astype(object)
        assert read.where(read.notna(), None).tolist() == made.where(made.notna(), None).tolist(), name


def workers():
    """The processes of loky that belong to this one."""
    mine = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return [pid for pid in mine if b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_one_process_and_two_make_the_same(trained, tmp_path):
    job, ids, expected = trained
    told = []
    files = make_slates(job, ids, tmp_path / "one", advance=told.append)
    assert sum(told) == len(ids)
    same(read(files, tmp_path), expected)
    same(read(make_slates(job, ids, tmp_path / "two", jobs=2), tmp_path), expected)


def test_a_worker_that_is_killed_changes_nothing(trained, tmp_path):
    job, ids, expected = trained
    killed = []

    def kill_one(_done):
        if not killed:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    files = make_slates(job, ids, tmp_path / "parts", jobs=2, advance=kill_one)
    assert killed
    same(read(files, tmp_path), expected)


def test_a_run_that_is_killed_goes_on_where_it_was(trained, tmp_path):
    job, ids, expected = trained
    folder = tmp_path / "parts"
    script = (
        "import json, sys\nfrom pathlib import Path\nfrom engine import batch\nbatch.BATCH = 100\n"
        "batch.make_slates(batch.Job(Path(sys.argv[1]), 8), json.loads(sys.argv[2]), Path(sys.argv[3]))"
    )
    command = [sys.executable, "-c", script, str(job.model), json.dumps(ids), str(folder)]
    with subprocess.Popen(command) as run:
        while run.poll() is None and len(list(folder.glob("*.parquet"))) < 3:
            time.sleep(0.005)
        run.kill()
    left = {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    assert 3 <= len(left) < 9
    same(read(make_slates(job, ids, folder, jobs=2), tmp_path), expected)
    assert all(path.stat().st_mtime_ns == made for path, made in left.items())


def test_workers_of_a_dask_cluster_make_the_same_though_one_is_killed(trained, tmp_path):
    job, ids, expected = trained
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        victim = next(iter(cluster.workers.values())).pid
        folder = tmp_path / "parts"

        def kill_when_half_done():
            while len(list(folder.glob("*.parquet"))) < 2:
                time.sleep(0.005)
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill_when_half_done)
        killer.start()
        files = make_slates(job, ids, folder)
        killer.join()
    same(read(files, tmp_path), expected)


def test_another_job_finds_nothing_done(trained, tmp_path):
    job, ids, _ = trained
    first = make_slates(job, ids[:100], tmp_path)
    for other in (
        replace(job, size=4),
        replace(job, only_new=True),
        replace(job, rules=SlateRules(max_per_category=1)),
        replace(job, rules=SlateRules(excluded=pd.DataFrame({"customer_id": ids[:1], "product_id": ["7"]}))),
    ):
        assert make_slates(other, ids[:100], tmp_path) != first
    assert make_slates(job, ids[:99], tmp_path) != first
    assert make_slates(job, ids[:100], tmp_path) == first


def test_a_damaged_model_is_refused_before_any_worker_reads_it(tmp_path):
    path = tmp_path / "damaged.model"
    model_file.save(Deadly(), path)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(BadModel, match="run `handpicked train` again"):
        make_slates(Job(path, 8), ["a"], tmp_path / "parts")


class Deadly:
    """What kills whoever reads it."""

    def __reduce__(self):
        return os._exit, (9,)


def test_workers_that_die_every_time_are_given_up_with_a_remedy(tmp_path):
    model_file.save(Deadly(), tmp_path / "deadly.model")
    with pytest.raises(WorkersLost, match="died 5 times; see if memory ran out"):
        make_slates(Job(tmp_path / "deadly.model", 8), [str(n) for n in range(300)], tmp_path, jobs=2)
