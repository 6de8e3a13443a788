"""A shop with customers and one message, and visitors of its web application."""

import asyncio
import shutil
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import insert, select

from campaigns.init import init
from campaigns.project import Project
from campaigns.send import TRIAL
from campaigns.store.tables import customers, message_contents, messages, runs
from campaigns.web.app import make_app

RUN = "weekly_digest@20260302T130000Z"
NOW = datetime.now(UTC)
PERSON = {"system": "shop", "consent_email": "subscribed", "objected": False}


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory):
    """A project's folder, made once: making tables takes longer than a test."""
    folder = tmp_path_factory.mktemp("laid") / "shop"
    init(folder)
    with Project.open(folder) as project:
        campaign = project.campaign("weekly_digest")
        addresses = {f"c{n}": f"c{n}@example.com" for n in range(3)}
        with project.store.writing() as write:
            write.execute(
                insert(customers),
                [{**PERSON, "id": i, "email": a, "email_normalised": a} for i, a in addresses.items()],
            )
            run = {
                "id": RUN,
                "campaign": campaign.name,
                "state": "finished",
                "settings": campaign.model_dump(mode="json"),
            }
            write.execute(insert(runs).values(**run, scheduled_at=NOW, as_of=NOW))
            message = {"run_id": RUN, "customer_id": "c1", "state": "sent", "address": "c1@example.com"}
            content = {**TRIAL, "made_at": NOW.isoformat(), "tracking": True}
            write.execute(insert(messages).values(**message, rfc_message_id="<1@x>", changed_at=NOW))
            write.execute(insert(message_contents).values(run_id=RUN, customer_id="c1", content=content))
    return folder


@pytest.fixture
def shop(laid_out, tmp_path):
    """The open project: customers c0 to c2, and a message to c1 that was sent."""
    with Project.open(shutil.copytree(laid_out, tmp_path / "shop")) as project:
        yield project


class Visitor:
    """Asks one application; a request has ended when all that it set going has."""

    def __init__(self, app):
        self._app = app

    def __call__(self, method, url, **told):
        return asyncio.run(self._ask(method, url, told))

    async def _ask(self, method, url, told):
        # What breaks is to show as its page here too, as a server shows it.
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="https://shop.example.com") as client:
            return await client.request(method, url, **told)


@pytest.fixture(scope="session")
def visitor():
    """Makes a visitor of an application: `visitor(app)("GET", path)`."""
    return Visitor


@pytest.fixture
def visit(shop):
    """Asks the shop's application: `visit("GET", path)`."""
    return Visitor(make_app(shop))


@pytest.fixture
def rows(shop):
    """Reads a whole table as it is now."""

    def read(table):
        with shop.store.engine.connect() as connection:
            return connection.execute(select(table)).all()

    return read


@pytest.fixture(scope="session")
def path_of():
    """The path of a link."""
    return lambda url: urlsplit(url).path
