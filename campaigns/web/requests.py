"""What is read of a request: a body that is not too long, a form, the caller's address."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, HTTPException, Request

LONGEST_BODY = 64 * 1024
"""A form of ours has less than 1 KB."""
MOST_FIELDS = 1000


async def read_body(request: Request, longest: int = LONGEST_BODY) -> bytes:
    """Read the whole body.

    Raises:
        HTTPException: 413, it is longer than it may be; the rest is not read.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > longest:
            raise HTTPException(413)
    return bytes(body)


async def _short_body(request: Request) -> bytes:
    return await read_body(request)


Body = Annotated[bytes, Depends(_short_body)]


def read_form(body: bytes) -> dict[str, list[str]]:
    """Read a form as a browser sends it; what is no form has no fields.

    >>> read_form(b"wanted=weekly&wanted=news&often=week")
    {'wanted': ['weekly', 'news'], 'often': ['week']}
    >>> read_form(bytes([0, 255])), read_form(b"&" * 5000)
    ({}, {})
    """
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError:  # not ASCII, or too many fields
        return {}


def caller(request: Request) -> str:
    """The network address of who asks, or nothing when it is not known."""
    return request.client.host if request.client else ""
