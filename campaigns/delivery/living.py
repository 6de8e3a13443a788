"""Which delivering processes of this machine live: each holds a lock on a file of its own, which dies with it.

A lease alone can't tell who died from who could not say that they live: on a full disk, behind a database lock that
others always get first, or stopped by hand. Who is on another machine, or on one without such locks (Windows), is
known by the lease alone.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

FOLDER = ".handpicked-delivering"
_NEW = ".new"
"""A file has this ending until it is locked, for one that is not would be taken for that of a dead process."""


@contextlib.contextmanager
def lives(folder: Path, worker: str) -> Iterator[None]:
    """Show, while the body runs, that a worker lives; where no file can be locked, its lease must do.

    Args:
        folder: the project's.
        worker: its name, as the outbox has it.
    """
    path = folder / FOLDER / worker
    try:
        lock = _locked(path)
    except (OSError, ImportError):
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def living(folder: Path) -> set[str]:
    """Name the workers that live; the files of the dead are removed."""
    paths = [path for path in (folder / FOLDER).glob("*") if path.suffix != _NEW]
    return {path.name for path in paths if _is_held(path)}


def _locked(path: Path) -> int:
    """Make a file that this process holds: its descriptor."""
    import fcntl  # noqa: PLC0415 - Windows has none

    path.parent.mkdir(exist_ok=True)
    made = path.with_name(path.name + _NEW)
    file = os.open(made, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    made.rename(path)
    return file


def _is_held(path: Path) -> bool:
    import fcntl  # noqa: PLC0415 - see above

    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return False  # its process has just ended
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    finally:
        os.close(file)
    return False
