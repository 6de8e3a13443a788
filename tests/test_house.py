"""Who may know whom: the imports are read, and a stranger greeted fails the test."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STRANGERS = ["engine", "crm_adapters", "campaigns.store", "campaigns.mail"]
SOURCES = [path for folder in ("engine", "crm_adapters", "campaigns") for path in sorted((ROOT / folder).rglob("*.py"))]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _room(module: str) -> str | None:
    return next((room for room in STRANGERS if module == room or module.startswith(room + ".")), None)


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_strangers_are_not_greeted(path):
    room = _room(_module(path))
    if room is None:
        return
    greeted = {name for name in _imports(path) if _room(name) not in (None, room)}
    assert not greeted, f"{_module(path)} greets {greeted}"
    verbs = {name for name in _imports(path) if name.startswith("campaigns.") and _room(name) is None}
    assert all(name.startswith("campaigns.errors.") for name in verbs), f"{_module(path)} knows a verb: {verbs}"


def test_only_the_verbs_are_imported_by_no_room():
    top_level = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert {"campaigns", "engine", "templates", "crm_adapters", "tests"} <= top_level
