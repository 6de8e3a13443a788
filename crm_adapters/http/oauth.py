"""Access tokens that are renewed with a refresh token, also where the system gives a new one of these each time.

Of all threads and processes that find a token expired exactly one renews it; the others use what it kept. What was
given is kept on the disk before it is used, as the old refresh token may be worth nothing from then on. Who is killed
between the answer and keeping it leaves the old one: the next renewal tries that, and many systems take it for a while.

Source: RFC 6749, sections 4.4 (client credentials), 5 (answers) and 6 (refreshing).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import httpx

from crm_adapters.errors import AdapterError, BadSource, Denied
from crm_adapters.http.answer import Answer
from crm_adapters.http.client import Client
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.http.form import Form
from crm_adapters.http.token_file import locked, read, unusable, write
from crm_adapters.http.waiting import SECONDS
from crm_adapters.http.wording import FORBIDDEN, UNAUTHORIZED

VERSION = 1
BAD_REQUEST = 400
EARLY_SECONDS = 60.0
"""A token is renewed so long before it expires, or a tenth of its life if that is less."""
NOT_TOLD = ("access_token", "refresh_token", "id_token", "signature")


@dataclass(frozen=True)
class Login:
    """How tokens are got.

    Attributes:
        system: its name, for people.
        url: where the system gives tokens.
        path: of its token endpoint.
        client: the id under which Handpicked is known there.
        secret: that belongs to it.
        refresh: the first refresh token, from when somebody let us in; empty: the client acts for itself.
    """

    system: str
    url: str
    path: str
    client: str
    secret: str = field(repr=False)
    refresh: str = field(default="", repr=False)

    @property
    def print(self) -> str:
        """Stands for this login, wherever it is asked for: tokens of another one are not used."""
        told = json.dumps([self.client, self.refresh])
        return blake2b(told.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Token:
    """An access token.

    Attributes:
        access: the token itself.
        until: seconds since 1970 from which on it is not used; None: until the system refuses it.
        told: what else came with it, such as `instance_url`.
    """

    access: str = field(repr=False)
    until: float | None
    told: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """What is on the disk.

    Attributes:
        refresh: the refresh token to use next.
        token: the last access token, if there was one.
        asked_at: when a renewal began whose answer has not been kept, in words.
    """

    refresh: str = field(repr=False)
    token: Token | None = None
    asked_at: str | None = None

    @classmethod
    def read(cls, path: Path, login: Login) -> Self:
        """Read the file; what another login left counts for nothing."""
        told = read(path)
        if told.get("v") != VERSION or told.get("of") != login.print:
            return cls(login.refresh)
        try:
            token = Token(told["access"], told["until"], told["told"]) if told["access"] else None
            return cls(told["refresh"], token, told["asked_at"])
        except KeyError as error:
            raise unusable(path, error) from error

    def write(self, path: Path, login: Login) -> None:
        """Write the file."""
        token = self.token or Token("", None, {})
        told = {"access": token.access, "until": token.until, "told": dict(token.told)}
        own = {"v": VERSION, "of": login.print, "refresh": self.refresh, "asked_at": self.asked_at}
        write(path, own | told)


class Tokens:
    """The tokens of one login, shared by all threads and processes that use the same file.

    Args:
        login: how tokens are got.
        path: the file that they are kept in; a lock stands beside it.
        transport: what carries calls; none: the network.
        clock: what time it is.
    """

    def __init__(
        self, login: Login, path: Path, *, transport: httpx.BaseTransport | None = None, clock: Clock | None = None
    ) -> None:
        self.login, self._path = login, path
        self._transport, self._clock = transport, clock or RealClock()
        self._held: Token | None = None

    def current(self) -> Token:
        """The token to call with; renewed if it has expired.

        Raises:
            BadSource: the file can't be used, or the answer is none of a token endpoint.
            Denied: the system gives no token.
            Unreachable: it does not answer.
        """
        held = self._held
        return self.renewed(held) if held is None or self._is_over(held) else held

    def renewed(self, stale: Token | None) -> Token:
        """A token other than one that the system refuses: what another has got meanwhile, or a new one.

        Raises:
            AdapterError: as `current`.
        """
        with locked(self._path):
            kept = Kept.read(self._path, self.login)
            token = kept.token
            if token is None or self._is_over(token) or (stale is not None and token.access == stale.access):
                token = self._asked(kept)
            self._held = token
        return token

    def _is_over(self, token: Token) -> bool:
        return token.until is not None and self._clock.now() >= token.until

    def _asked(self, kept: Kept) -> Token:
        """Get a new token, and keep it before anybody uses it."""
        began = datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="seconds")
        # Written first: it shows that the answer can be kept, before the old refresh token is spent.
        replace(kept, asked_at=kept.asked_at or began).write(self._path, self.login)
        with self._client(kept) as client:
            form = Form(self._grant(kept) | {"client_id": self.login.client, "client_secret": self.login.secret})
            fine = (BAD_REQUEST, UNAUTHORIZED, FORBIDDEN)
            answer = client.call("POST", self.login.path, body=form, fine=fine)
            if not answer.good:
                raise self._refusal(client, answer, kept)
        token = self._token(answer.data)
        Kept(str(answer.data.get("refresh_token") or kept.refresh), token).write(self._path, self.login)
        return token

    def _client(self, kept: Kept) -> Client:
        """A client of its own: no budget of calls waits here, and its secrets change with each renewal."""
        return Client(
            self.login.url,
            system=self.login.system,
            headers=lambda: {"Accept": "application/json"},
            secrets=[self.login.secret, kept.refresh],
            transport=self._transport,
            clock=self._clock,
        )

    def _grant(self, kept: Kept) -> dict[str, str]:
        if not kept.refresh:
            return {"grant_type": "client_credentials"}
        return {"grant_type": "refresh_token", "refresh_token": kept.refresh}

    def _token(self, data: Any) -> Token:
        if not isinstance(data, dict) or not isinstance(data.get("access_token"), str):
            raise BadSource(f"{self.login.system} answers without an access token", remedy="check the connection's url")
        seconds = str(data.get("expires_in"))
        life = float(seconds) if SECONDS.fullmatch(seconds) else None
        until = None if life is None else self._clock.now() + life - min(EARLY_SECONDS, life / 10)
        told = {name: value for name, value in data.items() if isinstance(value, str) and name not in NOT_TOLD}
        return Token(data["access_token"], until, told)

    def _refusal(self, client: Client, answer: Answer, kept: Kept) -> AdapterError:
        """Source: RFC 6749, section 5.2."""
        told = answer.data if isinstance(answer.data, dict) else {}
        said = f"{self.login.system} gives no token: {client.words(told.get('error_description') or answer.data)}"
        if told.get("error") == "invalid_grant" and kept.asked_at:
            said += f" (a renewal begun at {kept.asked_at} was cut off, and what it gave is lost)"
        if told.get("error") == "invalid_grant":
            return Denied(
                said, remedy="let Handpicked in there anew, and put the new refresh token into the connection"
            )
        return Denied(said, remedy="check the connection's user and password: the client's id and its secret")


def renewing(tokens: Tokens, call: Callable[[Token], Answer]) -> Answer:
    """Make a call; where the system does not take the token any more (401), renew it once, and call again."""
    token = tokens.current()
    answer = call(token)
    return call(tokens.renewed(token)) if answer.status == UNAUTHORIZED else answer
