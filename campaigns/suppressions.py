"""SUPPRESSIONS: add addresses that are never written to, import those of another system, export them as hashes."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from campaigns.errors import BadFeedback
from campaigns.project import Project, real_now
from campaigns.store.statements import in_parts
from campaigns.store.suppression import (
    Suppression,
    address_hash,
    all_suppressions,
    suppress,
    suppress_all,
    withdraw,
)

EXPORTED = ("address_hash", "reason", "since")
_KEYS = ("address_hash", "hash", "address", "email", "e-mail", "email address")
_HASH = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"[^\s@<>,;\ufffd]+@[^\s@<>,;\ufffd]+")
BATCH = 5_000


@dataclass(frozen=True)
class BadLine:
    """One line of a file that was kept out, and why."""

    line: int
    problem: str


@dataclass
class Imported:
    """What an import did.

    Attributes:
        added: addresses that were not suppressed before.
        known: those that were.
        withdrawn: messages that waited for one of them, and are not sent.
        bad: lines that were kept out.
    """

    added: int = 0
    known: int = 0
    withdrawn: int = 0
    bad: list[BadLine] = field(default_factory=list)


def add(project: Project, address: str, reason: str) -> bool:
    """Suppress one address; False when it was suppressed before.

    Raises:
        BadFeedback: it is no address.
    """
    if not _ADDRESS.fullmatch(address.strip()):
        raise BadFeedback(f"{address!r} is no address", remedy="write it as name@example.com")
    return suppress(project.store, address, reason, real_now())


def import_file(project: Project, path: Path) -> Imported:
    """Import a CSV file of addresses or of hashes, one on each line, in one transaction.

    The first line may name the columns: `address_hash`, `address` or `email`, and `reason` and `since` where they are
    known, as an export has them. A bad line is kept out and told; the others go in.

    Raises:
        BadFeedback: the file can't be read.
    """
    done, now = Imported(), real_now()
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file, project.store.writing() as write:
            hashes: set[str] = set()
            for part in in_parts(_suppressions(file, done.bad.append, now), BATCH):
                new = suppress_all(write, part)
                done.added, done.known = done.added + new, done.known + len(part) - new
                hashes.update(each.address_hash for each in part)
            done.withdrawn = withdraw(write, hashes, now) if hashes else 0
    except OSError as error:
        raise BadFeedback(f"{path} can't be read: {error.strerror}", remedy="name a CSV file of addresses") from error
    return done


def export_file(project: Project, path: Path) -> int:
    """Write all suppressions into a CSV file: address_hash, reason, since; the hash is SHA-256 of the address.

    Returns:
        how many.

    Raises:
        BadFeedback: the file can't be written.
    """
    count = 0
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(EXPORTED)
            for count, each in enumerate(all_suppressions(project.store), 1):  # noqa: B007 - the last one is the count
                lines.writerow([each.address_hash, " ".join(each.reason.split()), each.since.isoformat()])
    except OSError as error:
        raise BadFeedback(f"{path} can't be written: {error.strerror}", remedy="name a file in a folder") from error
    return count


def _suppressions(file: Iterator[str], refuse: Callable[[BadLine], None], now: datetime) -> Iterator[Suppression]:
    columns: dict[str, int] = {}
    for line, cells in _lines(file, refuse):
        if line == 1 and (named := _columns(cells)):
            columns = named
            continue
        if not any(cell.strip() for cell in cells):
            continue
        try:
            yield _suppression(cells, columns, now)
        except ValueError as error:
            refuse(BadLine(line, str(error)))


def _lines(file: Iterator[str], refuse: Callable[[BadLine], None]) -> Iterator[tuple[int, list[str]]]:
    """Read each line by itself, so that a quote which is never closed takes no other line with it."""
    for line, text in enumerate(file, 1):
        try:
            yield line, next(csv.reader([text.rstrip("\r\n")]), [])
        except csv.Error as error:
            refuse(BadLine(line, str(error)))


def _columns(cells: list[str]) -> dict[str, int]:
    """Where each named column stands; nothing where the line names none."""
    names = [cell.strip().lower() for cell in cells]
    key = next((name for name in _KEYS if name in names), None)
    if key is None:
        return {}
    return {name: place for place, name in enumerate(names)} | {"key": names.index(key)}


def _suppression(cells: list[str], columns: dict[str, int], now: datetime) -> Suppression:
    def told(name: str, place: int = len(cells)) -> str:
        place = columns.get(name, place)
        return cells[place].strip().replace("\0", "") if place < len(cells) else ""

    key, reason, since = told("key", 0), told("reason") or "imported", told("since")
    if _HASH.fullmatch(key.lower()):
        digest = key.lower()
    elif _ADDRESS.fullmatch(key):
        digest = address_hash(key)
    else:
        raise ValueError(f"{key[:80]!r} is neither an address nor the SHA-256 hash of one")
    return Suppression(digest, reason[:200], _moment(since) if since else now)


def _moment(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"since {text[:40]!r} is not a time; write it like 2026-03-02T08:00") from None
