"""SEND: plan a run now, by hand or because its time has come."""

from datetime import datetime
from pathlib import Path

from campaigns.compose import faults_of, render
from campaigns.errors import BadTemplate
from campaigns.plan import Planned, plan, run_id
from campaigns.project import Project, real_now
from campaigns.schedule import scheduled_time
from campaigns.store import runs

TRIAL = {
    "first_name": "Ada",
    "locale": "en_US",
    "made_at": "2026-01-05T08:00:00+00:00",
    "picks": [
        {
            "product_id": "1",
            "title": "A product",
            "brand": "A brand",
            "size": "1 lb",
            "category": "A category",
            "price_minor": 100,
            "offer": True,
            "reason": "Popular this week",
            "score": 0.5,
            "url": "",
            "image_url": None,
        }
    ],
}


def send(project: Project, name: str, *, at: datetime | None = None, dry_run: bool = False) -> Planned:
    """Plan a run of a campaign for `at` (now, if none).

    A trial message is rendered first, so that a bad template sends nothing.

    Raises:
        BadTemplate: it fails, or its message would have a fault, such as no unsubscribe link; nothing was planned.
        CampaignError: campaign or rule is wrong; nothing was planned.
    """
    campaign = project.campaign(name)
    scheduled_at = at or real_now()
    template = project.template(campaign.template)
    trial = render(project, campaign, template, run_id(campaign, scheduled_at), "trial", TRIAL)
    if found := faults_of(project, campaign, "trial", trial):
        raise BadTemplate(
            f"template {campaign.template!r}: {found[0].detail}", remedy="mend it, then look at `handpicked preview`"
        )
    return plan(project, campaign, scheduled_at, dry_run=dry_run, at_once=at is None)


def skip(project: Project, name: str, scheduled_at: datetime) -> bool:
    """Write down that the run of this time was not planned, its time having passed; False if that is known already."""
    campaign = project.campaign(name)
    run = {
        "id": run_id(campaign, scheduled_at),
        "campaign": campaign.name,
        "scheduled_at": scheduled_at,
        "as_of": scheduled_at,
        "settings": campaign.model_dump(mode="json"),
    }
    note = f"no process ran at its time, nor within {campaign.schedule.grace_hours:g} hours after it"
    return runs.skip(project.store, run, note, real_now())


def fire(project: str, campaign: str) -> None:
    """Run a campaign because its time has come: the scheduler calls this, in one process or in several.

    The nominal time names the run, so whoever comes second finds it planned. The process that runs the scheduler
    delivers, too.
    """
    with Project.open(Path(project)) as opened:
        found = opened.campaign(campaign)
        scheduled_at = scheduled_time(found.schedule, real_now())
        if scheduled_at is not None:
            send(opened, campaign, at=scheduled_at)
