"""One SQLite library at a time in a process.

The bulk driver brings its own copy of SQLite beside Python's. When one copy closes a file, POSIX drops the locks that
the other holds on it, and the database can be corrupted: seen here as "database disk image is malformed".
Source: "How To Corrupt An SQLite Database File", section 2.2.1. So whoever is in keeps the other out, across threads.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Gate:
    """Lets in either ordinary connections of one thread, or one bulk connection."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._inside = 0

    def enter(self) -> None:
        """Let in one more connection of this thread; wait for other threads to leave."""
        self._lock.acquire()
        self._inside += 1

    def leave(self) -> None:
        """One connection of this thread has closed its files."""
        self._inside -= 1
        self._lock.release()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one inside; a thread that still holds a connection has made a mistake."""
        with self._lock:
            if self._inside:
                raise RuntimeError("a bulk transaction was begun inside an open connection of the same thread")
            self._inside += 1
            try:
                yield
            finally:
                self._inside -= 1


GATE = Gate()


class GatedConnection(sqlite3.Connection):
    """A connection that is inside the gate from before its file is opened until after it is closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        GATE.enter()
        self._inside = True
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self._leave()
            raise

    def close(self) -> None:
        """Close the file, then leave."""
        super().close()
        self._leave()

    def _leave(self) -> None:
        if self._inside:
            self._inside = False
            GATE.leave()
