"""Clicks, opens and messages in the browser: each request is kept as it came, and judged later."""

from base64 import b64decode
from urllib.parse import urlsplit

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from campaigns.errors import BadLink
from campaigns.mail.links import Link
from campaigns.project import Project
from campaigns.record import record
from campaigns.view import message_page
from campaigns.web.pages import PRIVATE, Pages, message
from campaigns.web.requests import caller
from campaigns.web.subscriptions import LOOK

DOT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent dot."""


def tracking_routes(project: Project, pages: Pages) -> APIRouter:
    """The routes.

    Clicks and opens touch the database only after they are answered: while it is locked, readers get on undisturbed.
    """
    routes = APIRouter()

    def keep(request: Request, later: BackgroundTasks, link: Link) -> None:
        later.add_task(record, project, link, request.method, dict(request.headers), caller(request))

    @routes.api_route("/click/{token}", methods=LOOK)
    async def click(token: str, request: Request, later: BackgroundTasks) -> Response:
        """Lead to what was signed, and nowhere else."""
        link = project.links.read(token, "click")
        target = _web_address(link.values["target"])
        keep(request, later, link)
        return RedirectResponse(target, 302, PRIVATE)

    @routes.api_route("/open/{token}.gif", methods=LOOK)
    async def opened(token: str, request: Request, later: BackgroundTasks) -> Response:
        """Show the dot."""
        keep(request, later, project.links.read(token, "open"))
        return Response(DOT, 200, PRIVATE, "image/gif")

    @routes.api_route("/more/{token}", methods=LOOK)
    async def trap(token: str, request: Request, later: BackgroundTasks) -> Response:
        """Note a program that follows what no reader sees; answer like any page."""
        keep(request, later, project.links.read(token, "more"))
        return pages.problem(200, "Nothing here", "All there is to see stands in the message.")

    @routes.api_route("/view/{token}", methods=LOOK)
    def view(token: str, request: Request, later: BackgroundTasks) -> HTMLResponse:
        """Show a message in the browser."""
        link = project.links.read_view(token)
        html = message_page(project, link.values["run"], link.values["customer"])
        keep(request, later, link)
        return message(html)

    return routes


def _web_address(target: str) -> str:
    """Refuse what is no address of the web: only the shop's own data could have brought it in."""
    try:
        parts = urlsplit(target)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise BadLink("this link leads nowhere", remedy="look for the product in the shop")
    return target
