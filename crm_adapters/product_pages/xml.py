"""Read XML a record at a time, however large; what attacks parsers (entities, document types) is refused at once.

No document type is read at all: feeds and sitemaps have none, and without one there are no entities to expand (a
billion laughs) or to fetch (XXE).
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

PIECE = 1 << 16
DEEPEST = 100
DOCTYPE = "doctype"
MOST_LETTERS = 1 << 20
"""In one record: more than any product has to say."""


class BadXml(Exception):
    """It is no XML, or XML that nobody needs."""


@dataclass
class Record:
    """One record: the values of each path below it, and attributes as `path@name`.

    A namespace is left out of names, but where the record has one name in two of them, a feed's own (g:) wins.
    """

    name: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def first(self, *names: str) -> str | None:
        """The first value that says something, under the first of these names that has one."""
        return next((value for name in names for value in self.values.get(name, ()) if value), None)


def root_of(start: bytes) -> str:
    """The name of the outermost element; `DOCTYPE`, if a document type stands before it; empty, if there is none."""
    reader = _Reader(())
    with suppress(BadXml):
        reader.read(start, is_last=False)
    return reader.root


def records(file: IO[bytes], names: Collection[str]) -> Iterator[Record]:
    """Yield each element of these names, of which none stands within another.

    Raises:
        BadXml: with the line.
    """
    reader = _Reader(names)
    while piece := file.read(PIECE):
        reader.read(piece, is_last=False)
        yield from reader.taken()
    reader.read(b"", is_last=True)
    yield from reader.taken()


class _Reader:
    def __init__(self, names: Collection[str]) -> None:
        self.root = ""
        self._names, self._done = names, list[Record]()
        self._record: Record | None = None
        self._path: list[str] = []  # below the record
        self._texts: list[list[str]] = []
        self._depth = self._letters = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype

    def read(self, piece: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(piece, is_last)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise BadXml(f"it is no XML: {error}") from error

    def taken(self) -> list[Record]:
        done, self._done = self._done, []
        return done

    def _doctype(self, *_: object) -> None:
        self.root = self.root or DOCTYPE
        raise self._bad("it declares a document type, which is not read: entities are used in attacks")

    def _bad(self, words: str) -> BadXml:
        return BadXml(f"{words} (line {self._parser.CurrentLineNumber})")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._bad(f"more than {DEEPEST} elements within one another")
        local = name.rpartition(" ")[2].lower()
        self.root = self.root or local
        if self._record is None:
            if local in self._names:
                self._record, self._path, self._texts, self._letters = Record(local), [], [], 0
            return
        self._path.append(local)
        self._texts.append([])
        for key, value in attributes.items():
            self._keep(f"{'.'.join(self._path)}@{key.rpartition(' ')[2].lower()}", value)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._record is None:
            return
        if not self._path:
            self._done.append(self._record)
            self._record = None
            return
        text = "".join(self._texts.pop()).strip()
        self._keep(".".join(self._path), text, first=GOOGLE in name)
        self._path.pop()

    def _text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)
            self._count(text)

    def _keep(self, path: str, value: str, *, first: bool = False) -> None:
        if self._record is not None:
            self._count(path)
            known = self._record.values.setdefault(path, [])
            known.insert(0 if first and path in SHARED else len(known), value)

    def _count(self, text: str) -> None:
        self._letters += len(text)
        if self._letters > MOST_LETTERS:
            raise self._bad("a record of more than a million letters")


GOOGLE = "base.google.com/ns"
SHARED = ("title", "link", "description", "id", "price")
"""Names that RSS and Atom have too."""
