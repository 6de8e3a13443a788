"""Webhooks by which mail providers tell of bounces and complaints."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response

from campaigns.errors import BadFeedback, NotFound
from campaigns.project import Project, real_now
from campaigns.providers import hear
from campaigns.web.pages import PRIVATE
from campaigns.web.requests import read_body

LONGEST = 256 * 1024
"""An SNS message is no longer (Amazon SNS quotas)."""


async def _body(request: Request) -> bytes:
    return await read_body(request, LONGEST)


def webhook_routes(project: Project) -> APIRouter:
    """The routes; a provider tells again later what was not answered with 200."""
    routes = APIRouter()

    @routes.post("/webhooks/{provider}")
    def webhook(provider: str, request: Request, body: Annotated[bytes, Depends(_body)]) -> Response:
        """Take in what a provider tells; whoever forges it learns only that it was refused."""
        try:
            hear(project, provider, body, dict(request.headers), real_now())
        except NotFound:
            return PlainTextResponse("no such webhook", 404, PRIVATE)
        except BadFeedback:
            return PlainTextResponse("refused", 403, PRIVATE)
        return PlainTextResponse("taken in", 200, PRIVATE)

    return routes
