"""Ask in GraphQL: one query, its data and its errors, as the specification words them.

Source: GraphQL specification, October 2021, section 7.1 (an answer may hold data and errors at once).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_adapters.errors import BadSource
from crm_adapters.http.answer import Answer
from crm_adapters.http.client import Client

BAD_REQUEST = 400


@dataclass(frozen=True)
class Fault:
    """One error of an answer: its words, the alias it stands under (empty: the whole query), and its code."""

    message: str
    alias: str
    code: str


@dataclass(frozen=True)
class Reply:
    """What came back; `data` is empty where an error took the whole of it."""

    data: Mapping[str, Any] = field(repr=False)
    faults: Sequence[Fault]
    answer: Answer


def ask(client: Client, path: str, query: str, variables: Mapping[str, Any] | None = None) -> Reply:
    """Send a query.

    Raises:
        BadSource: what comes back is no GraphQL.
        AdapterError: as `Client.call`.
    """
    body = {"query": query, "variables": variables or {}}
    answer = client.call("POST", path, body=body, fine=(BAD_REQUEST,))
    data, errors = _parts(answer.data)
    if not (data or errors):
        raise BadSource(f"the answer is no GraphQL: {client.words(answer.data)}", remedy="check the connection's url")
    return Reply(data, [_fault(client, each) for each in errors], answer)


def _parts(found: Any) -> tuple[Mapping[str, Any], Sequence[Any]]:
    """Data and errors, each empty where it is missing."""
    told = found if isinstance(found, dict) else {}
    data, errors = told.get("data"), told.get("errors") or []
    return data if isinstance(data, dict) else {}, errors if isinstance(errors, list) else [errors]


def _fault(client: Client, error: Any) -> Fault:
    """Read an error; one that is not of the specified form is told as it is."""
    told = error if isinstance(error, dict) else {"message": error}
    path, extensions = told.get("path"), told.get("extensions")
    alias = path[0] if isinstance(path, list) and path else ""
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return Fault(client.hidden(str(told.get("message") or "")), str(alias), str(code or ""))
