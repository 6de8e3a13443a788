"""Unsubscribe with one click (RFC 8058), and the page where a customer chooses what to get."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from campaigns.preferences import HOW_OFTEN, choices, choose
from campaigns.project import Project, real_now
from campaigns.unsubscribe import unsubscribe
from campaigns.web.pages import Pages
from campaigns.web.requests import Body, read_form

LOOK = ["GET", "HEAD"]
"""Methods that change nothing: scanners and previews use them on every link."""


def subscription_routes(project: Project, pages: Pages) -> APIRouter:
    """The routes. A token is all that is asked for: no cookie, no login."""
    routes = APIRouter()

    @routes.api_route("/unsubscribe/{token}", methods=LOOK)
    def ask(token: str) -> HTMLResponse:
        """Show the button."""
        link = project.links.read(token, "unsubscribe")
        return pages.page("unsubscribe.html", preferences=project.links.preferences(link.values["customer"]))

    @routes.post("/unsubscribe/{token}")
    def stop(token: str, body: Body) -> HTMLResponse:
        """Act at once, whatever the body says: a mail program posts List-Unsubscribe=One-Click."""
        values = project.links.read(token, "unsubscribe").values
        unsubscribe(project, values["customer"], real_now(), campaign=values["campaign"])
        return pages.page("unsubscribed.html")

    @routes.api_route("/preferences/{token}", methods=LOOK)
    def show(token: str) -> HTMLResponse:
        """Show what is chosen now."""
        return _preferences(project.links.read(token, "preferences").values["customer"], saved=False)

    @routes.post("/preferences/{token}")
    def choose_or_stop(token: str, body: Body) -> HTMLResponse:
        """Keep what was chosen, or stop all."""
        customer = project.links.read(token, "preferences").values["customer"]
        form = read_form(body)
        if "stop" in form:
            unsubscribe(project, customer, real_now())
            return pages.page("unsubscribed.html")
        choose(project, customer, form.get("wanted", []), form.get("often", [""])[0], real_now())
        return _preferences(customer, saved=True)

    def _preferences(customer: str, *, saved: bool) -> HTMLResponse:
        found = choices(project, customer)
        titles = {name: name.replace("_", " ").replace("-", " ").capitalize() for name in found.campaigns}
        return pages.page("preferences.html", choices=found, titles=titles, how_often=list(HOW_OFTEN), saved=saved)

    return routes
