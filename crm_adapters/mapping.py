"""Mappings: their columns -> our fields, in a TOML file that a non-programmer can edit.

    [customers]
    file = "contacts.csv"                                   # or table/query for a database; else customers.*
    email = "E-Mail"                                        # our field = their column
    created_at = {from = "signup", as = "time"}
    consent_email = {from = "newsletter", values = {yes = "subscribed", no = "unsubscribed"}, default = "unknown"}
    "attributes.age" = "age_band"                           # anything else goes to the attributes

What the mapping does not name is taken from a column of our own name, if there is one.
"""

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_adapters.converters import CONVERTERS
from crm_adapters.errors import BadMapping
from crm_adapters.records import SCHEMAS, Stream

SOURCE_KEYS = ("file", "table", "query", "id", "updated")
FIELD_KEYS = ("from", "as", "values", "default")
MONEY = {"price": "price_minor", "unit_price": "unit_price_minor"}


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

    def stream(self, stream: Stream) -> StreamMapping:
        """The mapping of one stream."""
        return self.streams.get(stream, StreamMapping({}, {}))


def load_mapping(path: Path | None) -> Mapping:
    """Read a mapping file; None: their columns carry our names.

    Raises:
        BadMapping: unknown stream, field, key or converter; told with file, line and what was probably meant.
    """
    if path is None:
        return Mapping({})
    if not path.is_file():
        raise BadMapping(f"no mapping file {path}", remedy="name it in handpicked.toml, or leave `mapping` out")
    text = path.read_text(encoding="utf-8")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadMapping(f"{path}: {error}", remedy="mend that line; the form is TOML") from error
    return _Reader(path, text).mapping(raw)


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.splitlines()

    def refuse(self, key: str, problem: str, known: list[str]) -> BadMapping:
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(known)}"
        return BadMapping(f"{self.path}:{self._line(key)}: {problem}", remedy=remedy)

    def _line(self, key: str) -> int:
        return next((number for number, line in enumerate(self.lines, 1) if key in line), 1)

    def mapping(self, raw: dict[str, Any]) -> Mapping:
        known = [stream.value for stream in Stream]
        for name in raw:
            if name not in known:
                raise self.refuse(name, f"no stream {name!r}", known)
        return Mapping({Stream(name): self.stream(Stream(name), section) for name, section in raw.items()})

    def stream(self, stream: Stream, section: dict[str, Any]) -> StreamMapping:
        ours = [*SCHEMAS[stream].names, *MONEY]
        source: dict[str, str] = {}
        fields: dict[str, Field] = {}
        for key, value in section.items():
            if key in SOURCE_KEYS and not (key == "id" and "id" in ours):
                source[key] = str(value)
            elif key in ours or key.startswith("attributes."):
                fields[MONEY.get(key, key)] = self.field(key, value)
            else:
                raise self.refuse(key, f"no field {key!r} in {stream.value}", [*ours, *SOURCE_KEYS])
        return StreamMapping(source, fields)

    def field(self, name: str, value: Any) -> Field:
        money = "money" if name in MONEY else None
        if isinstance(value, str):
            return Field(value, money)
        for key in value:
            if key not in FIELD_KEYS:
                raise self.refuse(key, f"no key {key!r} in {name}", list(FIELD_KEYS))
        converter = value.get("as", money)
        if converter is not None and converter not in CONVERTERS:
            raise self.refuse(converter, f"no converter {converter!r} in {name}", list(CONVERTERS))
        values = {str(theirs): str(ours) for theirs, ours in value.get("values", {}).items()}
        default = value.get("default")
        return Field(value.get("from"), converter, values, None if default is None else str(default))
