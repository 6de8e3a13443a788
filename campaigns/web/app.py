"""The web application: routes, and what is said when something is wrong."""

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from campaigns.errors import BadLink, CampaignError, NotFound
from campaigns.health import check
from campaigns.project import Project
from campaigns.web.collect import collect_routes
from campaigns.web.pages import PRIVATE, Pages
from campaigns.web.subscriptions import subscription_routes
from campaigns.web.tracking import tracking_routes
from campaigns.web.webhooks import webhook_routes

log = logging.getLogger(__name__)
Answer = Callable[[Request, Exception], Awaitable[Response]]
LOST = ("This page is not here", "The link may be cut short. Please open it again from the message, as a whole.")
NOT_NOW = ("Please try again in a minute", "We could not do this just now. Nothing is lost: open the link again soon.")
REFUSED = {
    405: ("This can't be done here", "Please open the link from the message again."),
    413: ("That was too much", "What was sent is longer than anything that this page asks for."),
}


def make_app(project: Project) -> FastAPI:
    """Make the application of one open project, with its store opened.

    Raises:
        StoreError: the database can't be used.
    """
    check(project)
    pages = Pages(project)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(subscription_routes(project, pages))
    app.include_router(tracking_routes(project, pages))
    app.include_router(webhook_routes(project))
    app.include_router(collect_routes(project))
    _tell_problems(app, pages)

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        """Say that the process lives and its database answers."""
        check(project)
        return JSONResponse({"status": "ok"}, headers=PRIVATE)

    return app


def _tell_problems(app: FastAPI, pages: Pages) -> None:
    async def bad_link(request: Request, error: Exception) -> Response:
        assert isinstance(error, CampaignError)
        return pages.problem(404, "This link does not work", f"{_sentence(error.problem)} {_sentence(error.remedy)}")

    async def not_now(request: Request, error: Exception) -> Response:
        # Its text may hold a customer's data or a token: only what it is is told, and for our own refusals the words.
        log.error("%s: %s", type(error).__name__, error if isinstance(error, CampaignError) else "see the database")
        return _retry_later(pages.problem(503, *NOT_NOW))

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return pages.problem(status, *REFUSED.get(status, LOST))

    async def broken(request: Request, error: Exception) -> Response:
        return _retry_later(pages.problem(500, *NOT_NOW))

    answers: dict[type[Exception], Answer] = {BadLink: bad_link, NotFound: bad_link, CampaignError: not_now}
    for kind, answer in (answers | {SQLAlchemyError: not_now, HTTPException: refused, Exception: broken}).items():
        app.add_exception_handler(kind, answer)


def _retry_later(answer: Response) -> Response:
    answer.headers["Retry-After"] = "60"
    return answer


def _sentence(words: str) -> str:
    """Begin with a capital, end with a stop.

    >>> _sentence("this link has expired")
    'This link has expired.'
    """
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
