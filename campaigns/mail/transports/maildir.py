"""Deliver into a Maildir folder: one file for each message, whole or not at all.

For trials, and for a relay that polls.
"""

import asyncio
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope, Lane, Outcome, not_open


class Maildir:
    """A folder with tmp, new and cur. The file's name comes from the envelope's key: sent twice, it is one file."""

    lanes = 4
    batch = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: set[str] | None = None

    async def __aenter__(self) -> Self:
        try:
            for part in ("tmp", "new", "cur"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            # A mail reader moves what it has seen from new to cur and adds flags behind a colon.
            self._seen = {path.name.partition(":")[0] for path in (self.folder / "cur").iterdir()}
        except OSError as error:
            raise TransportError(
                f"maildir {self.folder}: {error.strerror}", remedy="name a folder that can be written"
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seen = None

    async def lane(self) -> Lane:
        """Give a lane; several write side by side, as each waits for the disk."""
        if self._seen is None:
            raise not_open(f"maildir {self.folder}")
        return _Lane(self.folder, self._seen)


class _Lane:
    def __init__(self, folder: Path, seen: set[str]) -> None:
        self._folder = folder
        self._seen = seen

    async def send(self, envelopes: list[Envelope]) -> list[Outcome]:
        """Write each message; a full disk is a reason to try later."""
        return [await asyncio.to_thread(self._keep, envelope) for envelope in envelopes]

    async def close(self) -> None:
        """Nothing is held."""

    def _keep(self, envelope: Envelope) -> Outcome:
        name = f"{hashlib.sha256(envelope.key.encode()).hexdigest()[:40]}.handpicked"
        draft, final = self._folder / "tmp" / f"{name}.{os.getpid()}", self._folder / "new" / name
        if name in self._seen or final.exists():
            return Outcome("sent", f"already there as {name}")
        try:
            _write(draft, envelope.message.raw())
            draft.replace(final)
            _sync_folder(final.parent)
        except OSError as error:
            draft.unlink(missing_ok=True)
            return Outcome("retry", f"maildir {self._folder}: {error.strerror or error}")
        self._seen.add(name)
        return Outcome("sent", f"written as {name}")


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
