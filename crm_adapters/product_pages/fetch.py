"""Fetch what stands at a url: politely, within the given hosts, and never more than fits."""

import itertools
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import IO

import httpx

from crm_adapters.errors import Unreachable
from crm_adapters.http.answer import MOVED, TIMED_OUT, TOO_MANY
from crm_adapters.http.budget import Budget
from crm_adapters.http.client import TIMEOUT
from crm_adapters.http.clock import Clock
from crm_adapters.http.journal import note, told_here_alone
from crm_adapters.http.waiting import wait_before
from crm_adapters.product_pages.guard import Places
from crm_adapters.product_pages.inflate import BadGzip, unpacked

TRIES = 4
REDIRECTS = 5
IN_MEMORY = 16 << 20
PATIENCE_SECONDS = 900.0
LONGEST_SECONDS = 1800.0


class Unfit(Exception):
    """What stands at a url can't be used, and would not be better a little later; `reason` is a word to count by."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason, self.words = reason, words


@dataclass(frozen=True)
class Got:
    """What was answered, after redirects.

    Attributes:
        url: where it stands in the end.
        status: of the answer; 304 if it has not changed.
        headers: of the answer.
        body: unpacked, at its start; closed by whoever fetched it.
    """

    url: httpx.URL
    status: int
    headers: httpx.Headers = field(repr=False)
    body: IO[bytes] = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether it is there."""
        return 200 <= self.status < 300

    @property
    def said_at(self) -> float | None:
        """When it was answered, by the server's clock: seconds since 1970."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).timestamp()
        except (ValueError, OverflowError):
            return None


class Fetcher:
    """Fetches from several hosts.

    Args:
        places: whom we may call.
        transport: what carries the calls.
        user_agent: who we say we are.
        pause_seconds: between two calls to a host, at least.
        clock: what time it is.
    """

    def __init__(
        self, places: Places, transport: httpx.BaseTransport, user_agent: str, pause_seconds: float, clock: Clock
    ) -> None:
        self.places, self.clock, self._pause = places, clock, pause_seconds
        headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"}
        self._http = httpx.Client(transport=transport, timeout=TIMEOUT, headers=headers, trust_env=False)
        self._budgets: dict[bytes, Budget] = {}
        weakref.finalize(self, self._http.close)  # adapters are not closed: whoever drops one has done with it

    def pause(self, url: httpx.URL, seconds: float) -> None:
        """Call a host less often from now on, if it wants longer pauses than ours."""
        self._budgets[url.raw_host] = Budget(((1, max(seconds, self._pause)),), self.clock)
        self._budgets[url.raw_host].spend()  # it was called just now, to hear of this

    def get(
        self, url: httpx.URL, most_bytes: int, headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[Got]:
        """Fetch; what fails for the moment is fetched again, and what then still fails has its status told.

        Raises:
            BadSource: a host is at a private address.
            Unfit: it is too large, too slow, packed in a way that nobody asked for, or points elsewhere.
            Unreachable: the host does not answer, or wants no calls for too long.
        """
        return self._closing(lambda: self._got(url, most_bytes, headers or {}))

    @contextmanager
    def _closing(self, get: Callable[[], Got]) -> Iterator[Got]:
        got = get()
        try:
            yield got
        finally:
            got.body.close()

    def _got(self, url: httpx.URL, most_bytes: int, headers: Mapping[str, str]) -> Got:
        given_up = self.clock.now() + PATIENCE_SECONDS
        for tried in itertools.count(1):
            got, trouble = self._attempt(url, most_bytes, headers)
            if got and not (got.status >= 500 or got.status in (TIMED_OUT, TOO_MANY)):
                return got
            wait = wait_before(tried, got.headers if got else {}, self.clock.now())
            if tried >= TRIES or self.clock.now() + wait > given_up:
                break
            if got:
                got.body.close()
            self._budget(url).close(wait)
        if got and got.status != TOO_MANY:
            return got
        if got:
            got.body.close()
        raise Unreachable(f"{url.host} can't be used now: {trouble}", remedy="nothing is lost; try again later")

    def _attempt(self, url: httpx.URL, most_bytes: int, headers: Mapping[str, str]) -> tuple[Got | None, str]:
        """Fetch once, over redirects; what is wrong, if nothing came, or not what was asked for."""
        try:
            for _ in range(REDIRECTS + 1):
                got = self._once(url, most_bytes, headers)
                if got.status not in MOVED or "location" not in got.headers:
                    return got, f"it says {got.status}"
                got.body.close()
                url = self._following(url, got.headers["location"])
        except httpx.RemoteProtocolError as error:
            if "Invalid URL in location" in str(error):  # httpx reads where it is pointed to, also if it does not go
                raise Unfit("bad_redirect", "it points to what is no url") from error
            return None, str(error)
        except httpx.RequestError as error:
            return None, " ".join(str(error).split())[:200] or type(error).__name__
        raise Unfit("many_redirects", f"more than {REDIRECTS} redirects")

    def _following(self, url: httpx.URL, location: str) -> httpx.URL:
        try:
            following = url.join(location)
        except (httpx.InvalidURL, ValueError) as error:
            raise Unfit("bad_redirect", f"it points to {location[:200]!r}, which is no url") from error
        if refusal := self.places.refusal(following):
            raise Unfit("other_host", f"it points elsewhere: {refusal}")
        return following

    def _once(self, url: httpx.URL, most_bytes: int, headers: Mapping[str, str]) -> Got:
        self._budget(url).spend()
        request = self._http.build_request("GET", url, headers=dict(headers))
        start, outcome = self.clock.now(), "broken off"
        try:
            with told_here_alone():
                response = self._http.send(request, stream=True, follow_redirects=False)
                outcome = str(response.status_code)
                try:
                    return Got(url, response.status_code, response.headers, self._body(response, most_bytes))
                finally:
                    response.close()
        except httpx.RequestError as error:
            outcome = type(error).__name__
            raise
        finally:
            note(request, outcome, self.clock.now() - start)

    def _body(self, response: httpx.Response, most_bytes: int) -> IO[bytes]:
        """Keep an answer, in memory or in a file that nobody sees; what is no answer to us is not read."""
        body = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever fetched it closes it
        try:
            if response.is_success:
                for piece in self._pieces(response):
                    body.write(piece)
                    if body.tell() > most_bytes:
                        raise Unfit("too_large", f"more than {most_bytes >> 20} MB")
            body.seek(0)
        except BaseException:
            body.close()
            raise
        return body

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The answer as it is meant; only gzip was asked for, and it is known by its first bytes."""
        packed = response.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity", "gzip", "x-gzip"):
            raise Unfit("bad_encoding", f"it is packed as {packed[:40]!r}, and only gzip was asked for")
        until = self.clock.now() + LONGEST_SECONDS
        try:
            for piece in unpacked(response.iter_raw()):
                if self.clock.now() > until:
                    raise Unfit("too_slow", f"it takes more than {LONGEST_SECONDS / 60:.0f} minutes")
                yield piece
        except BadGzip as error:
            raise Unfit("bad_encoding", f"its gzip is broken: {error}") from error

    def _budget(self, url: httpx.URL) -> Budget:
        return self._budgets.setdefault(url.raw_host, Budget(((1, self._pause),), self.clock))
