"""PLAN: decide, for every customer of the audience, what becomes of them in this run, and put it in the outbox.

Every customer ends in one state with a reason (law 1); the run's key makes a second plan of it a no-op (law 2).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import select

from campaigns.audience import customers_matching
from campaigns.campaign import Campaign
from campaigns.experiment import held_out
from campaigns.project import Project, real_now
from campaigns.schedule import due_at
from campaigns.store import frames, outbox
from campaigns.store.suppression import suppressed_addresses
from campaigns.store.tables import customer_aliases
from campaigns.train import recommender_as_of
from engine.recommender import Recommender
from engine.slate import SlateRules

OUTBOX = ["customer_id", "state", "reason", "due_at", "address", "rfc_message_id", "content"]
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
    if not dry_run and outbox.run_exists(project.store, run):
        return Planned(run, False, outbox.counts(project.store, run))
    as_of = project.as_of()
    template = project.template(campaign.template)
    model_id, recommender = recommender_as_of(project, as_of)
    # Only now: training renews the traits and segments that the rule asks for.
    rows = decide(project, campaign, run, read_audience(project, campaign))
    _fill(project, campaign, rows, recommender, as_of)
    zones = [None] * len(rows) if at_once else rows["time_zone"]
    rows["due_at"] = [due_at(campaign.schedule, scheduled_at, zone) for zone in zones]
    rows["address"] = rows["email"]
    rows["rfc_message_id"] = [
        message_id(run, customer, project.settings.sender_domain) for customer in rows["customer_id"]
    ]
    counts = {
        (str(state), str(reason)): int(n) for (state, reason), n in rows.groupby(["state", "reason"]).size().items()
    }
    if dry_run:
        return Planned(run, True, counts)
    header = {
        "id": run,
        "campaign": campaign.name,
        "scheduled_at": scheduled_at,
        "as_of": as_of,
        "model_id": model_id,
        "template_version": template.version,
        "settings": campaign.model_dump(mode="json"),
    }
    new = outbox.create_run(project.store, header, rows[OUTBOX].to_dict("records"), real_now())
    return Planned(run, new, outbox.counts(project.store, run))


def message_id(run: str, customer_id: str, domain: str) -> str:
    """Fix the Message-ID of a message before it is ever sent (RFC 5322, section 3.6.4)."""
    digest = hashlib.blake2b(f"{run}\x1f{customer_id}".encode(), digest_size=16).hexdigest()
    return f"<{digest}@{domain}>"


def read_audience(project: Project, campaign: Campaign) -> pd.DataFrame:
    """Read the customers whom the campaign's rule names, in the order of their ids."""
    with project.store.engine.connect() as connection:
        found = connection.execute(customers_matching(campaign.audience)).mappings().all()
    columns = ["customer_id", "email", "email_normalised", "consent_email", "first_name", "locale", "time_zone"]
    return pd.DataFrame(found, columns=columns).sort_values("customer_id", ignore_index=True)


def decide(project: Project, campaign: Campaign, run: str, audience: pd.DataFrame) -> pd.DataFrame:
    """Give each customer of the audience a state and a reason, before any slate is made."""
    with project.store.engine.connect() as connection:
        duplicates = dict(connection.execute(select(customer_aliases.c.alias_id, customer_aliases.c.customer_id)).all())
    blocked = suppressed_addresses(project.store, audience["email_normalised"].dropna().tolist())

    def verdict(customer: Any) -> tuple[str, str]:
        if customer.customer_id in duplicates:
            return "skipped", "duplicate of another customer"
        if not customer.email:
            return "skipped", "no address"
        if customer.email_normalised in blocked:
            return "suppressed", "on the suppression list"
        if customer.consent_email != "subscribed":
            return "suppressed", NOT_SUBSCRIBED.get(customer.consent_email, "consent unknown")
        if held_out(campaign.seed, run, customer.customer_id, campaign.holdout):
            return "held_out", "holdout"
        return "waiting", "planned"

    verdicts = [verdict(customer) for customer in audience.itertuples(index=False)]
    rows = audience.copy()
    rows["state"] = [state for state, _ in verdicts]
    rows["reason"] = [reason for _, reason in verdicts]
    return rows


def _fill(project: Project, campaign: Campaign, rows: pd.DataFrame, recommender: Recommender, as_of: datetime) -> None:
    """Give everyone still waiting a slate; who gets too few products is skipped."""
    rows["content"] = None
    waiting = rows.index[rows["state"] == "waiting"]
    picks = slates_for(project, campaign, rows.loc[waiting, "customer_id"].tolist(), recommender, as_of)
    for index in waiting:
        row = rows.loc[index]
        chosen = picks.get(row["customer_id"], [])
        if not chosen:
            rows.loc[index, ["state", "reason"]] = ["skipped", "no product to recommend"]
            continue
        locale = _text(row["locale"]) or project.settings.shop.locale
        content = {"first_name": _text(row["first_name"]), "locale": locale, "picks": chosen}
        rows.at[index, "content"] = content


def slates_for(
    project: Project, campaign: Campaign, customer_ids: list[str], recommender: Recommender, as_of: datetime
) -> dict[str, list[dict[str, Any]]]:
    """Make the slates of a campaign: what a message needs to show of each pick, about 1 KB a customer."""
    if not customer_ids:
        return {}
    spec = campaign.slate
    rules = SlateRules(
        max_per_category=spec.max_per_category,
        not_bought_days=spec.not_bought_days,
        in_stock=spec.in_stock,
        excluded=frames.shown_and_ignored(project.store, campaign.name, customer_ids) if spec.not_shown_again else None,
    )
    with project.progress.track("pick the slates", len(customer_ids)) as bar:
        slates = recommender.recommend(customer_ids, spec.size, rules=rules)
        bar.advance(len(customer_ids))
    return show(project, slates, as_of)


def show(project: Project, slates: pd.DataFrame, as_of: datetime) -> dict[str, list[dict[str, Any]]]:
    """Join slates with what a message shows of a product: title, price, category, offer."""
    products = frames.products(project.store).set_index("product_id")
    offers = frames.offers(project.store, as_of)
    # A digest is read within days: an offer counts if it runs at any time of the coming week.
    week = pd.Timestamp(as_of) + timedelta(days=7)
    running = set(offers.loc[(offers["starts_at"] < week) & (offers["ends_at"] > pd.Timestamp(as_of)), "product_id"])
    shown = products.loc[slates["product_id"]].reset_index()
    picks: dict[str, list[dict[str, Any]]] = {}
    for pick, product in zip(slates.itertuples(index=False), shown.to_dict("records"), strict=True):
        levels = _text(product["category_path"]).split(" > ")
        picks.setdefault(pick.customer_id, []).append(
            {
                "product_id": pick.product_id,
                "title": product["title"],
                "brand": _text(product["brand"]),
                "size": _text(product["size"]),
                "category": levels[min(1, len(levels) - 1)],
                "price_minor": None if pd.isna(product["price_minor"]) else int(product["price_minor"]),
                "offer": pick.product_id in running,
                "reason": pick.reason,
                "score": round(float(pick.score), 5),
                "url": _text(product.get("url")),
                "image_url": _text(product.get("image_url")) or None,
            }
        )
    return picks


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
