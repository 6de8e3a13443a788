"""Import behaviour events from a file: JSON Lines, one event a line, as Segment and RudderStack export them."""

import gzip
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from campaigns.collect import LONGEST_EVENT, Collected, exact_now, parse, read_one, take
from campaigns.errors import BadEvents
from campaigns.project import Project
from campaigns.store.kept_out import KeptOut
from crm_adapters.events.event import Event, Heard

AT_ONCE = 1_000
"""Lines in one transaction."""


def import_file(project: Project, path: Path) -> Collected:
    """Take in every event of a file; what was taken in before, also over the web, changes nothing.

    A bad line is kept in quarantine with its number, until the file is imported again without it.

    Raises:
        BadEvents: there is no such file, or it can't be unpacked.
    """
    if not path.is_file():
        raise BadEvents(
            f"no file {path}", remedy="name a file of JSON Lines, one event a line; it may be gzipped (.gz)"
        )
    done = take(project, [], exact_now(), anew=path.name)
    lines = _lines(path)
    with project.progress.track("import events", None) as bar:
        while some := list(islice(lines, AT_ONCE)):
            now = exact_now()
            done.add(take(project, [_read(project, path.name, number, line, now) for number, line in some], now))
            bar.advance(len(some))
    return done


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadEvents(f"{path} can't be unpacked: {error}", remedy="gzip it again, and import it again") from error


def _read(project: Project, name: str, number: int, line: bytes, now: datetime) -> Event | KeptOut:
    place = f"{name} line {number}"
    try:
        raw = parse(line)
    except (ValueError, RecursionError):
        text = line.decode("utf-8", "replace").replace("\0", "").rstrip()[:LONGEST_EVENT]
        return KeptOut(place, "bad_json", "the line is no JSON", text)
    return read_one(raw, Heard(now, project.settings.shop.currency, live=False), place)
