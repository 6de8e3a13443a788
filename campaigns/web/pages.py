"""Answers of the web: pages from templates, each with the headers that keep it private and harmless."""

import hashlib
from base64 import b64encode
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from campaigns.project import Project

SHIPPED = (
    Path(__file__).parents[1] / "_templates" / "console",
    Path(__file__).parents[2] / "templates" / "console",
)
"""Where pages stand in a wheel, and in a checkout."""
NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
MESSAGE_POLICY = f"{NOTHING}; form-action 'none'; img-src https: http: data:; style-src 'unsafe-inline'"
"""A message brings styles in its tags and pictures from anywhere; nothing in it may run."""
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the token in the address is told to nobody
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Every answer has these: each is to one customer."""


class Pages:
    """Makes the pages of one shop; a template of the project's own comes before the shipped one."""

    def __init__(self, project: Project) -> None:
        self._project = project
        own = project.folder / "templates" / "console"
        self._templates = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([own, *SHIPPED]), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    @cached_property
    def style(self) -> str:
        """The style sheet, which stands within each page."""
        loader: Any = self._templates.loader
        text: str = loader.get_source(self._templates, "style.css")[0]
        return text

    @cached_property
    def policy(self) -> str:
        """What a page may do: show itself in its own style, and send its form home (CSP level 3)."""
        digest = b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        return f"{NOTHING}; form-action 'self'; style-src 'sha256-{digest}'"

    def page(self, name: str, status: int = 200, **words: object) -> HTMLResponse:
        """Fill a page with words and the shop's name."""
        shop = self._project.settings.shop
        told = {"name": shop.name, "postal_address": shop.postal_address, "base_url": shop.base_url}
        html = self._templates.get_template(name).render(words, shop=told, style=Markup(self.style))  # noqa: S704
        return HTMLResponse(html, status, {**PRIVATE, "Content-Security-Policy": self.policy})

    def problem(self, status: int, title: str, detail: str) -> HTMLResponse:
        """Say in plain words what went wrong, and what to do; nothing of how we work."""
        return self.page("problem.html", status, title=title, detail=detail)


def message(html: str) -> HTMLResponse:
    """Answer with a customer's message as it is."""
    return HTMLResponse(html, 200, {**PRIVATE, "Content-Security-Policy": MESSAGE_POLICY})
