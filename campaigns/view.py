"""VIEW: a message in the browser, rendered again from its row in the outbox."""

from sqlalchemy import select

from campaigns.campaign import Campaign
from campaigns.compose import render
from campaigns.errors import NotFound
from campaigns.project import Project
from campaigns.store.tables import message_contents, runs


def message_page(project: Project, run_id: str, customer_id: str) -> str:
    """Render the HTML of a message as it was sent, without the open pixel.

    Raises:
        NotFound: no such message, or its content is no longer kept.
        BadTemplate: its template is gone, or no longer renders.
    """
    named = message_contents.c
    query = select(named.content, runs.c.settings).join(runs, runs.c.id == named.run_id)
    with project.store.engine.connect() as read:
        found = read.execute(query.where(named.run_id == run_id, named.customer_id == customer_id)).one_or_none()
    if found is None:
        raise NotFound("this message is no longer kept", remedy="open a newer one")
    campaign = Campaign.model_validate(found.settings)
    content = {**found.content, "tracking": False}
    return render(project, campaign, project.template(campaign.template), run_id, customer_id, content).html
