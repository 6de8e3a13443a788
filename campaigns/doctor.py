"""DOCTOR: check what a project needs before a campaign does, and say what to do about it."""

import asyncio
import difflib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import parseaddr
from functools import partial
from urllib.parse import urlsplit

from sqlalchemy import func, select

from campaigns.campaign import SlateSpec
from campaigns.errors import BadCampaign, CampaignError
from campaigns.mail.address import ascii_domain, deliverable
from campaigns.mail.dkim import load_signer
from campaigns.mail.resolver import Resolve, dns_resolver
from campaigns.mail.sender_domain import SenderDomain, sender_checks
from campaigns.mail.spf import server_term
from campaigns.mail.transports.base import Transport
from campaigns.mail.transports.registry import open_transport
from campaigns.project import Project
from campaigns.store.tables import customers, orders, products
from campaigns.sync import connect
from crm_adapters.base import System
from crm_adapters.errors import AdapterError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    detail: str


SENDS = {"ses": "include:amazonses.com", "postmark": "include:spf.mtasv.net", "mailgun": "include:mailgun.org"}
"""The providers that sign messages themselves, each with the SPF term that lets it send."""


def doctor(project: Project, resolve: Resolve | None = None) -> list[Finding]:
    """Look at the database, the connections, the campaigns, the transport, the sender's domain and the tools.

    Args:
        project: the open project.
        resolve: asks DNS; the machine's own way if none is given.
    """
    transport = _look("transport", partial(_transport, project))
    leaves = transport.good and not project.settings.transport.startswith("maildir:")  # a trial needs no DNS
    findings = [
        _look("database", partial(_database, project)),
        transport,
        *(_sender_domain(project, resolve or dns_resolver()) if leaves else []),
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
    return asyncio.run(_reach(open_transport(project.settings.transport, project.folder)))


async def _reach(transport: Transport) -> str:
    async with transport as opened:
        lane = await opened.lane()
        await lane.close()
    return type(transport).__name__


def _sender_domain(project: Project, resolve: Resolve) -> list[Finding]:
    try:
        sender = _sender(project)
    except CampaignError as error:
        return [Finding("sender domain", False, str(error))]
    return [_look(f"sender domain: {what}", check) for what, check in sender_checks(resolve, sender).items()]


def _sender(project: Project) -> SenderDomain:
    settings = project.settings
    kind = settings.transport.partition(":")[0]
    domain = ascii_domain(settings.sender_domain)
    path = deliverable(parseaddr(settings.mail.return_path or settings.shop.sender)[1], "return path")
    keys = [load_signer(domain, key.selector, project.folder / key.key) for key in settings.mail.signatures]
    sends = SENDS.get(kind) or server_term(urlsplit(settings.transport).hostname or domain)
    return SenderDomain(domain, path.rpartition("@")[2], keys, sends, signed_elsewhere=kind in SENDS)


def _streams(project: Project, name: str) -> str:
    adapter = connect(project, name)
    gives = "gives " + ", ".join(str(stream) for stream in adapter.streams())
    return f"{gives}; API {adapter.check().api_version}" if isinstance(adapter, System) else gives


def _campaign(project: Project, name: str) -> str:
    campaign = project.campaign(name)
    template = project.template(campaign.template)
    _names(project, campaign.slate)
    return f"template {campaign.template} ({template.version[:8]}), due {campaign.schedule.cron!r}"


def _names(project: Project, slate: SlateSpec) -> None:
    """Refuse a name that no product has: a rule of it would do nothing.

    Only the doctor does: a category may well be empty in some week, and the digest goes out all the same.
    """
    if not (slate.without_categories or slate.boosts or slate.at_least):
        return
    with project.store.engine.connect() as connection:
        rows = connection.execute(select(products.c.id, products.c.category_path, products.c.brand)).all()
    categories = {name for row in rows for name in (row.category_path or "").split(" > ")}
    others = {name for row in rows for name in (row.id, row.brand or "")}
    _known("without_categories", slate.without_categories, categories)
    for rule in ("boosts", "at_least"):
        _known(rule, getattr(slate, rule), categories | others)


def _known(rule: str, wanted: Iterable[str], names: set[str]) -> None:
    known = {name.casefold(): name for name in names if name}
    for name in wanted:
        if known and name.casefold() not in known:
            near = difflib.get_close_matches(name.casefold(), known, n=1)
            raise BadCampaign(
                f"{rule} names {name!r}, and no product is in it",
                remedy=f"did you mean {known[near[0]]!r}?" if near else "see the products, or remove it",
            )
