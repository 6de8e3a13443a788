"""DELIVER: claim due messages in batches, compose, hand to the transport, write down what became of each.

A message is committed as `sending` before the transport sees it: after a crash only those few are in doubt (law 2).
"""

import os
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.campaign import Campaign
from campaigns.compose import compose
from campaigns.errors import BadMessage, TransportError
from campaigns.mail.render import CompiledTemplate
from campaigns.mail.transports.base import Envelope, Transport
from campaigns.mail.transports.registry import open_transport
from campaigns.project import Project, real_now
from campaigns.store import outbox

BATCH = 100
LEASE = timedelta(minutes=5)
SOON = timedelta(minutes=10)
REASONS = {"sent": "delivered", "failed": "refused by the server", "in_doubt": "the server's answer was lost"}
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))


@dataclass
class Delivered:
    """How many messages ended in each state while this process delivered."""

    states: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Run:
    campaign: Campaign
    template: CompiledTemplate


def deliver(project: Project, *, until_empty: bool = False, limit: int | None = None) -> Delivered:
    """Deliver what is due; with `until_empty`, wait for retries and for what is due within ten minutes.

    Raises:
        TransportError: the transport can't be used at all; nothing is lost, the messages wait.
        BadTemplate: a template of a run no longer renders; its messages wait.
    """
    worker = f"{socket.gethostname()}:{os.getpid()}"
    done = Delivered()
    runs: dict[str, _Run] = {}
    with project.progress.track("deliver", outbox.open_count(project.store)) as bar:
        while limit is None or sum(done.states.values()) < limit:
            now = real_now()
            outbox.recover(project.store, now)
            outbox.expire(project.store, now)
            claimed = outbox.claim(project.store, worker, now, LEASE, BATCH)
            if claimed:
                _deliver_batch(project, worker, claimed, runs, done)
                bar.advance(len(claimed))
                continue
            outbox.finish_runs(project.store, now)
            if not until_empty or not outbox.due_soon(project.store, now + SOON):
                return done
            time.sleep(1)
    return done


def _deliver_batch(
    project: Project, worker: str, claimed: list[outbox.MessageRow], runs: dict[str, _Run], done: Delivered
) -> None:
    try:
        for name in {_run(project, runs, row.run_id).campaign.transport for row in claimed}:
            with open_transport(name or project.settings.transport, project.folder) as transport:
                for row in claimed:
                    run = runs[row.run_id]
                    if run.campaign.transport == name:
                        done.states[_deliver_one(project, worker, run, row, transport)] += 1
    finally:
        outbox.hand_back(project.store, worker, real_now())


def _run(project: Project, runs: dict[str, _Run], run_id: str) -> _Run:
    if run_id not in runs:
        campaign = Campaign.model_validate(outbox.run_settings(project.store, run_id))
        runs[run_id] = _Run(campaign, project.template(campaign.template))
    return runs[run_id]


def _deliver_one(project: Project, worker: str, run: _Run, row: outbox.MessageRow, transport: Transport) -> str:
    now = real_now()
    try:
        data = compose(project, run.campaign, run.template, row, now)
    except BadMessage as error:
        return _finish(project, row, "failed", "bad message", str(error), now)
    if not outbox.mark_sending(project.store, row.run_id, row.customer_id, worker, now, LEASE):
        return "taken over"
    try:
        outcome = transport.send(Envelope(project.settings.shop.sender, row.address, data, row.rfc_message_id))
    except TransportError:
        # Nothing was handed over: the message goes back into the queue before the operator is told.
        outbox.retry(project.store, row.run_id, row.customer_id, "transport unusable", now, now)
        raise
    again = outcome.status == "in_doubt" and run.campaign.in_doubt == "resend"
    if outcome.status == "retry" or again:
        return _retry(project, row, outcome.answer, now)
    return _finish(project, row, outcome.status, REASONS[outcome.status], outcome.answer, now)


def _finish(project: Project, row: outbox.MessageRow, state: str, reason: str, answer: str, now: datetime) -> str:
    outbox.finish(project.store, row.run_id, row.customer_id, state, reason, answer, now)
    return state


def _retry(project: Project, row: outbox.MessageRow, answer: str, now: datetime) -> str:
    if row.attempts >= len(RETRY_AFTER):
        return _finish(project, row, "failed", "gave up after temporary failures", answer, now)
    outbox.retry(project.store, row.run_id, row.customer_id, answer, now + RETRY_AFTER[row.attempts], now)
    return "waiting"
