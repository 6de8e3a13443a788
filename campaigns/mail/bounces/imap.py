"""Read a mailbox over IMAP (RFC 3501), always with TLS and a checked certificate."""

import imaplib
import re
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from campaigns.errors import BadFeedback
from campaigns.mail.bounces.parts import LONGEST

PORT = 993
_UID = re.compile(rb"\bUID (\d+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Login:
    """Where a mailbox is, and who opens it; the password is in no text that is printed."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"


def login_of(url: str) -> Login | None:
    """Read imaps://user:password@host[:port][/FOLDER]; none where it is no such URL.

    >>> login_of("imaps://ada:p%40ss@mail.example.com/Bounces")
    Login(host='mail.example.com', port=993, user='ada', folder='Bounces')
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORT
    except ValueError:
        return None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    folder = unquote(parts.path[1:]) or "INBOX"
    if not host or not user or not password or _CONTROL.search(user + password + folder) or not folder.isascii():
        return None
    return Login(host, port, user, password, folder)


class Imap:
    r"""A mailbox over IMAP: new mail is neither \\Seen nor \\Flagged; a mail is named by its UID."""

    def __init__(self, login: Login, timeout_seconds: float = 60) -> None:
        self._login = login
        self._timeout = timeout_seconds
        self._open: imaplib.IMAP4_SSL | None = None

    def __enter__(self) -> Self:
        try:
            self._open = self._connect()
            self._let_in(self._open)
            folder = self._login.folder.replace("\\", "\\\\").replace('"', '\\"')
            self._ask("SELECT", lambda server: server.select(f'"{folder}"'))
        except BaseException:
            self._hang_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def new(self) -> list[str]:
        """The UIDs of what is neither seen nor flagged."""
        told = self._ask("SEARCH", lambda server: server.uid("SEARCH", "UNSEEN", "UNFLAGGED", "UNDELETED"))
        uids = b" ".join(part for part in told if isinstance(part, bytes)).split()
        return [str(uid) for uid in sorted({int(uid) for uid in uids if uid.isdigit()})]

    def read(self, keys: Collection[str]) -> dict[str, bytes | None]:
        """Read mails without marking them; one that the server no longer has is left out."""
        what = f"(UID BODY.PEEK[]<0.{LONGEST}>)"
        told = self._ask("FETCH", lambda server: server.uid("FETCH", ",".join(keys), what))
        found: dict[str, bytes | None] = {}
        for place, part in enumerate(told):
            whole = isinstance(part, tuple)
            said = part[0] if whole else part or b""
            after = told[place + 1] if whole and place + 1 < len(told) else b""
            uid = _UID.search(said) or (_UID.search(after) if isinstance(after, bytes) else None)
            if uid and uid[1].decode() in keys and b"BODY[" in said:
                found[uid[1].decode()] = part[1] if whole else None  # NIL: the server can't read it
        return found

    def mark(self, seen: Collection[str], flagged: Collection[str]) -> None:
        """Set the flags."""
        self._flag(seen, "(\\Seen)")
        self._flag(flagged, "(\\Flagged)")

    def _flag(self, keys: Collection[str], flag: str) -> None:
        if keys:
            uids = ",".join(keys)
            self._ask("STORE", lambda server: server.uid("STORE", uids, "+FLAGS.SILENT", flag))

    def _connect(self) -> imaplib.IMAP4_SSL:
        place = f"{self._login.host}:{self._login.port}"
        try:
            context = ssl.create_default_context()
            return imaplib.IMAP4_SSL(self._login.host, self._login.port, ssl_context=context, timeout=self._timeout)
        except (OSError, imaplib.IMAP4.error) as error:
            raise BadFeedback(
                f"the mailbox at {place} can't be reached: {error}", remedy="check host, port and certificate"
            ) from error

    def _let_in(self, server: imaplib.IMAP4_SSL) -> None:
        user, password = self._login.user, self._login.password
        try:
            if f"{user}{password}".isascii():
                server.login(user, password)
            else:  # LOGIN can't say it (RFC 3501, section 6.2.3)
                server.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        except (OSError, imaplib.IMAP4.error):  # the server's words may repeat the password
            raise BadFeedback(
                f"the mailbox at {self._login.host} does not let us in", remedy="check user and password in its URL"
            ) from None

    def _ask(self, what: str, call: Callable[[imaplib.IMAP4_SSL], tuple[str, list[Any]]]) -> list[Any]:
        if self._open is None:
            raise BadFeedback("the mailbox is not open", remedy="open it first: `with open_box(...)`")
        try:
            status, told = call(self._open)
        except (OSError, imaplib.IMAP4.error) as error:
            raise self._refused(what, str(error)) from error
        if status != "OK":
            raise self._refused(what, repr(told[:1]))
        return told

    def _refused(self, what: str, words: str) -> BadFeedback:
        return BadFeedback(
            f"the mailbox {self._login.folder!r} at {self._login.host} refuses {what}: {words[:200]}",
            remedy="check its folder and its rights, then read it again: nothing is lost",
        )

    def _hang_up(self) -> None:
        if self._open is not None:
            try:
                self._open.logout()
            except (OSError, imaplib.IMAP4.error):
                self._open.shutdown()
            self._open = None
