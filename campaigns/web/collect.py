"""The receiver of behaviour events, as the SDKs of Segment and RudderStack speak to it: servers' and browsers'.

A page of any shop may post here: what lets in is the write key, and there are no cookies. In a browser that key can be
read by anybody, so whoever wants can make events up; give pages a key of their own, which can be changed.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from campaigns.collect import KINDS, LONGEST_BATCH, collect, exact_now
from campaigns.errors import BadEvents, CampaignError, TooLong, WrongKey
from campaigns.project import Project
from campaigns.web.pages import PRIVATE
from campaigns.web.requests import read_body

BATCH = ("batch", "b")
ONE = {kind: kind for kind in KINDS} | {kind[0]: kind for kind in KINDS}
"""The last word of the path; browsers' SDKs say only its first letter."""
ANYWHERE = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Max-Age": "86400",
}
STATUS: dict[type[CampaignError], int] = {WrongKey: 401, TooLong: 413, BadEvents: 400}
"""Which refusal is answered how. SDKs send again what is answered with 5xx, and give up on these."""


async def _body(request: Request) -> bytes | None:
    """The body; none: it is too long."""
    try:
        return await read_body(request, LONGEST_BATCH)
    except HTTPException:
        return None


Posted = Annotated[bytes | None, Depends(_body)]


def collect_routes(project: Project) -> APIRouter:
    """The routes; what is answered with 200 is committed."""
    routes = APIRouter(prefix="/v1")

    def answer(request: Request, body: bytes | None, kind: str | None) -> JSONResponse:
        try:
            if body is None:
                raise TooLong(f"more than {LONGEST_BATCH:,} bytes", remedy="send fewer events at a time")
            collect(project, body, request.headers.get("authorization", ""), exact_now(), kind)
        except (WrongKey, BadEvents) as error:
            return _refused(STATUS[type(error)], type(error).__name__, str(error))
        return JSONResponse({"success": True}, headers=PRIVATE | ANYWHERE)

    @routes.post("/{kind}")
    def take_in(kind: str, request: Request, body: Posted) -> JSONResponse:
        """Take in a batch of events, or one."""
        if kind not in BATCH and kind not in ONE:
            raise HTTPException(404)
        return answer(request, body, ONE.get(kind))

    @routes.options("/{kind}")
    def may_i(kind: str) -> Response:
        """Let a browser post from a page of the shop."""
        return Response(status_code=204, headers=PRIVATE | ANYWHERE | PREFLIGHT)

    return routes


def _refused(status: int, code: str, message: str) -> JSONResponse:
    """Refuse as both SDKs expect to be: they show `code` and `message`."""
    return JSONResponse({"success": False, "code": code, "message": message}, status, PRIVATE | ANYWHERE)
