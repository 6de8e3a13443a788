"""COLLECT: take in what customers do on the shop's pages, as their browsers and the shop's server tell it.

a batch -> its sender has the write key? -> each event read -> good ones, and bad ones with their reason:
one transaction; only when it is committed is the sender told so. Sent again, it changes nothing.
"""

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from campaigns.consent import words_of_consent
from campaigns.errors import BadEvents, TooLong, WrongKey
from campaigns.project import Project
from campaigns.store import behaviour
from campaigns.store.behaviour import Kept
from campaigns.store.kept_out import KeptOut, keep_out, let_go
from campaigns.store.site_orders import SYSTEM
from crm_adapters.events.event import Event, Heard
from crm_adapters.events.form import message_id, read
from crm_adapters.events.values import BadEvent, moment, plain
from crm_adapters.product_pages.inflate import BadGzip, unpacked

LONGEST_BATCH = 500 * 1024
LONGEST_EVENT = 32 * 1024
"""Both are the limits of Segment's HTTP API, which its SDKs keep to; in bytes, unpacked."""
LONGEST_NUMBER = 300
"""Digits; a longer one is no amount and no id, and takes Python long to read."""
LONGEST_PLACE = 100
KINDS = ("track", "identify", "page", "screen", "group", "alias")
STREAM = "events"


@dataclass
class Collected:
    """What came of some events: what was kept, and the bad ones, which are in quarantine."""

    kept: Kept = field(default_factory=Kept)
    bad: list[KeptOut] = field(default_factory=list)

    def add(self, other: "Collected") -> None:
        """Count another one's in."""
        self.kept.add(other.kept)
        self.bad += other.bad

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        kept = self.kept
        counts = {"events": dict(kept.new), "repeated": kept.repeated, "identified": kept.identified}
        counts |= {"not_kept": dict(kept.not_kept), "joined": kept.joined}
        return {**counts, "bad": [{"place": bad.place, "problem": bad.detail} for bad in self.bad]}


def collect(project: Project, body: bytes, authorization: str, now: datetime, kind: str | None = None) -> Collected:
    """Take in what was posted.

    Args:
        project: the open project.
        body: as it came, perhaps gzipped.
        authorization: the header of this name; without one, the body may hold the key.
        now: when it came.
        kind: what the one event of the body is; None: the body is a batch.

    Raises:
        WrongKey: the sender has no write key of the settings.
        TooLong: it is more than 500 KB, or one event more than 32 KB.
        BadEvents: it is no JSON object, or a batch without events.
    """
    if authorization:  # a stranger's body is not read
        _admit(project, _key_of(authorization))
    told = _parsed(body, LONGEST_EVENT if kind else LONGEST_BATCH)
    key = told.pop("writeKey", None)
    if not authorization:
        _admit(project, key if isinstance(key, str) else "")
    raws = [{**told, "type": kind}] if kind else told.get("batch")
    if not isinstance(raws, list):
        raise BadEvents("the batch is no list of events", remedy='post {"batch": [...]}')
    heard = Heard(now, project.settings.shop.currency, _sent_at(told))
    return take(project, [read_one(_without_key(raw), heard) for raw in raws], now)


def take(project: Project, found: Iterable[Event | KeptOut], now: datetime, anew: str | None = None) -> Collected:
    """Keep events, and bad ones in quarantine, in one transaction.

    Args:
        project: the open project.
        found: some thousand at most.
        now: the moment.
        anew: the name of a file that is read from its start: what an earlier reading rejected is outdated.
    """
    done, good = Collected(), []
    for each in found:
        if isinstance(each, KeptOut):
            done.bad.append(each)
        else:
            good.append(each)
    with project.store.writing() as write:
        if anew is not None:
            let_go(write, SYSTEM, STREAM, anew)
        if good or done.bad:  # `sync status` is to show that something came
            done.kept = behaviour.keep(write, good, now, words_of_consent(project))
        keep_out(write, SYSTEM, STREAM, done.bad, now)
    return done


def read_one(raw: object, heard: Heard, place: str | None = None) -> Event | KeptOut:
    """Read one event; a bad one is kept out, at `place` or under its message's id."""
    try:
        return _read_or_keep_out(raw, heard, place)
    except RecursionError:  # it can be read, but not be written again
        return KeptOut(
            place or f"received {heard.at.isoformat()}", "too_deep", "objects within objects without end", ""
        )


def _read_or_keep_out(raw: object, heard: Heard, place: str | None) -> Event | KeptOut:
    written = json.dumps(raw)
    try:
        if heard.live and len(written) > LONGEST_EVENT and len(_utf8(raw)) > LONGEST_EVENT:
            raise BadEvent("too_long", f"more than {LONGEST_EVENT:,} bytes")
        return read(raw, heard)
    except BadEvent as bad:
        return KeptOut(place or _place(message_id(raw, heard)), bad.reason, bad.detail, written[:LONGEST_EVENT])


def _place(message: str) -> str:
    """Where a bad event stood: its message, by a hash where its id is no short plain one."""
    good = len(message) <= LONGEST_PLACE and plain(message) == message
    return f"message {message if good else hashlib.sha256(message.encode('utf-8', 'replace')).hexdigest()}"


def parse(text: bytes | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is none.
        RecursionError: it is nested without end.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_int=_whole)


def _without_key(raw: object) -> object:
    """An event as browsers' SDKs batch it holds the key once more; a secret is kept nowhere."""
    return {name: value for name, value in raw.items() if name != "writeKey"} if isinstance(raw, dict) else raw


def _utf8(raw: object) -> bytes:
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _admit(project: Project, key: str) -> None:
    """Let in who has a write key. All keys are compared, each in a time that tells nothing of it."""
    given = key.encode("utf-8", "replace")
    keys = project.settings.events.write_keys
    same = [hmac.compare_digest(given, known.get_secret_value().encode()) for known in keys]
    if not any(same):
        raise WrongKey("this write key is not known here", remedy="send a key of events.write_keys in handpicked.toml")


def _key_of(authorization: str) -> str:
    """The user of HTTP Basic (RFC 7617), which is the key; the password is empty."""
    scheme, _, coded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(coded.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return ""


def _parsed(body: bytes, longest: int) -> dict[str, Any]:
    try:
        told = parse(_unpacked(body, longest))
    except (ValueError, RecursionError, BadGzip) as error:
        raise BadEvents("the body is no JSON", remedy="post a JSON object in UTF-8, gzipped or not") from error
    if not isinstance(told, dict):
        raise BadEvents("the body is no JSON object", remedy='post {"batch": [...]}')
    return told


def _unpacked(body: bytes, longest: int) -> bytes:
    """Unpack what begins as gzip does; a bomb is left as soon as it is too long."""
    whole = bytearray()
    for piece in unpacked([body]):
        whole += piece
        if len(whole) > longest:
            raise TooLong(f"more than {longest:,} bytes", remedy="send fewer events at a time, each of at most 32 KB")
    return bytes(whole)


def _sent_at(told: dict[str, Any]) -> datetime | None:
    try:
        return moment(told, "sentAt")
    except BadEvent:  # it only serves to set the sender's clock right
        return None


def exact_now() -> datetime:
    """The moment by the machine's clock; a sender's clock is compared with it."""
    return datetime.now(UTC)
