"""COMPOSE: an outbox row and a template become one finished message.

A pure function of the two, so that any message can be shown again.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from campaigns.campaign import Campaign
from campaigns.mail.address import deliverable
from campaigns.mail.identifiers import mailbox
from campaigns.mail.lint import Fault, faults
from campaigns.mail.message import Message, build
from campaigns.mail.money import price_text
from campaigns.mail.render import CompiledTemplate, Rendered
from campaigns.mail.return_path import return_path
from campaigns.mail.transports.base import Envelope
from campaigns.project import Project
from campaigns.store.outbox import MessageRow


def content_of(
    project: Project,
    first_name: str,
    locale: str,
    picks: Sequence[Mapping[str, Any]],
    made_at: datetime,
    *,
    tracked: bool = False,
) -> dict[str, Any]:
    """Say what the outbox keeps of a message: about 1 KB, from which it can be rendered at any time.

    With `tracked`, the customer has agreed that opening the message is noticed.
    """
    locale = locale or project.settings.shop.locale
    kept = {"first_name": first_name, "locale": locale, "picks": list(picks), "made_at": made_at.isoformat()}
    return kept | ({"tracking": True} if tracked else {})


def render(
    project: Project,
    campaign: Campaign,
    template: CompiledTemplate,
    run_id: str,
    customer_id: str,
    content: Mapping[str, Any],
) -> Rendered:
    """Render subject, HTML and text for one customer.

    Raises:
        BadTemplate: it names something that it is not given.
    """
    return template.render(context(project, campaign, run_id, customer_id, content))


def faults_of(project: Project, campaign: Campaign, customer_id: str, rendered: Rendered) -> list[Fault]:
    """List the faults of a rendered message, such as a part without the customer's unsubscribe link."""
    return faults(rendered, project.links.unsubscribe(customer_id, campaign.name))


def context(
    project: Project, campaign: Campaign, run_id: str, customer_id: str, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Say all that a template may know: nothing but plain values."""
    shop, links = project.settings.shop, project.links
    picks = []
    for pick in content["picks"]:
        target = pick["url"] or f"{shop.base_url}/products/{pick['product_id']}"
        price = pick["price_minor"]
        shown = {
            **pick,
            "price": "" if price is None else price_text(price, shop.currency, content["locale"]),
            "url": links.click(run_id, customer_id, pick["product_id"], target),
        }
        title = pick["title"].lower()
        for about in ("brand", "size"):
            if pick[about].lower() in title:  # what it says already is not said again below it
                shown[about] = ""
        picks.append(shown)
    return {
        "shop": {"name": shop.name, "postal_address": shop.postal_address, "base_url": shop.base_url},
        "customer": {"first_name": content["first_name"] or "", "locale": content["locale"]},
        "picks": picks,
        "links": {
            "unsubscribe": links.unsubscribe(customer_id, campaign.name),
            "browser": links.view(run_id, customer_id, datetime.fromisoformat(content["made_at"])),
            "preferences": links.preferences(customer_id),
            "open": links.open(run_id, customer_id) if content.get("tracking") else None,
            "honeypot": links.honeypot(run_id, customer_id),
        },
        "subject": campaign.subject,
        "preheader": campaign.preheader,
    }


def compose(
    project: Project, campaign: Campaign, template: CompiledTemplate, row: MessageRow, date: datetime
) -> Message:
    """Build the finished message of one outbox row.

    Args:
        project: the open project.
        campaign: what the run was planned from.
        template: compiled once for the run.
        row: the outbox row.
        date: the Date header.

    Raises:
        BadMessage: an address, id or link of it can't stand in a mail.
        BadTemplate: the template names what it is not given.
    """
    content = row.content()
    words = context(project, campaign, row.run_id, row.customer_id, content)
    rendered = template.render(words)
    shop = project.settings.shop
    return build(
        sender=shop.sender,
        to_name=content["first_name"] or "",
        to_address=row.address,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        rfc_message_id=row.key,
        date=date,
        list_id=f"{campaign.name}.{project.settings.sender_domain}",
        unsubscribe_url=words["links"]["unsubscribe"],
        reply_to=shop.reply_to,
        unsubscribe_mailbox=project.settings.mail.return_path,
        feedback_id=_feedback_id(campaign.name, row.run_id, project.settings.sender_domain),
        signers=project.signers,
    )


@lru_cache(maxsize=64)
def _feedback_id(campaign: str, run_id: str, domain: str) -> str:
    """Campaign, run and sender, each without the separator."""
    words = (re.sub(r"[^A-Za-z0-9_.-]", "-", value) for value in (campaign, run_id, domain))
    return "{}:{}::{:-<5.15}".format(*words)


def envelope(
    project: Project, campaign: Campaign, template: CompiledTemplate, row: MessageRow, date: datetime
) -> Envelope:
    """Build the finished message of one outbox row, and say where it goes and where it bounces to."""
    message = compose(project, campaign, template, row, date)
    own = project.settings.mail.return_path
    bounces_to = deliverable(return_path(own, row.key)) if own else mailbox(project.settings.shop.sender, "sender")[2]
    return Envelope(bounces_to, message.to_address, message, row.key)
