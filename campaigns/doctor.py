"""DOCTOR: check what a project needs before a campaign does, and say what to do about it."""

import difflib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import func, select

from campaigns.errors import BadCampaign, CampaignError
from campaigns.mail.transports.registry import open_transport
from campaigns.project import Project
from campaigns.store.tables import customers, orders, products
from campaigns.sync import connect
from crm_adapters.errors import AdapterError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    detail: str


def doctor(project: Project) -> list[Finding]:
    """Look at the database, the connections, the campaigns, the transport and the tools."""
    findings = [
        _look("database", partial(_database, project)),
        _look("transport", partial(_transport, project)),
        *(_look(f"connection {name}", partial(_streams, project, name)) for name in project.settings.connections),
        *(
            _look(f"campaign {path.stem}", partial(_campaign, project, path.stem))
            for path in sorted((project.folder / "campaigns").glob("*.toml"))
        ),
    ]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    findings.append(Finding("chromium", True, chromium or "not installed; only `preview --png` needs it"))
    return findings


def _look(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except (CampaignError, AdapterError) as error:
        return Finding(what, False, str(error))


def _database(project: Project) -> str:
    with project.store.engine.connect() as connection:
        people = connection.scalar(select(func.count()).select_from(customers))
        bought = connection.scalar(select(func.count()).select_from(orders))
    return f"{project.store.engine.dialect.name}, {people:,} customers, {bought:,} orders"


def _transport(project: Project) -> str:
    with open_transport(project.settings.transport, project.folder) as transport:
        return type(transport).__name__


def _streams(project: Project, name: str) -> str:
    return "gives " + ", ".join(str(stream) for stream in connect(project, name).streams())


def _campaign(project: Project, name: str) -> str:
    campaign = project.campaign(name)
    template = project.template(campaign.template)
    _categories(project, campaign.slate.without_categories)
    return f"template {campaign.template} ({template.version[:8]}), due {campaign.schedule.cron!r}"


def _categories(project: Project, unwanted: Sequence[str]) -> None:
    """Refuse a name that no product's category has: what it was to keep out would be sent.

    Only the doctor does: a category may well be empty in some week, and the digest goes out all the same.
    """
    if not unwanted:
        return
    with project.store.engine.connect() as connection:
        paths = connection.execute(select(products.c.category_path).distinct()).scalars().all()
    names = {name.casefold(): name for path in paths for name in (path or "").split(" > ")}
    for name in unwanted:
        if names and name.casefold() not in names:
            near = difflib.get_close_matches(name.casefold(), names, n=1)
            raise BadCampaign(
                f"without_categories names {name!r}, and no product is in it",
                remedy=f"did you mean {names[near[0]]!r}?" if near else "see the products' category_path, or remove it",
            )
