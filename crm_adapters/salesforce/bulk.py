"""Read very many records with one job of Bulk API 2.0: it is prepared in the background, and read in pieces of CSV.

A job gives records in no order of change. So what changed since shortly before it began is asked for behind it, and
until its last piece the cursor is the job and the place in it, which Salesforce keeps for seven days.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from crm_adapters.errors import BadSource, Unreachable
from crm_adapters.http.answer import Answer
from crm_adapters.marks import LATE, Mark, bad_cursor
from crm_adapters.salesforce.api import DATA, NOT_FOUND, Api, repeats

VERSION = 1
JOBS = f"{DATA}/jobs/query"
FIRST_LOOK, LONGEST_PAUSE, JOB_SECONDS = 2.0, 30.0, 3600.0
END = "null"


@dataclass(frozen=True)
class Job:
    """A job and how far it has been read.

    Attributes:
        id: of the job.
        began: when, by Salesforce's clock, in seconds since 1970.
        locator: of the next piece; empty: the first one.
    """

    id: str
    began: float
    locator: str = ""

    def as_text(self, mapped: int) -> str:
        """The cursor; `mapped` is a number that stands for the mapping of the stream."""
        return json.dumps({"v": VERSION, "mapped": mapped, "job": [self.id, self.began, self.locator]})

    @property
    def mark(self) -> Mark:
        """How far a pull by change has come when all of the job is read."""
        before = datetime.fromtimestamp(self.began, UTC) - LATE
        return Mark(settled=(before, ""), read=(before, ""))


def job_of(since: str | None, mapped: int) -> Job | None:
    """The job of a cursor; None: it is another kind of cursor.

    Raises:
        BadCursor: it is of another mapping or version.
    """
    try:
        told = json.loads(since or "{}")
        if not isinstance(told, dict) or "job" not in told:
            return None
        identity, began, locator = told["job"]
        if (told["v"], told["mapped"]) != (VERSION, mapped):
            raise ValueError("of another version or mapping")
        return Job(str(identity), float(began), str(locator))
    except (ValueError, TypeError, KeyError) as error:
        raise bad_cursor() from error


def begin(api: Api, soql: str, began: float) -> Job:
    """Start a job for all that a question asks for, deleted records too."""
    told = api.call("POST", JOBS, body={"operation": "queryAll", "query": soql}).data
    return Job(_named(told, "id"), began)


def pieces(api: Api, job: Job, records: int) -> Iterator[tuple[list[dict[str, str | None]], Job | None]]:
    """Wait for a job, and read it from where it was left.

    Yields:
        rows, and the job as it stands behind them; None behind the last ones.

    Raises:
        BadCursor: Salesforce does not keep the job any more.
        BadSource: the job failed, or a piece comes again.
        Unreachable: it takes too long, or a piece was cut short.
    """
    _wait(api, job)
    left: Job | None = job
    seen: set[str] = set()
    while left is not None:
        if left.locator in seen:
            raise repeats()
        seen.add(left.locator)
        params = {"maxRecords": str(records)} | ({"locator": left.locator} if left.locator else {})
        answer = api.call("GET", f"{JOBS}/{job.id}/results", params=params)
        following = answer.headers.get("sforce-locator", END)
        left = None if following == END else replace(left, locator=following)
        yield _rows(answer), left


def _wait(api: Api, job: Job) -> None:
    pause, until = FIRST_LOOK, api.clock.now() + JOB_SECONDS
    while (told := _state(api, job))["state"] not in ("JobComplete", "Failed", "Aborted"):
        if api.clock.now() >= until:
            raise Unreachable(
                f"Salesforce still prepares its job {job.id}", remedy="nothing is lost; the next pull goes on with it"
            )
        api.clock.wait(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    if told["state"] != "JobComplete":
        said = api.fault({"message": told.get("errorMessage") or told["state"]}).words
        raise BadSource(f"Salesforce's job {job.id} came to nothing ({said})", remedy="pull in full: --full")


def _state(api: Api, job: Job) -> Mapping[str, Any]:
    answer = api.call("GET", f"{JOBS}/{job.id}", fine=(NOT_FOUND,))
    if answer.status == NOT_FOUND:
        raise bad_cursor()
    _named(answer.data, "state")
    told: Mapping[str, Any] = answer.data
    return told


def _named(told: Any, name: str) -> str:
    if not isinstance(told, Mapping) or not isinstance(told.get(name), str):
        raise BadSource(f"Salesforce tells of a job without its {name}", remedy="check the connection's url")
    return str(told[name])


def _rows(answer: Answer) -> list[dict[str, str | None]]:
    """The records of a piece; what is empty has no value. Fewer than it says are half of it."""
    text = answer.data if isinstance(answer.data, str) else ""
    rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(StringIO(text, newline=""))]
    said = answer.headers.get("sforce-numberofrecords", str(len(rows)))
    if said != str(len(rows)):
        raise Unreachable(
            f"Salesforce sends {len(rows):,} of {said} records of a piece", remedy="nothing is lost; try again later"
        )
    return rows
