"""PLAN: decide, for every customer of the audience, what becomes of them in this run, and put it in the outbox.

Every customer ends in one state with a reason (law 1); the run's key makes a second plan of it a no-op (law 2).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from campaigns.audience import customers_matching
from campaigns.campaign import Campaign
from campaigns.compose import content_of
from campaigns.consent import AGREED
from campaigns.experiment import held_out
from campaigns.picks import slates_for, text
from campaigns.project import Project, real_now
from campaigns.schedule import due_at
from campaigns.store import runs
from campaigns.store.aliases import alias_ids
from campaigns.store.preferences import not_wanting, written_to_lately
from campaigns.store.suppression import SUPPRESSED, suppressed_addresses
from campaigns.train import recommender_as_of
from engine.recommender import Recommender

OUTBOX = ["customer_id", "state", "reason", "due_at", "expires_at", "address", "rfc_message_id", "content"]
NOT_SUBSCRIBED = {
    "unsubscribed": "unsubscribed",
    "pending": "consent not confirmed",
    "never": "never asked to be written to",
    "unknown": "consent unknown",
}


@dataclass(frozen=True)
class Planned:
    """What a plan decided: the run and how many customers are in each (state, reason)."""

    run_id: str
    new: bool
    counts: dict[tuple[str, str], int]


def run_id(campaign: Campaign, scheduled_at: datetime) -> str:
    """Name a run by what makes it unique: its campaign and its scheduled time."""
    return f"{campaign.name}@{scheduled_at:%Y%m%dT%H%M%SZ}"


def plan(
    project: Project, campaign: Campaign, scheduled_at: datetime, *, dry_run: bool = False, at_once: bool = False
) -> Planned:
    """Plan one run; planning it again changes nothing and says so.

    Args:
        project: the open project.
        campaign: what to run.
        scheduled_at: the nominal time, which names the run.
        dry_run: count only, write nothing.
        at_once: everything is due now, whatever the recipients' zones.

    Raises:
        BadRule: the audience rule is wrong.
        BadTemplate: the template can't be compiled, or names what it is not given; nothing is planned.
    """
    run = run_id(campaign, scheduled_at)
    customers_matching(campaign.audience)  # a wrong rule is refused before anything is trained
    if not dry_run and runs.exists(project.store, run):
        return Planned(run, False, runs.counts(project.store, run))
    as_of = project.as_of()
    template = project.template(campaign.template)
    model_id, recommender = recommender_as_of(project, as_of)
    # Only now: training renews the traits and segments that the rule asks for.
    rows = decide(project, campaign, run, read_audience(project, campaign))
    rows = _fill(project, campaign, rows, recommender, as_of)
    zones = [None] * len(rows) if at_once else rows["time_zone"]
    rows["due_at"] = [due_at(campaign.schedule, scheduled_at, zone) for zone in zones]
    worth = timedelta(hours=campaign.expires_hours)
    rows["expires_at"] = [due + worth for due in rows["due_at"]]
    rows["address"] = rows["email"]
    rows["rfc_message_id"] = [
        project.links.message_id(run, customer, project.settings.sender_domain) for customer in rows["customer_id"]
    ]
    if dry_run:
        return Planned(run, True, dict(Counter(zip(rows["state"], rows["reason"], strict=True))))
    header = {
        "id": run,
        "campaign": campaign.name,
        "scheduled_at": scheduled_at,
        "as_of": as_of,
        "model_id": model_id,
        "template_version": template.version,
        "settings": campaign.model_dump(mode="json"),
    }
    new = runs.create(project.store, header, _records(rows), real_now())
    return Planned(run, new, runs.counts(project.store, run))


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(OUTBOX, values, strict=True)) for values in zip(*(rows[name] for name in OUTBOX), strict=True)]


def read_audience(project: Project, campaign: Campaign) -> pd.DataFrame:
    """Read the customers whom the campaign's rule names, in the order of their ids."""
    query = customers_matching(campaign.audience)
    with project.store.engine.connect() as connection:
        found = connection.execute(query).all()
    columns = [column.name for column in query.selected_columns]
    return pd.DataFrame(found, columns=columns).sort_values("customer_id", ignore_index=True)


def decide(project: Project, campaign: Campaign, run: str, audience: pd.DataFrame) -> pd.DataFrame:
    """Give each customer of the audience a state and a reason, before any slate is made; the first reason counts."""
    blocked = suppressed_addresses(project.store, audience["email_normalised"].dropna().tolist())
    customer, consent = audience["customer_id"], audience["consent_email"]
    refused = audience["refused"].astype(bool)
    held = pd.Series([held_out(campaign.seed, run, who, campaign.holdout) for who in customer], dtype=bool)
    verdicts = [
        (customer.isin(alias_ids(project.store)), "skipped", "duplicate of another customer"),
        (audience["email"].isna() | (audience["email"] == ""), "skipped", "no address"),
        (audience["email_normalised"].isin(blocked), "suppressed", SUPPRESSED),
        *((consent == word, "suppressed", reason) for word, reason in NOT_SUBSCRIBED.items()),
        (consent != "subscribed", "suppressed", "consent unknown"),
        (refused, "suppressed", "unsubscribed under another record"),
        (customer.isin(not_wanting(project.store, campaign.name)), "skipped", "does not want this campaign"),
        (customer.isin(written_to_lately(project.store, real_now())), "skipped", "wants fewer messages"),
        (held, "held_out", "holdout"),
    ]
    applies = [found.to_numpy(bool) for found, _, _ in verdicts]
    states = np.select(applies, [state for _, state, _ in verdicts], "waiting")
    return audience.assign(state=states, reason=np.select(applies, [reason for _, _, reason in verdicts], "planned"))


def _fill(
    project: Project, campaign: Campaign, rows: pd.DataFrame, recommender: Recommender, as_of: datetime
) -> pd.DataFrame:
    """Give everyone still waiting a slate; who gets no product is skipped."""
    waiting = rows["state"] == "waiting"
    picks = slates_for(project, campaign, rows.loc[waiting, "customer_id"].tolist(), recommender, as_of)
    people = zip(rows["customer_id"], rows["first_name"], rows["locale"], tracked(project, rows), waiting, strict=True)
    content = [
        content_of(project, text(name), text(locale), picks[customer], as_of, tracked=seen)
        if waits and customer in picks
        else None
        for customer, name, locale, seen, waits in people
    ]
    empty = waiting & np.array([made is None for made in content], dtype=bool)
    return rows.assign(
        content=pd.Series(content, index=rows.index, dtype=object),
        state=rows["state"].mask(empty, "skipped"),
        reason=rows["reason"].mask(empty, "no product to recommend"),
    )


def tracked(project: Project, audience: pd.DataFrame) -> pd.Series:
    """Say of whom it is noticed that they open a message: who agreed to it, if the shop wants it at all."""
    agreed: pd.Series = audience["tracking_consent"].astype(str).str.lower().isin(AGREED)
    return agreed & project.settings.web.opens
