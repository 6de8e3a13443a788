"""Call a system: wait when it says so, repeat what may be repeated, and say in words what is wrong.

Repeating is harmless for all that adapters do: they read, or they write a state. So a call whose answer was lost, or
that failed on the other side (5xx), is made again; after `TRIES` or `PATIENCE_SECONDS` it is given up, and nothing is
lost: what was not acknowledged is asked for, or written, next time.
"""

import json
import random
import weakref
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from crm_adapters.errors import BadSource, Denied, Unreachable, without_secrets
from crm_adapters.http.budget import Budget
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.http.journal import note

TRIES, FIRST_TRIES = 8, 3
"""How often a call is made; the first ones fewer times, for a wrong url is to be told soon."""
PATIENCE_SECONDS = 900.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
TIMEOUT = httpx.Timeout(60, connect=15)
SHOWN = 300
UNAUTHORIZED, FORBIDDEN, TIMED_OUT, TOO_MANY = 401, 403, 408, 429


class _NoJson(Exception):
    """What came is no JSON: cut short, or the page of a proxy."""


@dataclass(frozen=True)
class Answer:
    """What a system answered: its status, its headers, and its JSON (None for an empty body)."""

    status: int
    headers: httpx.Headers
    data: Any

    @property
    def good(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300


class Client:
    """Calls one system.

    Args:
        url: where it is; calls never leave this host.
        system: its name, for people.
        headers: made anew for each call, as a token may have been renewed.
        budget: how often it may be called.
        secrets: never told, whatever the system repeats.
        transport: what carries calls; none: the network.
        clock: what time it is.
    """

    def __init__(
        self,
        url: str,
        *,
        system: str,
        headers: Callable[[], Mapping[str, str]],
        budget: Budget | None = None,
        secrets: Collection[str] = (),
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or RealClock()
        self._system, self._headers, self._secrets = system, headers, secrets
        self._budget = budget or Budget((), self.clock)
        self._met = False
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT, transport=transport, follow_redirects=False)
        weakref.finalize(self, self._http.close)  # adapters are not closed: whoever drops one has done with it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        fine: Collection[int] = (),
    ) -> Answer:
        """Make a call, several times if need be.

        Args:
            method: GET, POST and so on.
            path: below the system's url.
            params: of the query.
            body: sent as JSON.
            fine: statuses that the caller judges itself, beside 2xx.

        Raises:
            Denied: it does not know us (401), or does not let us (403).
            BadSource: it refuses the call (another 4xx).
            Unreachable: it does not answer, wants no more calls for too long, fails again and again, or answers with
                something else than JSON.
        """
        given_up = self.clock.now() + PATIENCE_SECONDS
        tries = TRIES if self._met else FIRST_TRIES
        for tried in range(1, tries + 1):
            try:
                answer = self._once(method, path, params, body)
            except (httpx.TransportError, _NoJson) as error:
                trouble, wait = self._told(error), _pause(tried)
            else:
                if answer.good or answer.status in fine:
                    return answer
                if not _is_passing(answer.status):
                    raise self._refusal(answer)
                trouble, wait = (
                    f"it says {answer.status}: {self._words(answer)}",
                    _wait(answer, tried, self.clock.now()),
                )
            if self.clock.now() + wait > given_up:
                break
            if tried < tries:
                self._budget.close(wait)
        raise Unreachable(f"{self._system} can't be used now: {trouble}", remedy="nothing is lost; try again later")

    def _once(self, method: str, path: str, params: Mapping[str, str] | None, body: Any) -> Answer:
        self._budget.spend()
        request = self._http.build_request(method, path, params=params, json=body, headers=dict(self._headers()))
        start = self.clock.now()
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            note(request, type(error).__name__, self.clock.now() - start)
            raise
        self._met = True
        note(request, str(response.status_code), self.clock.now() - start)
        return Answer(response.status_code, response.headers, _data(response))

    def _refusal(self, answer: Answer) -> Exception:
        said = f"{self._system} says {answer.status}: {self._words(answer)}"
        if answer.status == UNAUTHORIZED:
            return Denied(said, remedy="check the connection's token or password: it is wrong, or has expired")
        if answer.status == FORBIDDEN:
            return Denied(said, remedy="give the token the scope that is missing, where it was made")
        return BadSource(said, remedy="check the mapping, and what `handpicked sync fields` shows")

    def _words(self, answer: Answer) -> str:
        told = answer.data if isinstance(answer.data, str) else json.dumps(answer.data, ensure_ascii=False)
        return self._told(told or "nothing")

    def _told(self, said: object) -> str:
        words = " ".join(str(said).split()) or type(said).__name__
        return without_secrets(words, self._secrets)[:SHOWN]


def _data(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        if response.is_success:
            kind = response.headers.get("content-type", "no type")
            raise _NoJson(f"it answers with something else than JSON ({kind})") from error
        return response.text


def _is_passing(status: int) -> bool:
    return status >= 500 or status in (TIMED_OUT, TOO_MANY)


def _pause(tried: int) -> float:
    """Exponential, with as much again drawn by lot: who failed together is not to come back together."""
    return min(FIRST_PAUSE * 2.0 ** (tried - 1), LONGEST_PAUSE) * random.uniform(1, 2)


def _wait(answer: Answer, tried: int, now: float) -> float:
    """How long to wait: as `Retry-After` says (RFC 9110, section 10.2.3: seconds, or a date), else by ourselves."""
    said = answer.headers.get("retry-after", "").strip()
    if said.replace(".", "", 1).isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return _pause(tried)
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max((until - datetime.fromtimestamp(now, UTC)).total_seconds(), 0.0)
