"""Which adapters there are, by the name that handpicked.toml uses."""

import difflib
from pathlib import Path

from crm_adapters.base import Adapter
from crm_adapters.errors import Unsupported
from crm_adapters.files import Files
from crm_adapters.mapping import load_mapping
from crm_adapters.sql import Sql

KINDS = ("files", "sql")


def open_adapter(kind: str, *, source: str, mapping: Path | None) -> Adapter:
    """Open the adapter of a kind.

    Args:
        kind: files or sql.
        source: the folder, or the database's URL.
        mapping: the mapping file, if any.

    Raises:
        Unsupported: no such kind.
        BadMapping: the mapping is wrong.
    """
    if kind == "files":
        return Files(Path(source), mapping)
    if kind == "sql":
        return Sql(source, load_mapping(mapping))
    near = difflib.get_close_matches(kind, KINDS, n=1)
    raise Unsupported(
        f"no adapter {kind!r}", remedy=f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(KINDS)}"
    )
