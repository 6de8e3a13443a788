"""Read a mailbox page by page, and mark a page only when what it says is kept: after a crash it is read again.

    new -> seen       read, and understood
    new -> flagged    for a person to read: it is something else, or could not be read; it stays unread
Nothing is ever deleted.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from campaigns.errors import BadFeedback, BadSettings
from campaigns.mail.bounces.imap import Imap, login_of
from campaigns.mail.bounces.parts import LONGEST

PAGE = 100
REMEDY = (
    "set `mailbox` in [mail] to maildir:FOLDER or imaps://user:password@host/INBOX; "
    "write : / ? # @ % inside user or password as %3A %2F %3F %23 %40 %25"
)


class Box(Protocol):
    """A kind of mailbox: it lists what is new, reads one mail, marks many."""

    def new(self) -> list[str]:
        """The keys of the mails that were neither seen nor flagged, the oldest first."""

    def read(self, keys: Collection[str]) -> dict[str, bytes | None]:
        """Read mails, of each what stands first; none where one can't be read, nothing where it is gone."""

    def mark(self, seen: Collection[str], flagged: Collection[str]) -> None:
        """Mark mails, for good."""


@dataclass
class Page:
    """Some mails of a mailbox.

    Attributes:
        mails: key -> the mail; none where it can't be read.
        flagged: the keys of those that are left for a person.
    """

    mails: dict[str, bytes | None]
    _box: Box
    flagged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.flagged |= {key for key, mail in self.mails.items() if mail is None}

    def flag(self, key: str) -> None:
        """Leave a mail for a person."""
        self.flagged.add(key)

    def done(self) -> None:
        """Mark the page's mails; call it when what they say is committed."""
        self._box.mark([key for key in self.mails if key not in self.flagged], sorted(self.flagged))


class Mailbox:
    """A mailbox, open. What arrives while it is read is left for the next time."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def pages(self, size: int = PAGE) -> Iterator[Page]:
        """Read what is new, page by page; a page that is not `done` comes again the next time."""
        keys = self._box.new()
        for start in range(0, len(keys), size):
            if mails := self._box.read(keys[start : start + size]):
                yield Page(mails, self._box)


@dataclass
class Maildir:
    """A Maildir folder: new mail is in `new`, what was marked is in `cur` with its flags behind a colon."""

    folder: Path

    def __enter__(self) -> Self:
        if not (self.folder / "new").is_dir() or not (self.folder / "cur").is_dir():
            raise BadSettings(
                f"the mailbox {self.folder} is no Maildir: it has no folder `new` or `cur`",
                remedy="name the folder that your mail server delivers bounces into",
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def new(self) -> list[str]:
        """The files in `new` by name, which begins with the time of arrival."""
        try:
            return sorted(entry.name for entry in os.scandir(self.folder / "new") if not entry.name.startswith("."))
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def read(self, keys: Collection[str]) -> dict[str, bytes | None]:
        """Read files; none where one can't be read."""
        found: dict[str, bytes | None] = {}
        for key in keys:
            try:
                with (self.folder / "new" / key).open("rb") as file:
                    found[key] = file.read(LONGEST)
            except FileNotFoundError:
                continue  # another process has read it
            except OSError:
                found[key] = None
        return found

    def mark(self, seen: Collection[str], flagged: Collection[str]) -> None:
        """Move files to `cur`, S for seen and F for flagged (maildir(5))."""
        for keys, flag in ((seen, "S"), (flagged, "F")):
            for key in keys:
                self._move(key, f"{key.partition(':')[0]}:2,{flag}")

    def _move(self, key: str, name: str) -> None:
        mail = self.folder / "new" / key
        try:
            mail.rename(self.folder / "cur" / name)
        except OSError as error:
            if mail.exists():  # else another process was first
                raise _unusable(self.folder, error) from error


def _unusable(folder: Path, error: OSError) -> BadFeedback:
    return BadFeedback(
        f"the mailbox {folder} can't be used: {error.strerror or error}", remedy="let this user read and write it"
    )


def open_box(url: str, project: Path) -> AbstractContextManager[Box]:
    """Make the mailbox of a URL; a Maildir's folder counts from the project's. `with` opens it.

    Raises:
        BadSettings: a kind that is not known, no folder, or a URL without host or login.
        BadFeedback: it can't be reached, or does not let us in (on `with`).
    """
    kind, _, rest = url.partition(":")
    if kind == "maildir" and rest:
        return Maildir(project / rest)
    if kind == "imaps":
        login = login_of(url)
        if login is None:
            raise BadSettings("the mailbox is no URL with a user, a password and a host", remedy=REMEDY)
        return Imap(login)
    # The URL is not repeated: any part of it may be the password.
    raise BadSettings("the mailbox is of no kind that is known", remedy=REMEDY)
