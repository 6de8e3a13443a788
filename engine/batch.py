"""Slates for everybody: batches of customers side by side, each saved once it is made.

A worker that dies takes nothing with it, and a run that was broken off goes on where it was. The workers are those of
`joblib`: local processes, or whatever `joblib.parallel_config` names, such as a Dask cluster that shares the disk.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import joblib
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from joblib.externals.loky.process_executor import BrokenProcessPool

from engine import model_file
from engine.errors import WorkersLost
from engine.examples import PARTITION
from engine.recommender import Recommender
from engine.slate import NO_RULES, SlateRules

BATCH = 4 * PARTITION
"""Customers to a batch: a few seconds' work."""
MOST_LOSSES = 5
"""So many times the workers may be lost; by then it is no accident."""


@dataclass(frozen=True)
class Job:
    """What slates are made of.

    Attributes:
        model: file of the recommender.
        size: products in a slate, at most.
        rules: what a slate must keep.
        only_new: leave out whatever the customer bought before.
    """

    model: Path
    size: int
    rules: SlateRules = NO_RULES
    only_new: bool = False

    def key(self) -> str:
        """What tells the slates of this job from those of another."""
        excluded = self.rules.excluded
        barred = b"" if excluded is None else pd.util.hash_pandas_object(excluded, index=False).to_numpy().tobytes()
        words = (model_file.checksum(self.model), self.size, repr(self.rules.without("excluded")), self.only_new)
        return hashlib.sha256(repr(words).encode() + barred).hexdigest()[:16]


def make_slates(
    job: Job,
    customer_ids: Sequence[str],
    folder: Path,
    *,
    jobs: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[Path]:
    """Make the slates of many customers, but for those that a broken-off run of the same job left in the folder.

    Args:
        job: what slates are made of.
        customer_ids: whom for.
        folder: where the batches are saved.
        jobs: processes; None: as many as `joblib` would take here.
        advance: told how many more customers are done.

    Returns:
        the files, in the order of the customers; see `Recommender.recommend` for their columns.

    Raises:
        BadModel: the model's file is damaged, or of another format.
        WorkersLost: processes died again and again.
    """
    model_file.check(job.model)  # once, here: the workers rely on it
    folder.mkdir(parents=True, exist_ok=True)
    ids = [list(customer_ids[start : start + BATCH]) for start in range(0, len(customer_ids), BATCH)]
    files = [folder / f"{_name(job, batch)}.parquet" for batch in ids]
    for batch, file in zip(ids, files, strict=True):
        if advance and file.exists():
            advance(len(batch))
    for _ in range(MOST_LOSSES):
        missing = [(batch, file) for batch, file in zip(ids, files, strict=True) if not file.exists()]
        if not missing:
            return files
        try:
            for done in _side_by_side(job, missing, jobs):
                if advance:
                    advance(done)
        except BrokenProcessPool:  # what was not saved is still missing: the next round makes it
            continue
    raise WorkersLost(f"processes died {MOST_LOSSES} times", remedy="see if memory ran out, and try fewer at a time")


def joined(files: Sequence[Path], path: Path) -> int:
    """Join the files of batches into one, batch by batch; atomically, with checksums of its pages.

    Returns:
        how many picks it holds.
    """
    half = path.with_suffix(".tmp")
    rows = 0
    schema = pq.read_schema(files[0])
    with pq.ParquetWriter(half, schema, write_page_checksum=True) as writer:
        for file in files:
            table = pq.read_table(file, page_checksum_verification=True).cast(schema)
            rows += table.num_rows
            writer.write_table(table)
    half.replace(path)
    return rows


def _side_by_side(job: Job, batches: list[tuple[list[str], Path]], jobs: int | None) -> Iterator[int]:
    run = joblib.Parallel(n_jobs=jobs and min(jobs, len(batches)), return_as="generator_unordered", batch_size=1)
    yield from run(joblib.delayed(_make)(job, batch, file) for batch, file in batches)


def _make(job: Job, customer_ids: list[str], file: Path) -> int:
    """Make one batch, and save it atomically: done or not there."""
    recommender = _recommender(job.model, model_file.checksum(job.model))
    slates = recommender.recommend(customer_ids, job.size, rules=job.rules, only_new=job.only_new)
    table = pa.Table.from_pandas(slates, preserve_index=False)
    half = file.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(table, half, write_page_checksum=True)
    half.replace(file)
    return len(customer_ids)


@lru_cache(maxsize=1)
def _recommender(path: Path, _checksum: str) -> Recommender:
    """One reading for a process, of a file that was checked when the run began."""
    return Recommender.load(path, checked=False)


def _name(job: Job, customer_ids: list[str]) -> str:
    mine = hashlib.sha256("\n".join(map(str, customer_ids)).encode()).hexdigest()[:16]
    return f"{job.key()}-{mine}"
