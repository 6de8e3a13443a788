"""The contract of an adapter: pull pages of records with a resumable cursor, push fields with one result each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, runtime_checkable

import pyarrow as pa

from crm_adapters.mapping import Mapping as FieldMapping
from crm_adapters.records import Stream


@dataclass(frozen=True)
class Reject:
    """One bad record, kept with its reason so that nothing is dropped in silence.

    Attributes:
        place: where it stood, e.g. ``orders.csv line 12``; the same record gives the same place again.
        reason: a short code to count by, e.g. ``bad_time``.
        detail: what is wrong, in words.
        record: the raw record as text.
    """

    place: str
    reason: str
    detail: str
    record: str


@dataclass(frozen=True)
class Page:
    """Some records of one stream and the cursor behind them; both are saved in one transaction.

    Attributes:
        stream: what the rows are.
        rows: a table of exactly `records.SCHEMAS[stream]`; all lines of an order stand on one page.
        rejects: the bad records met on the way.
        cursor: JSON text to continue after this page, as (time, ids at that time), never a time alone; None: the pull
            can't be continued, and the next one is whole.
        gone: ids that the system has deleted.
        merged: of customers that the system has made part of another: their id, to the other's; not among the gone.
        total: how many records the whole pull will bring, if known (for a progress bar).
        first: a reading of everything begins here, so that what earlier readings rejected is outdated.
        sample: some of the records as they came, for people to look at.
        ids: of a `System` that sweeps: of every record on the page, also of the rejected ones.
    """

    stream: Stream
    rows: pa.Table
    rejects: Sequence[Reject] = ()
    cursor: str | None = None
    gone: Sequence[str] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    total: int | None = None
    first: bool = False
    sample: Sequence[Mapping[str, object]] = ()
    ids: Sequence[str] = ()


@dataclass(frozen=True)
class FieldUpdate:
    """The values to write to one customer's contact; a value of None clears the field."""

    customer_id: str
    values: dict[str, str | int | float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class PushResult:
    """What became of one `FieldUpdate`; `message` is the system's own words."""

    customer_id: str
    status: Literal["sent", "rejected", "not_found", "retry"]
    message: str = ""


FieldKind = Literal["text", "number", "time", "bool", "other"]


@dataclass(frozen=True)
class RemoteField:
    """A field of the system's contacts.

    Attributes:
        name: as a push names it.
        kind: what it holds.
        writable: whether a push may change it.
        longest: letters that fit, if it is known.
    """

    name: str
    kind: FieldKind
    writable: bool = True
    longest: int | None = None


@dataclass(frozen=True)
class FieldChange:
    """What becomes of a field that a push needs: there, made now, missing or unfit; `detail` says what to do."""

    name: str
    status: Literal["there", "made", "missing", "unfit"]
    detail: str = ""


@dataclass(frozen=True)
class Health:
    """What a system says when it is asked how it is.

    Attributes:
        account: whose it is, in the system's own words.
        api_version: the version that the adapter speaks.
        clock_skew_seconds: how far its clock is ahead of ours; None: it does not tell.
    """

    account: str
    api_version: str
    clock_skew_seconds: float | None = None


class Adapter(Protocol):
    """One connected system. Every adapter passes `crm_adapters.checks.check_adapter`."""

    name: ClassVar[str]
    max_batch: ClassVar[int]
    max_bytes: ClassVar[int]
    mapping: FieldMapping

    def streams(self) -> list[Stream]:
        """The streams that this system, as mapped, can give."""
        ...

    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield pages from the cursor `since` on, or all of them; the caller saves each before asking for the next.

        Raises:
            BadCursor: `since` can't be continued.
            BadSource: a file or table can't be read as it is.
            SourceMissing: a file, table or column is not there.
            Unreachable: the system does not answer.
            Unsupported: the system has no such stream.
        """
        ...

    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Write fields; one result for each update, in their order, at most `max_batch` updates a call.

        Only the fields that are named change, and only state is written, never increments: pushing again is harmless.

        Raises:
            BatchRefused: the system refuses the batch as a whole, for the sake of some in it.
            Unreachable: the system does not answer; what was written before is not undone.
        """
        ...


@runtime_checkable
class System(Adapter, Protocol):
    """An adapter of a system that is called: it has contact fields of its own, and can be asked how it is.

    Attributes:
        sweeps: the system does not tell what it has deleted: what a whole reading does not bring is gone.
    """

    api_version: ClassVar[str]
    sweeps: ClassVar[bool]

    def fields(self) -> list[RemoteField]:
        """The fields of the system's contacts."""
        ...

    def ensure_fields(self, wanted: Sequence[RemoteField], *, dry_run: bool) -> list[FieldChange]:
        """Make the fields that a push needs; with `dry_run`, only say what is missing."""
        ...

    def erase(self, ids: Sequence[str]) -> Iterator[PushResult]:
        """Erase contacts in the system, for good; one that is not there is erased."""
        ...

    def check(self) -> Health:
        """See whether the system lets us in.

        Raises:
            Denied: it does not.
            Unreachable: it does not answer.
        """
        ...
