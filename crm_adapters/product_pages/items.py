"""Read the items of a feed as they are written: elements of RSS 2.0 or Atom, or the lines of a table."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from crm_adapters.product_pages.xml import records

ROOTS = ("rss", "feed", "rdf")
DELIMITERS = ("\t", ",", ";", "|")
LONGEST_LINE = 1 << 20


class BadTable(Exception):
    """A table that can't be read."""


@dataclass(frozen=True)
class Item:
    """One item as it is written.

    Attributes:
        place: where it stands, in words.
        values: by the specification's names.
        fault: why it can't be read, in words; empty: it can.
        raw: as it is written, where it can't be read.
    """

    place: str
    values: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    raw: str = ""


def xml_items(file: IO[bytes]) -> Iterator[Item]:
    """Yield the items of an XML feed.

    Raises:
        BadXml: it is broken, or larger than any feed.
    """
    for number, record in enumerate(records(file, ("item", "entry")), 1):
        values = {name: told for name in record.values if name.isidentifier() and (told := record.first(name))}
        if link := record.first("link", "link@href"):
            values["link"] = link
        yield Item(f"item {number}", values)


def table_items(file: IO[bytes]) -> Iterator[Item]:
    """Yield the lines of a table, whose first one names the columns.

    Raises:
        BadTable: a line without end.
    """
    start = file.read(2)
    file.seek(0)
    utf16 = start in (b"\xff\xfe", b"\xfe\xff")
    reading = io.TextIOWrapper(
        file,
        encoding="utf-16" if utf16 else "utf-8-sig",
        errors="replace" if utf16 else "surrogateescape",  # so that a bad line can be told
        newline="",
    )
    try:
        yield from _rows(_lines(reading))
    finally:
        reading.detach()


def _lines(reading: io.TextIOWrapper) -> Iterator[str]:
    while line := reading.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise BadTable(f"a line has more than {LONGEST_LINE:,} letters")
        yield line


def _rows(lines: Iterator[str]) -> Iterator[Item]:
    header = next(lines, "")
    delimiter = delimiter_of(header)
    names = [name_of(one) for one in next(iter(csv.reader([header], delimiter=delimiter)), [])]
    reader = _tabs(lines) if delimiter == "\t" else csv.reader(lines, delimiter=delimiter)
    number = 1
    while True:
        number += 1
        place = f"line {number}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Item(place, fault=str(error))
            continue
        if cells is None:
            return
        if cells:
            yield _item(place, names, cells)


def _item(place: str, names: list[str], cells: list[str]) -> Item:
    raw = "\t".join(cells)
    if not raw.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in raw):
        return Item(place, fault="it is not UTF-8", raw=raw.encode("utf-8", "replace").decode())
    if len(cells) != len(names):
        return Item(place, fault=f"{len(cells)} columns where the header has {len(names)}", raw=raw)
    return Item(place, {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()})


def _tabs(lines: Iterator[str]) -> Iterator[list[str]]:
    """Cells between tabs; a quote at the start of one (24" screens) swallows no lines, as it does in CSV."""
    for line in lines:
        cells = line.rstrip("\r\n").split("\t")
        yield [_unquoted(cell) for cell in cells] if line.strip() else []


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


def delimiter_of(header: str) -> str:
    """What stands between the columns: the sign that the header has most of."""
    return max(DELIMITERS, key=header.count)


def name_of(column: str) -> str:
    """The name of a column, as the specification has it: `Image Link` and `g:image_link` are one."""
    return column.strip().lower().removeprefix("g:").replace(" ", "_")
