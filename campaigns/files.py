"""Read a TOML file of ours into a checked model; what is wrong is told with file, line and what was probably meant."""

import difflib
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from campaigns.errors import CampaignError

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, refuse: type[CampaignError]) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        CampaignError: of the kind `refuse`: not there, or no TOML.
    """
    if not path.is_file():
        raise refuse(
            f"no {path.name} in {path.parent}", remedy="run `handpicked init`, or name the folder with --project"
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise refuse(f"{path}: {error}", remedy="mend that line; the form is TOML") from error


def explain(error: ValidationError, path: Path, known: type[BaseModel]) -> tuple[str, str]:
    """Say one fault of a file, problem and remedy: a misspelt key before the one that it leaves missing."""
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    keys = [str(part) for part in first["loc"]]
    if first["type"] == "missing":
        return f"{path}: {'.'.join(keys)} is missing", "add it"
    place = f"{path}:{line_of(path, keys[-1])}: {'.'.join(keys)}" if keys else str(path)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(keys[-1], _names(known), n=1)
        return f"{place} is not a key", f"did you mean {near[0]!r}?" if near else "remove it"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}", "mend that value"


def _names(model: type[BaseModel]) -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _names(field.annotation)
    return names


def line_of(path: Path, key: str) -> int:
    """Find the line on which a key stands, or 1."""
    if path.is_file():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip().startswith((key, f"[{key}", f"[[{key}")):
                return number
    return 1
