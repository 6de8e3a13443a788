"""Files: a folder of exports (CSV, Parquet, JSON Lines), one file a stream; push writes recommended.csv beside them."""

import csv
import difflib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from crm_adapters.base import FieldUpdate, Page, PushResult, Reject
from crm_adapters.errors import BadCursor, BadSource, SourceMissing
from crm_adapters.flat import table_of
from crm_adapters.grouping import Batch, whole_orders
from crm_adapters.mapping import Mapping, StreamMapping, load_mapping
from crm_adapters.records import Stream
from crm_adapters.translate import sample, translate

ENDINGS = (".csv", ".parquet", ".jsonl")
BLOCK_BYTES = 8 << 20
ROWS = 50_000
DELIMITERS = (",", ";", "\t", "|")
DISTINCT = pa.dictionary(pa.int32(), pa.string())
"""Text, each distinct value held once a page: exports repeat themselves."""


class Files:
    """Pull from a folder of exports. A file that has not changed since its last page is not read again."""

    name: ClassVar[str] = "files"
    max_batch: ClassVar[int] = 1_000_000  # one file, written whole
    max_bytes: ClassVar[int] = 1_000_000_000

    def __init__(self, folder: Path, mapping: Path | None = None) -> None:
        self.folder = folder
        self.mapping: Mapping = load_mapping(mapping)

    def streams(self) -> list[Stream]:
        """The streams for which the folder holds a file."""
        found = [stream for stream in Stream if self._path(stream)]
        if not found:
            raise SourceMissing(
                f"no customers, products or orders in {self.folder}",
                remedy="put customers.csv, products.csv and orders.csv there (or .parquet, .jsonl)",
            )
        return found

    def pull(self, stream: Stream, since: str | None) -> Iterator[Page]:
        """Yield the file's pages after the cursor; a changed file is read again from its start.

        Raises:
            SourceMissing: there is no file for the stream.
            BadCursor: the cursor is not one of ours.
        """
        path = self._path(stream)
        if path is None:
            raise SourceMissing(f"no file for {stream} in {self.folder}", remedy=f"put {stream}.csv there")
        mapping = self.mapping.stream(stream)
        stamp = _stamp(path, mapping)
        done = _pages_done(since, stamp)
        if done is None:
            return
        number = 0
        for number, (raw, broken, place) in enumerate(self._batches(stream, path), 1):
            if number == 1:
                _must_have(path, mapping, raw)
            if number > done:
                rows, rejects = translate(stream, mapping, raw, place)
                cursor = json.dumps({"v": 1, "file": stamp, "pages": number})
                yield Page(stream, rows, [*broken, *rejects], cursor, first=number == 1, sample=sample(raw))
        # One more, empty: it says that the file is read to its end.
        empty = translate(stream, mapping, pa.table({}), str)[0]
        yield Page(stream, empty, [], json.dumps({"v": 1, "file": stamp, "pages": number, "end": True}))

    def push(self, updates: Sequence[FieldUpdate]) -> Iterator[PushResult]:
        """Merge the fields into recommended.csv, which is replaced whole: a reader never sees half of it."""
        path = self.folder / "recommended.csv"
        rows: dict[str, dict[str, Any]] = {}
        if path.exists():
            with path.open(newline="", encoding="utf-8") as before:
                rows = {row["customer_id"]: dict(row) for row in csv.DictReader(before)}
        for update in updates:
            row = rows.setdefault(update.customer_id, {})
            row |= {**update.values, "customer_id": update.customer_id}
        names = list(dict.fromkeys(["customer_id", *(name for row in rows.values() for name in row)]))
        half = path.with_suffix(".tmp")
        with half.open("w", newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows.values())
        half.replace(path)
        for update in updates:
            yield PushResult(update.customer_id, "sent")

    def _batches(self, stream: Stream, path: Path) -> Iterator[Batch]:
        batches = _readable(path)
        if stream is not Stream.ORDERS:
            return batches
        named = self.mapping.stream(stream).fields.get("order_id")
        return whole_orders(batches, (named and named.column) or "order_id")

    def _path(self, stream: Stream) -> Path | None:
        named = self.mapping.stream(stream).source.get("file")
        candidates = [self.folder / named] if named else [self.folder / f"{stream}{ending}" for ending in ENDINGS]
        return next((path for path in candidates if path.is_file()), None)


def _stamp(path: Path, mapping: StreamMapping) -> str:
    """Name what the pages are of: this file as it is, cut as now and read by this mapping."""
    status = path.stat()
    reading = hashlib.blake2b(repr((mapping, BLOCK_BYTES, ROWS)).encode(), digest_size=6).hexdigest()
    return f"{path.name}:{status.st_size}:{status.st_mtime_ns}:{reading}"


def _must_have(path: Path, mapping: StreamMapping, raw: pa.Table) -> None:
    """Refuse a file that lacks a column which the mapping names in its own words; JSON may leave any field out."""
    if path.suffix == ".jsonl":
        return
    for name, field in mapping.fields.items():
        named = field.column not in {None, name, name.removesuffix("_minor")} and not name.startswith("attributes.")
        if named and field.column not in raw.column_names:
            near = difflib.get_close_matches(str(field.column), raw.column_names, n=1)
            raise SourceMissing(
                f"{path.name} has no column {field.column!r}, which the mapping takes {name} from",
                remedy=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(raw.column_names)}",
            )


def _pages_done(since: str | None, stamp: str) -> int | None:
    """How many pages of this very file are saved; None: all of them."""
    if not since:
        return 0
    try:
        cursor = json.loads(since)
        known, pages = cursor["file"], int(cursor["pages"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadCursor("the cursor is not one of the files adapter", remedy="pull in full: --full") from error
    if known != stamp:
        return 0
    return None if cursor.get("end") else pages


def _readable(path: Path) -> Iterator[Batch]:
    try:
        yield from READERS[path.suffix](path)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        form = "CSV in UTF-8" if path.suffix == ".csv" else f"{path.suffix[1:]} again"
        raise BadSource(f"{path.name} can't be read: {error}", remedy=f"save it as {form}") from error


def _read_csv(path: Path) -> Iterator[Batch]:
    broken: list[Any] = []

    def keep(row: Any) -> str:
        broken.append(row)
        return "skip"

    names, delimiter = _header(path)
    if not names:
        return
    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, DISTINCT), strings_can_be_null=True, null_values=[""]
        ),
    )
    before = told = 0
    for batch in reader:
        table = pa.Table.from_batches([batch])
        rejects = [_wrong_columns(path.name, row) for row in broken[told:]]
        yield table, rejects, partial(_csv_place, path.name, before, [row.number for row in broken])
        told, before = len(broken), before + table.num_rows


def _header(path: Path) -> tuple[list[str], str]:
    """Read the columns' names, and what stands between them: the mark that makes the most columns."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        delimiter = max(DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
        file.seek(0)
        names = next(csv.reader(file, delimiter=delimiter), [])
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise BadSource(f"{path.name} has two columns {doubled!r}", remedy="rename one of them in the first line")
    return names, delimiter


def _wrong_columns(name: str, row: Any) -> Reject:
    detail = f"{row.actual_columns} columns where the header has {row.expected_columns}"
    return Reject(f"{name} line {row.number}", "wrong_columns", detail, row.text)


def _csv_place(name: str, before: int, broken: list[int], row: int) -> str:
    return f"{name} line {_line(before + row, broken)}"


def _line(good_row: int, broken: list[int]) -> int:
    """The line of the n-th good row, given the lines of the broken ones; the header is line 1."""
    line = good_row + 2
    for number in broken:
        if number <= line:
            line += 1
    return line


def _read_parquet(path: Path) -> Iterator[Batch]:
    before = 0
    for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=200_000):
        yield pa.Table.from_batches([batch]), [], partial(_row_place, path.name, before)
        before += batch.num_rows


def _row_place(name: str, before: int, row: int) -> str:
    return f"{name} row {before + row + 1}"


def _read_json_lines(path: Path) -> Iterator[Batch]:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                flat = _flat(record)
            except (ValueError, TypeError, AttributeError) as error:
                rejects.append(Reject(f"{path.name} line {number}", "bad_json", str(error), line.rstrip()))
                continue
            rows += flat
            lines += [number] * len(flat)
            if len(rows) >= ROWS:
                yield table_of(rows), rejects, partial(_line_place, path.name, lines)
                rows, lines, rejects = [], [], []
    if rows or rejects:
        yield table_of(rows), rejects, partial(_line_place, path.name, lines)


def _line_place(name: str, lines: list[int], row: int) -> str:
    return f"{name} line {lines[row]}"


def _flat(record: dict[str, Any]) -> list[dict[str, Any]]:
    """An order may nest its lines; each becomes one row that repeats the order's columns."""
    nested = record.get("lines")
    if not isinstance(nested, list):
        return [dict(record)]
    if not nested:
        raise ValueError("an order without lines")
    head = {key: value for key, value in record.items() if key != "lines"}
    if "id" in head:
        head["order_id"] = head.pop("id")
    return [{"line_id": str(number), **line, **head} for number, line in enumerate(nested, 1)]


READERS: dict[str, Callable[[Path], Iterator[Batch]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
}
