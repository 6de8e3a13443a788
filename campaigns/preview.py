"""PREVIEW: one customer's message as it would be sent, with why each product is in it."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.compose import content_of, faults_of, render
from campaigns.errors import NotFound
from campaigns.picks import Pick, slates_for, text
from campaigns.plan import run_id
from campaigns.project import Project
from campaigns.store import frames
from campaigns.train import fit, recommender_as_of, world


@dataclass(frozen=True)
class Preview:
    """One message, not sent."""

    customer_id: str
    subject: str
    picks: list[Pick]
    html: str
    text: str
    faults: list[str]


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
    content = content_of(project, text(person["first_name"]), text(person["locale"]), picks, as_of)
    template = project.template(campaign.template)
    rendered = render(project, campaign, template, run_id(campaign, as_of), customer_id, content)
    faults = [fault.detail for fault in faults_of(project, campaign, customer_id, rendered)]
    return Preview(customer_id, rendered.subject, picks, rendered.html, rendered.text, faults)
