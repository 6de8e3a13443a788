"""Ask in GraphQL: one query, its data and its errors, as the specification words them.

Source: GraphQL specification, October 2021, section 7.1 (an answer may hold data and errors at once).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_adapters.errors import BadSource
from crm_adapters.http.client import Answer, Client

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

    data: Mapping[str, Any]
    faults: Sequence[Fault]
    answer: Answer


def ask(client: Client, path: str, query: str, variables: Mapping[str, Any] | None = None) -> Reply:
    """Send a query.

    Raises:
        AdapterError: as `Client.call`.
    """
    body = {"query": query, "variables": variables or {}}
    answer = client.call("POST", path, body=body, fine=(BAD_REQUEST,))
    found = answer.data if isinstance(answer.data, dict) else {}
    if not {"data", "errors"} & set(found):
        raise BadSource(f"the answer is no GraphQL: {str(answer.data)[:200]!r}", remedy="check the connection's url")
    return Reply(found.get("data") or {}, [_fault(each) for each in found.get("errors") or ()], answer)


def _fault(told: Mapping[str, Any]) -> Fault:
    path = told.get("path") or [""]
    code = (told.get("extensions") or {}).get("code", "")
    return Fault(str(told.get("message", "")), str(path[0]), str(code))
