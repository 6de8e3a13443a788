"""Call a system: wait when it says so, repeat what may be repeated, and say in words what is wrong.

Repeating is harmless for all that adapters do: they read, or they write a state. So a call whose answer was lost, or
that failed on the other side (5xx), is made again; after `TRIES` or `PATIENCE_SECONDS` it is given up, and nothing is
lost: what was not acknowledged is asked for, or written, next time.
"""

import itertools
import weakref
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from crm_adapters.errors import secrets_of
from crm_adapters.http.address import address, place
from crm_adapters.http.answer import Answer, NoJson, read
from crm_adapters.http.budget import Budget
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.http.form import Form
from crm_adapters.http.journal import note, told_here_alone
from crm_adapters.http.waiting import wait_before
from crm_adapters.http.wording import Wording

TRIES, FIRST_TRIES = 8, 3
"""How often a call is made; fewer times before the system ever answered, for a wrong url is to be told soon."""
PATIENCE_SECONDS = 900.0
TIMEOUT = httpx.Timeout(60, connect=15)


class Client:
    """Calls one system.

    Args:
        url: where it is; calls never leave this host.
        system: its name, for people.
        headers: made anew for each call, as a token may have been renewed.
        budget: how often it may be called.
        secrets: never told, whatever the system repeats; a token in `headers` is known to be one.
        transport: what carries calls; none: the network.
        clock: what time it is.

    Raises:
        BadSource: the url is none.
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
        self._base, self._headers = address(url, system), headers
        self._budget = budget or Budget((), self.clock)
        self._wording = Wording(system, self._base, {*secrets, *secrets_of(url)})
        self._met = False
        self._http = httpx.Client(base_url=self._base, timeout=TIMEOUT, transport=transport, follow_redirects=False)
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
            path: below the system's url, or a whole url on the same host.
            params: of the query.
            body: sent as JSON, or a `Form` as a form.
            fine: statuses that the caller judges itself, beside 2xx.

        Raises:
            Denied: it does not know us (401), or does not let us (403).
            BadSource: it refuses the call (another 4xx), or points elsewhere (3xx).
            Unreachable: it does not answer, wants no more calls for too long, fails again and again, or answers with
                something else than JSON.
        """
        given_up = self.clock.now() + PATIENCE_SECONDS
        for tried in itertools.count(1):
            answer, trouble = self._attempt(method, path, params, body)
            if answer and (answer.good or answer.status in fine):
                return answer
            if answer and not answer.is_passing:
                raise self._wording.refusal(answer)
            wait = wait_before(tried, answer.headers if answer else {}, self.clock.now())
            if self.clock.now() + wait > given_up:
                trouble += f"; the next try would be in {wait:.0f} seconds"
                break
            self._budget.close(wait)  # after the last try too: the next call comes no sooner
            if tried >= (TRIES if self._met else FIRST_TRIES):
                break
        raise self._wording.unreachable(trouble, met=self._met)

    def words(self, data: Any) -> str:
        """What an answer says, on one line, cut short, without what is secret."""
        return self._wording.words(data)

    def hidden(self, words: str) -> str:
        """Put *** for what is secret."""
        return self._wording.hidden(words)

    def _attempt(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Any
    ) -> tuple[Answer | None, str]:
        """Call once: what is answered, if anything, and what is wrong with that."""
        try:
            answer = self._once(method, path, params, body)
        except (httpx.RequestError, NoJson) as error:
            return None, self._wording.told(str(error) or type(error).__name__)
        self._met = True
        return answer, f"it says {answer.status}: {self.words(answer.data)}"

    def _once(self, method: str, path: str, params: Mapping[str, str] | None, body: Any) -> Answer:
        self._budget.spend()
        request = self._request(method, path, params, body)
        start = self.clock.now()
        try:
            with told_here_alone():
                response = self._http.send(request)
        except httpx.RequestError as error:
            note(request, type(error).__name__, self.clock.now() - start)
            raise
        note(request, str(response.status_code), self.clock.now() - start)
        return read(response)

    def _request(self, method: str, path: str, params: Mapping[str, str] | None, body: Any) -> httpx.Request:
        headers = self._wording.signed(self._headers())
        form, told = (body, None) if isinstance(body, Form) else (None, body)
        try:
            request = self._http.build_request(method, path, params=params, data=form, json=told, headers=headers)
        except httpx.InvalidURL as error:
            raise self._wording.not_callable(path, error) from None
        if place(request.url) != place(self._base):
            raise self._wording.astray(request.url)
        return request
