"""Mappings: their columns -> our fields, in a TOML file that a non-programmer can edit.

    [customers]
    file = "contacts.csv"                                   # or table/query for a database; else customers.*
    email = "E-Mail"                                        # our field = their column
    created_at = {from = "signup", as = "time"}
    consent_email = {from = "newsletter", values = {yes = "subscribed", no = "unsubscribed"}, default = "unknown"}
    attributes.age = "age_band"                             # anything else goes to the attributes

What the mapping does not name is taken from a column of our own name, if there is one. A last section says which fields
are written back, under which of their names; without it all are, under ours:

    [push]
    recommended_1_title = "Top pick"
    segment = "Segment"
"""

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from crm_adapters.converters import CONVERTERS
from crm_adapters.errors import BadMapping
from crm_adapters.records import SCHEMAS, Stream

SOURCE_KEYS = ("file", "table", "query", "id", "updated")
FIELD_KEYS = ("from", "as", "values", "default")
PUSH = "push"
MONEY = {"price": "price_minor", "unit_price": "unit_price_minor"}
KEY = r"""(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
PATH = rf"{KEY}(?:\s*\.\s*{KEY})*"
SECTION, ENTRY = re.compile(rf"\s*\[\s*({PATH})\s*\]"), re.compile(rf"\s*({PATH})\s*=")
LONG_TEXT = re.compile('"""|' + "'''")
Keys = tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """Where one of our fields comes from.

    Attributes:
        column: their column; None when there is only a default.
        converter: a name from `converters.CONVERTERS`; None: by the field's own type.
        values: their value -> ours, looked up before converting.
        default: used where their value is missing.
    """

    column: str | None
    converter: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    default: str | None = None


@dataclass(frozen=True)
class StreamMapping:
    """How one stream is read."""

    source: dict[str, str]
    fields: dict[str, Field]


@dataclass(frozen=True)
class Mapping:
    """How a whole system is read; streams that it does not name are read as they are."""

    streams: dict[Stream, StreamMapping]
    push: dict[str, str] | None = None

    def stream(self, stream: Stream) -> StreamMapping:
        """The mapping of one stream."""
        return self.streams.get(stream, StreamMapping({}, {}))


def load_mapping(path: Path | None) -> Mapping:
    """Read a mapping file; None: their columns carry our names.

    Raises:
        BadMapping: unknown stream, field, key or converter, or a value of a kind that does not belong there; told with
            file, line and what was probably meant.
    """
    if path is None:
        return Mapping({})
    if not path.is_file():
        raise BadMapping(f"no mapping file {path}", remedy="name it in handpicked.toml, or leave `mapping` out")
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadMapping(f"{path}:{line}: not UTF-8", remedy="save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise BadMapping(f"{path}:{line}: {error}", remedy="mend that line; the form is TOML") from error
    return _Reader(path, text).mapping(raw)


class _Reader:
    """Checks what a file says; every refusal names the line of the very key, in its own section."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.places = path, dict(_places(text))

    def refuse(self, at: Keys, problem: str, remedy: str) -> BadMapping:
        line = next((self.places[at[:end]] for end in range(len(at), 0, -1) if at[:end] in self.places), 1)
        return BadMapping(f"{self.path}:{line}: {problem}", remedy=remedy)

    def refuse_word(self, at: Keys, word: str, problem: str, known: list[str]) -> BadMapping:
        near = difflib.get_close_matches(word, known, n=1)
        return self.refuse(at, problem, f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(known)}")

    def mapping(self, raw: dict[str, Any]) -> Mapping:
        known = [stream.value for stream in Stream]
        for name, section in raw.items():
            if name not in (*known, PUSH):
                raise self.refuse_word((name,), name, f"no stream {name!r}", [*known, PUSH])
            if not isinstance(section, dict):
                raise self.refuse((name,), f"{name} is not a section", f"write [{name}] on a line of its own")
        back = self.back(raw.pop(PUSH)) if PUSH in raw else None
        return Mapping({Stream(name): self.stream(Stream(name), section) for name, section in raw.items()}, back)

    def back(self, section: dict[str, Any]) -> dict[str, str]:
        """Our fields -> their names; two of ours can't have one name."""
        names = {ours: self.text((PUSH, ours), ours, theirs) for ours, theirs in section.items()}
        for ours, theirs in names.items():
            if first := next((other for other in names if other != ours and names[other] == theirs), None):
                raise self.refuse(
                    (PUSH, ours), f"{first} and {ours} are both written to {theirs!r}", "keep one of them"
                )
        return names

    def stream(self, stream: Stream, section: dict[str, Any]) -> StreamMapping:
        ours = [*SCHEMAS[stream].names, *(money for money, minor in MONEY.items() if minor in SCHEMAS[stream].names)]
        source: dict[str, str] = {}
        fields: dict[str, Field] = {}
        for at, key, value in _entries(stream, section):
            target = MONEY.get(key, key)
            if key in SOURCE_KEYS and key not in ours:
                source[key] = self.text(at, key, value)
            elif key == "attributes" in ours:
                raise self.refuse(at, "attributes are taken one by one", 'write attributes.name = "..."')
            elif key not in ours and not ("attributes" in ours and key.startswith("attributes.")):
                raise self.refuse_word(at, key, f"no field {key!r} in {stream.value}", [*ours, *SOURCE_KEYS])
            elif target in fields:
                raise self.refuse(at, f"{key} gives {target}, which is given already", "keep one of them")
            else:
                fields[target] = self.field(stream, at, key, value)
        if {"table", "query"} <= set(source):
            raise self.refuse((stream, "query"), f"{stream.value} has a table and a query", "keep one of them")
        return StreamMapping(source, fields)

    def field(self, stream: Stream, at: Keys, name: str, value: Any) -> Field:
        usual = "money" if name in MONEY else None
        if not isinstance(value, dict):
            return Field(self.text(at, name, value), usual)
        for key in value:
            if key not in FIELD_KEYS:
                raise self.refuse_word((*at, key), key, f"no key {key!r} in {name}", list(FIELD_KEYS))
        if not {"from", "default"} & set(value):
            raise self.refuse(at, f"{name} has neither `from` nor `default`", 'name their column: {from = "..."}')
        if name.startswith("attributes.") and set(value) != {"from"}:
            raise self.refuse(at, f"{name} takes a column as it is", 'write only its name: "..."')
        column = self.text((*at, "from"), f"{name}: from", value["from"]) if "from" in value else None
        values = value.get("values", {})
        if not isinstance(values, dict):
            raise self.refuse((*at, "values"), f"{name}: values is not a table", 'write {theirs = "ours"}')
        renamed = {theirs: self.word((*at, "values"), f"{name}: {theirs}", ours) for theirs, ours in values.items()}
        default = self.word((*at, "default"), f"{name}: default", value["default"]) if "default" in value else None
        return Field(column, self.converter(stream, at, name, value.get("as", usual)), renamed, default)

    def converter(self, stream: Stream, at: Keys, name: str, chosen: Any) -> str | None:
        if chosen is None:
            return None
        at = (*at, "as")
        fitting = _fitting(SCHEMAS[stream].field(MONEY.get(name, name)).type)
        if self.text(at, f"{name}: as", chosen) not in CONVERTERS:
            raise self.refuse_word(at, chosen, f"no converter {chosen!r} in {name}", fitting)
        if chosen not in fitting:
            raise self.refuse(at, f"{name} can't be read as {chosen}", f"choose one of: {', '.join(fitting)}")
        return str(chosen)

    def text(self, at: Keys, what: str, value: Any) -> str:
        """A name, which must be a text that is not empty."""
        if isinstance(value, str) and value.strip():
            return value
        raise self.refuse(at, f"{what} is {value!r}, not a text", 'write it in quotes: "..."')

    def word(self, at: Keys, what: str, value: Any) -> str:
        """A value of ours: a text, a number, true or false."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float):
            return str(value)
        raise self.refuse(at, f"{what} is {value!r}, not one value", 'write a text in quotes: "..."')


def _entries(stream: Stream, section: dict[str, Any]) -> Iterator[tuple[Keys, str, Any]]:
    """Each entry of a section with its path; `attributes.age`, with or without quotes, is one name."""
    for key, value in section.items():
        if key == "attributes" and isinstance(value, dict) and not set(value) <= set(FIELD_KEYS):
            for name, column in value.items():
                yield (stream.value, key, name), f"attributes.{name}", column
        else:
            yield (stream.value, key), key, value


def _fitting(kind: pa.DataType) -> list[str]:
    """The converters whose values a column of a type can hold."""
    if pa.types.is_timestamp(kind):
        return ["time"]
    if pa.types.is_boolean(kind):
        return ["bool"]
    if pa.types.is_floating(kind):
        return ["number", "integer"]
    return ["money", "minor", "integer"] if pa.types.is_integer(kind) else list(CONVERTERS)


def _places(text: str) -> Iterator[tuple[Keys, int]]:
    """The line of each section and key; what stands within a long text of three quotes is none."""
    section: Keys = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if found := SECTION.match(line):
            section = _keys(found[1])
            yield section, number
        elif found := ENTRY.match(line):
            yield (*section, *_keys(found[1])), number
        quotes = LONG_TEXT.findall(line)
        closing = quotes[0] if len(quotes) % 2 else ""


def _keys(written: str) -> Keys:
    """The parts of a dotted key, as TOML reads them."""
    inner: Any = tomllib.loads(f"{written} = 0")
    keys: list[str] = []
    while isinstance(inner, dict):
        ((key, inner),) = inner.items()
        keys.append(key)
    return tuple(keys)
