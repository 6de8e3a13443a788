"""WRITE BACK: give picks to a connected system as contact fields; only what differs from what it acknowledged."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from campaigns.project import Project, real_now
from campaigns.store import dead_letters
from campaigns.store.acknowledged import acknowledge, acknowledged_hashes
from campaigns.store.dead_letters import DeadLetter
from campaigns.sync import connect
from crm_adapters.base import Adapter, FieldUpdate, PushResult
from crm_adapters.pushing import push_all

Value = str | int | float | None
Values = Mapping[str, Value]
Known = Mapping[str, Mapping[str, str]]
"""What a system has acknowledged: customer, field, hash of the value."""
KINDS = ("added", "changed", "cleared", "unchanged")


@dataclass
class Pushed:
    """What one push did, or would do.

    Attributes:
        written: customers whose fields the system took; in a dry run, those who would be written.
        unchanged: customers of whom it has everything.
        rejected: customers whose update it refused, and keeps refusing as long as the update stays as it is.
        fields: added, changed, cleared and unchanged, counted by field.
        missing: fields that the system lacks, each with what to do.
    """

    written: int = 0
    unchanged: int = 0
    rejected: int = 0
    fields: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    missing: list[str] = field(default_factory=list)


def named(adapter: Adapter, fields: Mapping[str, Values]) -> dict[str, Values]:
    """Choose the fields that the mapping names, under the system's own names; without a mapping all, under ours."""
    names = adapter.mapping.push
    if names is None:
        return dict(fields)
    return {
        customer: {theirs: values[ours] for ours, theirs in names.items() if ours in values}
        for customer, values in fields.items()
    }


def push(project: Project, name: str, fields: Mapping[str, Values], *, dry_run: bool = False) -> Pushed:
    """Write each customer's fields where they differ from what the system last acknowledged.

    A field that a customer no longer has is cleared, and so are all fields of one who is no longer among them: who has
    withdrawn consent keeps no picks. What the system refused is not sent again until it changes; `retry` does.

    Args:
        project: the open project.
        name: the connection.
        fields: customer id to field values; None clears a field.
        dry_run: count only, write nothing.

    Raises:
        AdapterError: the system can't be used; what was written before stays written down.
    """
    known = _known(project, name)
    refused = {letter.customer_id: _hash(dict(letter.fields)) for letter in dead_letters.kept(project.store, name)}
    done = Pushed()
    going: list[FieldUpdate] = []
    for update in _updates(fields, known):
        differing = _differing(update, known.get(update.customer_id, {}), done.fields)
        if not differing:
            done.unchanged += 1
        elif refused.get(update.customer_id) == _hash(differing):
            done.rejected += 1
        else:
            going.append(FieldUpdate(update.customer_id, differing))
    if dry_run:
        done.written = len(going)
    else:
        _send(project, name, connect(project, name), going, done)
    return done


def retry(project: Project, name: str) -> Pushed:
    """Send once more what the system refused; what it refuses again stays kept, with its words."""
    going = [FieldUpdate(letter.customer_id, dict(letter.fields)) for letter in dead_letters.kept(project.store, name)]
    done = Pushed()
    _send(project, name, connect(project, name), going, done)
    return done


def _send(project: Project, name: str, adapter: Adapter, going: list[FieldUpdate], done: Pushed) -> None:
    """Send updates; what became of them is written down after each call, before the next one."""
    by_customer = {update.customer_id: update for update in going}
    with project.progress.track("write back", len(going)) as bar:
        for results in push_all(adapter, going):
            taken = [by_customer[one.customer_id] for one in results if _is_done(one, by_customer[one.customer_id])]
            refused = [
                DeadLetter(one.customer_id, dict(by_customer[one.customer_id].values), one.status, one.message)
                for one in results
                if one.status != "retry" and not _is_done(one, by_customer[one.customer_id])
            ]
            acknowledge(project.store, name, _hashes(taken), real_now())
            dead_letters.forget(project.store, name, {update.customer_id for update in taken})
            dead_letters.keep(project.store, name, refused, real_now())
            done.written, done.rejected = done.written + len(taken), done.rejected + len(refused)
            bar.advance(len(results))


def _is_done(result: PushResult, update: FieldUpdate) -> bool:
    """Whether the system has what it is to have: of a customer who is gone there, nothing is left to clear."""
    is_clear = all(value is None for value in update.values.values())
    return result.status == "sent" or (result.status == "not_found" and is_clear)


def _known(project: Project, name: str) -> Known:
    known: dict[str, dict[str, str]] = {}
    for (customer, one), value in acknowledged_hashes(project.store, name).items():
        known.setdefault(customer, {})[one] = value
    return known


def _updates(fields: Mapping[str, Values], known: Known) -> Iterator[FieldUpdate]:
    """What each customer is to have: what is no longer there is to be cleared."""
    for customer in [*fields, *(customer for customer in known if customer not in fields)]:
        gone = dict.fromkeys(known.get(customer, {}))
        yield FieldUpdate(customer, {**gone, **fields.get(customer, {})})


def _differing(update: FieldUpdate, known: Mapping[str, str], counts: dict[str, int]) -> dict[str, Value]:
    differing: dict[str, Value] = {}
    for name, value in update.values.items():
        before = known.get(name, NOTHING)
        if before == _hash(value):
            counts["unchanged"] += value is not None
            continue
        differing[name] = value
        counts["cleared" if value is None else "added" if before == NOTHING else "changed"] += 1
    return differing


def _hash(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=12).hexdigest()


NOTHING = _hash(None)


def _hashes(updates: Iterable[FieldUpdate]) -> dict[tuple[str, str], str]:
    return {(update.customer_id, name): _hash(value) for update in updates for name, value in update.values.items()}
