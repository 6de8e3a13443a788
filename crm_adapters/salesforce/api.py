"""Call Salesforce's REST API, with a token that is renewed when it expires, on the host that the token names."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from crm_adapters.errors import BadSource
from crm_adapters.http.answer import Answer
from crm_adapters.http.client import Client
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.http.oauth import Login, Token, Tokens, renewing
from crm_adapters.http.wording import FORBIDDEN, UNAUTHORIZED
from crm_adapters.salesforce.faults import Fault, fault_of, refusal
from crm_adapters.salesforce.soql import plain

VERSION = "v64.0"
DATA = f"/services/data/{VERSION}"
BAD_REQUEST, NOT_FOUND = 400, 404
LONGEST = 14_000
"""Of a question: a url and all headers may have 16,384 bytes."""
TRIES, FIRST_PAUSE = 5, 5.0


class Api:
    """One org's API.

    Args:
        login: how tokens are got.
        tokens: the file that they are kept in.
        transport: what carries calls; none: the network.
        clock: what time it is.
    """

    def __init__(
        self, login: Login, tokens: Path, *, transport: httpx.BaseTransport | None = None, clock: Clock | None = None
    ) -> None:
        self.clock, self._transport = clock or RealClock(), transport
        self._tokens = Tokens(login, tokens, transport=transport, clock=self.clock)
        self._secrets = [secret for secret in (login.secret, login.refresh) if secret]
        self._opened: tuple[str, Client] | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        fine: Sequence[int] = (),
    ) -> Answer:
        """Make a call; a refusal that may pass is waited for.

        Args:
            method: GET, POST and so on.
            path: on the org's host.
            params: of the query.
            body: sent as JSON.
            fine: statuses that the caller judges itself, unless the refusal may pass.

        Raises:
            BadSource: the call is refused as wrong.
            Denied: the user may not do this, or is let in no more.
            SourceMissing: there is no such object or field, or the user may not see it.
            Unreachable: Salesforce does not answer, or wants no more calls.
        """
        for tried in itertools.count(1):
            answer = renewing(self._tokens, partial(self._once, method, path, params, body))
            if answer.good:
                return answer
            fault = self.fault(answer.data)
            if not fault.is_passing or tried == TRIES:
                break
            self.clock.wait(FIRST_PAUSE * 2 ** (tried - 1))
        if answer.status in fine and not fault.is_passing:
            return answer
        raise refusal(answer.status, fault)

    def fault(self, told: Any) -> Fault:
        """What a refusal says, of a call or of one record in it."""
        return fault_of(told, self._client(self._tokens.current()).words)

    def _once(self, method: str, path: str, params: Mapping[str, str] | None, body: Any, token: Token) -> Answer:
        fine = (BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND)
        return self._client(token).call(method, path, params=params, body=body, fine=fine)

    def _client(self, token: Token) -> Client:
        """The client of a token, as both its host and its headers are the token's."""
        if self._opened is None or self._opened[0] != token.access:
            if "instance_url" not in token.told:
                raise BadSource("Salesforce gives a token of no instance_url", remedy="check the connection's url")
            client = Client(
                token.told["instance_url"],
                system="Salesforce",
                headers=lambda: {"Authorization": f"Bearer {token.access}"},
                secrets=self._secrets,
                transport=self._transport,
                clock=self.clock,
            )
            self._opened = token.access, client
        return self._opened[1]

    def query(self, soql: str) -> list[Any]:
        """The records of a question to their last one, deleted ones too, each with all that is nested in it."""
        return list(self._rest(self.first(soql)))

    def first(self, soql: str) -> Mapping[str, Any]:
        """The first page of an answer to a question.

        Raises:
            BadSource: it is longer than a url may be.
        """
        if len(quote(soql)) > LONGEST:
            raise BadSource("the mapping names more fields than fit a question", remedy="take some out of it")
        return _page(self.call("GET", f"{DATA}/queryAll", params={"q": soql}))

    def _rest(self, found: Mapping[str, Any]) -> Iterator[Any]:
        """The records of a page and of those behind it."""
        seen: set[str] = set()
        before: list[Any] = []
        while True:
            if found["records"] and found["records"] == before:  # at a place that is new each time
                raise repeats()
            before = found["records"]
            for record in found["records"]:
                yield {name: self._unfolded(value) for name, value in record.items() if name != "attributes"}
            following = found.get("nextRecordsUrl")
            if not following:
                return
            if following in seen:
                raise repeats()
            seen.add(following)
            found = _page(self.call("GET", following))

    def _unfolded(self, value: Any) -> Any:
        """A value of a record; a list nested in it is read to its end."""
        if not isinstance(value, dict):
            return value
        return list(self._rest(value)) if isinstance(value.get("records"), list) else plain(value)


def _page(answer: Answer) -> Mapping[str, Any]:
    if not isinstance(answer.data, Mapping) or not isinstance(answer.data.get("records"), list):
        raise BadSource("Salesforce's answer has no records", remedy="check the connection's url")
    return answer.data


def repeats() -> BadSource:
    """A list that never ends."""
    return BadSource("Salesforce gives the same page again and again", remedy="try again later; nothing is lost")
