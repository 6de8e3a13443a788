"""Tokens that outlive a process: a small file for its owner alone, written whole or not at all, under a lock."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crm_adapters.errors import BadSource

PRIVATE = 0o600


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep all other threads and processes from the file; whoever is killed gives the lock back.

    Raises:
        BadSource: the folder can't be written.
    """
    import fcntl  # noqa: PLC0415 - Windows has none: there, only what needs such tokens can't be used

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, PRIVATE)
    except OSError as error:
        raise unusable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read(path: Path) -> Mapping[str, Any]:
    """What the file holds; nothing if it is not there.

    Raises:
        BadSource: it can't be read, or holds something else.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise unusable(path, error) from None  # a JSON error repeats the text, tokens and all
    if not isinstance(told, dict):
        raise unusable(path, TypeError("it holds no tokens"))
    return told


def write(path: Path, told: Mapping[str, Any]) -> None:
    """Put new words in place of the old ones at once, and on the disk; call it under the lock.

    Raises:
        BadSource: the folder can't be written.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, PRIVATE), "w", encoding="utf-8") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _on_disk(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def _on_disk(folder: Path) -> None:
    """Without this a power cut may bring the old name back."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def unusable(path: Path, error: Exception) -> BadSource:
    """A file that can't be used; what stands in it is not repeated."""
    said = error.strerror if isinstance(error, OSError) else type(error).__name__
    return BadSource(
        f"tokens can't be kept in {path}: {said}",
        remedy="let whoever runs handpicked read and write there; a damaged file may be deleted, "
        "and a new refresh token put into the connection",
    )
