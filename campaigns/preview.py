"""PREVIEW: one customer's message as it would be sent, with why each product is in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from campaigns.compose import render
from campaigns.errors import NotFound
from campaigns.plan import run_id, slates_for
from campaigns.project import Project
from campaigns.store import frames
from campaigns.sync import Values, pick_fields
from campaigns.train import fit, recommender_as_of, world


@dataclass(frozen=True)
class Preview:
    """One message, not sent."""

    customer_id: str
    subject: str
    picks: list[dict[str, Any]]
    html: str
    text: str


def preview(project: Project, name: str, customer_id: str, at: datetime | None = None) -> Preview:
    """Make the message that `customer_id` would get, as of `at` (now, if none).

    Raises:
        NotFound: no such campaign or customer.
        BadTemplate: the template is wrong.
    """
    campaign = project.campaign(name)
    as_of = project.as_of(at)
    people = frames.customers(project.store).set_index("customer_id")
    if customer_id not in people.index:
        raise NotFound(
            f"no customer {customer_id!r}",
            remedy="give the id as the shop's system has it, e.g. one that `handpicked picks` lists",
        )
    person = people.loc[customer_id]
    # A look at another time must not renew the traits that the next run's audience is chosen by.
    recommender = fit(project, world(project, as_of)) if at else recommender_as_of(project, as_of)[1]
    picks = slates_for(project, campaign, [customer_id], recommender, as_of).get(customer_id, [])
    if not picks:
        raise NotFound(f"no product to recommend to {customer_id!r}", remedy="loosen the slate rules of the campaign")
    content = {
        "first_name": _text(person.get("first_name")),
        "locale": _text(person.get("locale")) or project.settings.shop.locale,
        "picks": picks,
    }
    rendered = render(
        project, campaign, project.template(campaign.template), run_id(campaign, as_of), customer_id, content
    )
    return Preview(customer_id, rendered.subject, picks, rendered.html, rendered.text)


def picks_as_of(
    project: Project, as_of: datetime, size: int, *, only_new: bool = False, with_offers: bool = True
) -> pd.DataFrame:
    """Pick for every customer with a purchase before `as_of`, trained strictly on what came before; no campaign rule applies.

    Returns:
        columns customer_id, rank (1..size), product_id, score, reason.
    """
    known = world(project, as_of)
    recommender = fit(project, known, with_offers=with_offers)
    buyers = sorted(known.cleaned.purchases["customer_id"].unique())
    with project.progress.track("pick for every customer", len(buyers)) as bar:
        slates = recommender.recommend(buyers, size, only_new=only_new)
        bar.advance(len(buyers))
    return slates[["customer_id", "rank", "product_id", "score", "reason"]]


def segment_picks(project: Project, size: int, at: datetime | None = None) -> pd.DataFrame:
    """Pick the top products of every segment: segment, customers, rank, product_id, title, score, reason."""
    _, recommender = recommender_as_of(project, project.as_of(at))
    segments = frames.segments(project.store)
    sizes = segments["segment"].value_counts().rename_axis("segment").reset_index(name="customers")
    slates = recommender.segment_slates(segments, size).merge(sizes, on="segment")
    titles = frames.products(project.store).set_index("product_id")["title"]
    return slates.assign(title=slates["product_id"].map(titles))


def fields_to_push(project: Project, size: int) -> dict[str, Values]:
    """Make the contact fields of every customer who agreed to be written to: top picks and segment."""
    people = frames.customers(project.store)
    consenting = people.loc[people["consent_email"] == "subscribed", "customer_id"].tolist()
    _, recommender = recommender_as_of(project, project.as_of())
    with project.progress.track("pick the fields", len(consenting)) as bar:
        slates = recommender.recommend(consenting, size)
        bar.advance(len(consenting))
    titles = frames.products(project.store).set_index("product_id")["title"].to_dict()
    segments = frames.segments(project.store).set_index("customer_id")["segment"].to_dict()
    return pick_fields(slates, titles, segments)


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
