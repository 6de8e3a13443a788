"""PICK: ask the recommender for slates, and join them with what a message shows of a product."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import cpu_count

from campaigns.campaign import Campaign
from campaigns.project import Project
from campaigns.store import frames
from campaigns.train import fit, recommender_as_of, world
from engine.batch import Job, joined, make_slates
from engine.recommender import Recommender
from engine.slate import SlateRules

COST_SAMPLE = 500
"""Customers on whose slates the cost of a campaign's rules is told."""

Pick = dict[str, Any]


def slates_for(
    project: Project, campaign: Campaign, customer_ids: Sequence[str], recommender: Recommender, as_of: datetime
) -> dict[str, list[Pick]]:
    """Make the slates of a campaign: what a message needs to show of each pick, about 1 KB a customer."""
    if not customer_ids:
        return {}
    rules = rules_of(project, campaign, customer_ids)
    return show(project, recommend(project, recommender, customer_ids, campaign.slate.size, rules=rules), as_of)


def rules_of(project: Project, campaign: Campaign, customer_ids: Sequence[str]) -> SlateRules:
    """What the slates of a campaign must keep."""
    spec = campaign.slate
    return SlateRules(
        max_per_category=spec.max_per_category,
        same_title_once=spec.same_title_once,
        size_variants_once=spec.size_variants_once,
        not_bought_days=spec.not_bought_days,
        in_stock=spec.in_stock,
        without_categories=spec.without_categories,
        discoveries=spec.discoveries,
        variety=spec.variety,
        boosts=tuple(spec.boosts.items()),
        at_least=tuple(spec.at_least.items()),
        excluded=frames.shown_and_ignored(project.store, campaign.name, customer_ids) if spec.not_shown_again else None,
    )


def rule_costs(project: Project, campaign: Campaign) -> pd.DataFrame:
    """What each rule of a campaign costs, on a sample of those who have bought: rule, expected, cost, share."""
    _, recommender = recommender_as_of(project, project.as_of())
    buyers = [str(customer) for customer in recommender.customer_ids]
    sample = np.random.default_rng(campaign.seed).permutation(buyers)[:COST_SAMPLE].tolist()
    return recommender.rule_costs(sample, campaign.slate.size, rules_of(project, campaign, sample))


def show(project: Project, slates: pd.DataFrame, as_of: datetime) -> dict[str, list[Pick]]:
    """Join slates with what a message shows of a product: title, price, category, offer."""
    products = frames.products(project.store).set_index("product_id")
    offers = frames.offers(project.store, as_of)
    # A digest is read within days: an offer counts if it runs at any time of the coming week.
    now, week = pd.Timestamp(as_of), pd.Timestamp(as_of) + timedelta(days=7)
    running = set(offers.loc[(offers["starts_at"] < week) & (offers["ends_at"] > now), "product_id"])
    shown = products.loc[slates["product_id"]].reset_index().to_dict("records")
    picks: dict[str, list[Pick]] = {}
    chosen = zip(slates["customer_id"], slates["reason"], slates["score"], shown, strict=True)
    for customer_id, reason, score, product in chosen:
        on_offer = product["product_id"] in running
        picks.setdefault(customer_id, []).append(_pick(product, str(reason), float(score), on_offer=on_offer))
    return picks


def _pick(product: Mapping[Any, Any], reason: str, score: float, *, on_offer: bool) -> Pick:
    levels = text(product["category_path"]).split(" > ")
    return {
        "product_id": product["product_id"],
        "title": product["title"],
        "brand": text(product["brand"]),
        "size": text(product["size"]),
        "category": levels[min(1, len(levels) - 1)],
        "price_minor": None if pd.isna(product["price_minor"]) else int(product["price_minor"]),
        "offer": on_offer,
        "reason": reason,
        "score": round(score, 5),
        "url": text(product["url"]),
        "image_url": text(product["image_url"]) or None,
    }


def write_picks(
    project: Project,
    as_of: datetime,
    size: int,
    path: Path,
    *,
    only_new: bool = False,
    with_offers: bool = True,
    jobs: int | None = None,
) -> int:
    """Pick for every customer with a purchase before `as_of`, trained strictly on what came before; no rule applies.

    What is done is kept beside the file until all is: a run that was broken off goes on where it was.

    Args:
        project: the project.
        as_of: the cut-off, by when offers must have been announced, too.
        size: products for each customer.
        path: the Parquet file to write: customer_id, rank (1..size), product_id, score, reason, reason_kind, because.
        only_new: leave out what the customer bought before.
        with_offers: whether offers are known of.
        jobs: processes; None: one for each core, as far as there is work.

    Returns:
        how many picks.
    """
    known = world(project, as_of)
    folder = path.with_name(path.name + ".parts")
    folder.mkdir(parents=True, exist_ok=True)
    knowing = "with" if with_offers else "without"
    tuned = sha256(repr(project.settings.engine).encode()).hexdigest()[:8]
    model = folder / f"{known.fingerprint()}-{tuned}-{knowing}-offers.model"
    if not model.exists():
        fit(project, known, with_offers=with_offers).save(model)
    buyers = sorted(known.cleaned.purchases["customer_id"].unique())
    with project.progress.track("pick the products", len(buyers)) as bar:
        job = Job(model, size, only_new=only_new)
        files = make_slates(job, buyers, folder, jobs=jobs or cpu_count(), advance=bar.advance)
    written = joined(files, path)
    shutil.rmtree(folder)
    return written


def segment_picks(project: Project, size: int, at: datetime | None = None) -> pd.DataFrame:
    """Pick the top products of every segment: segment, customers, rank, product_id, title, score, reason."""
    _, recommender = recommender_as_of(project, project.as_of(at))
    segments = frames.segments(project.store)
    sizes = segments["segment"].value_counts().rename_axis("segment").reset_index(name="customers")
    slates = recommender.segment_slates(segments, size).merge(sizes, on="segment")
    titles = frames.products(project.store).set_index("product_id")["title"]
    return slates.assign(title=slates["product_id"].map(titles))


def text(value: object) -> str:
    """Write a value that may be missing."""
    return "" if value is None or value is pd.NA or value != value else str(value)  # noqa: PLR0124 NaN is not itself


def recommend(
    project: Project, recommender: Recommender, customer_ids: Sequence[str], size: int, **how: Any
) -> pd.DataFrame:
    """Ask for slates, with a progress bar; `how` as `Recommender.recommend` takes it."""
    with project.progress.track("pick the products", len(customer_ids)) as bar:
        return recommender.recommend(customer_ids, size, advance=bar.advance, **how)
