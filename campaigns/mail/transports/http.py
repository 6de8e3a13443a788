"""Hand messages to a provider by HTTP, and say what is known of them after each way that a call can end.

    the call ends                                      the messages are
    before a byte of the request's body left           not taken: retry
    later, without an answer that can be read          in doubt
    with 429 or 503, or 5xx in the provider's words    not taken: retry
    with another 5xx (a gateway's page)                in doubt
    with a redirect                                    not taken, nor will any be: TransportError
    with any other answer                              what the provider's own module makes of it

None of the providers takes a key that makes a repeated send harmless, so a doubt stays one. A process that is killed
leaves at most lanes times batch messages in doubt.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from campaigns.errors import TransportError
from campaigns.mail.headers import one_line
from campaigns.mail.transports.base import Envelope, Outcome, not_open

LONGEST_ANSWER = 1 << 20
"""Bytes of an answer that are read; what is cut there can't be read as JSON, and counts as lost."""
LONGEST_WORDS = 300
TOO_MANY, UNAVAILABLE = 429, 503


@dataclass(frozen=True, slots=True)
class Request:
    """One POST; its headers hold a secret and are not shown."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers by lower-case name, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def data(self) -> Any:
        """Read the body as JSON; none if it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def own_words(self) -> str | None:
        """Find the provider's message in an error of its own; none in a page of a gateway before it."""
        data = self.data()
        words = (data.get("message") or data.get("Message")) if isinstance(data, dict) else None
        return words if isinstance(words, str) else None


@dataclass(kw_only=True)
class HttpTransport(ABC):
    """One provider. What differs is how it is asked (`request`) and what its answers mean (`judge`).

    Attributes:
        endpoint: where its API stands, as https://host, without a slash at the end.
        secret: the key that lets us in; it shows in no text.
        lanes: calls that may run side by side.
        batch: messages in one call.
        timeout_seconds: for one whole call, connecting included.
    """

    name: ClassVar[str]
    endpoint: str
    secret: str = field(repr=False)
    lanes: int = 10
    batch: int = 1
    timeout_seconds: float = 60.0
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False, compare=False)

    @abstractmethod
    def request(self, envelopes: Sequence[Envelope]) -> Request:
        """Write the call that hands over one group of messages."""

    @abstractmethod
    def judge(self, answer: Answer, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Say what an answer below 300 or from 400 to 499 means for each message.

        Raises:
            TransportError: none was taken, and no other will be.
        """

    def groups(self, envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
        """Cut messages into those of one call each: one by one, unless the provider takes more."""
        return ([envelope] for envelope in envelopes)

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_keepalive_connections=self.lanes, keepalive_expiry=5.0)
        # A call as a whole is timed in _post. Connecting and shaking hands must end before, by httpx's own clock: it
        # closes what it gave up, and forgets to when it is cancelled from outside.
        timeout = httpx.Timeout(None, connect=self.timeout_seconds / 3)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, follow_redirects=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def lane(self) -> "HttpLane":
        """Open one more lane; nothing is connected before its first message."""
        if self._client is None:
            raise not_open(self.name)
        return HttpLane(self)

    async def deliver(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Hand over messages, group after group; see `Lane.send`."""
        outcomes: list[Outcome] = []
        for group in self.groups(envelopes):
            try:
                outcomes += await self._deliver_group(group)
            except TransportError as error:
                if all(outcome.status in {"failed", "retry"} for outcome in outcomes):
                    raise
                # Some were taken: the refusal comes again, alone, with the next messages.
                return outcomes + [Outcome("retry", str(error))] * (len(envelopes) - len(outcomes))
        return outcomes

    def words(self, answer: Answer) -> str:
        """Tell an answer on one line: whose, its status, the provider's words, and how long it asks us to wait."""
        said = answer.own_words() or answer.body[: 2 * LONGEST_WORDS].decode("utf-8", "replace")
        wait = one_line(answer.headers.get("retry-after", ""))[:40]
        waiting = f"; it asks to wait: {wait}{' s' if wait.isdecimal() else ''}" if wait else ""
        return f"{self.name} {answer.status}: {self.shown(said) or 'no words'}{waiting}"

    def shown(self, words: str) -> str:
        """Make words of the other side fit to be kept: one line, not too long, without our secret."""
        return one_line(words.replace(self.secret, "***"))[:LONGEST_WORDS]

    async def _deliver_group(self, group: Sequence[Envelope]) -> list[Outcome]:
        if self._client is None:
            raise not_open(self.name)
        answer = await self._post(self._client, self.request(group))
        if isinstance(answer, Outcome):
            return [answer] * len(group)
        if 300 <= answer.status < 400:
            raise TransportError(
                f"{self.name} answers {answer.status}, a redirect", remedy="name the host that takes messages itself"
            )
        if answer.status >= 500 or answer.status == TOO_MANY:
            certain = answer.status in {TOO_MANY, UNAVAILABLE} or answer.own_words() is not None
            return [Outcome("retry" if certain else "in_doubt", self.words(answer))] * len(group)
        return self.judge(answer, group)

    async def _post(self, client: httpx.AsyncClient, request: Request) -> Answer | Outcome:
        body_left = False

        async def watch(event: str, _: Mapping[str, Any]) -> None:
            nonlocal body_left
            body_left = body_left or event.endswith("send_request_body.started")

        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await _exchange(client, request, watch)
        except TimeoutError:
            problem = f"no answer within {self.timeout_seconds:g} s"
        except httpx.HTTPError as error:
            problem = self.shown(str(error)) or type(error).__name__  # a ConnectTimeout, for one, has no words
        if body_left:
            return Outcome("in_doubt", f"{self.name}: the answer was lost: {problem}")
        return Outcome("retry", f"{self.name} is not reached: {problem}")


class HttpLane:
    """One call at a time."""

    def __init__(self, transport: HttpTransport) -> None:
        self._transport: HttpTransport | None = transport

    async def send(self, envelopes: list[Envelope]) -> list[Outcome]:
        """Hand over messages; see `Lane.send`."""
        if self._transport is None:
            raise not_open("this lane")
        return await self._transport.deliver(envelopes)

    async def close(self) -> None:
        """Let go of it; the connections are the transport's."""
        self._transport = None


async def _exchange(client: httpx.AsyncClient, request: Request, watch: Any) -> Answer:
    called = client.stream(
        "POST", request.url, content=request.body, headers=request.headers, extensions={"trace": watch}
    )
    async with called as response:
        body = b""
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > LONGEST_ANSWER:
                break
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body[:LONGEST_ANSWER])
