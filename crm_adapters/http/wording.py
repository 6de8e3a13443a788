"""Say what is wrong with a call: in the system's own words, cut short, and without what is secret."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import httpx

from crm_adapters.errors import AdapterError, BadSource, Denied, Unreachable, without_secrets
from crm_adapters.http.address import place
from crm_adapters.http.answer import Answer

SHOWN = 300
UNAUTHORIZED, FORBIDDEN = 401, 403
SECRET_HEADER = re.compile("auth|token|key|secret|cookie", re.IGNORECASE)


class Wording:
    """Words about one system.

    Args:
        system: its name, for people.
        base: where it is.
        secrets: never told, whatever the system repeats.
    """

    def __init__(self, system: str, base: httpx.URL, secrets: Iterable[str]) -> None:
        self._system, self._base, self._secrets = system, base, frozenset(secrets)
        self._tokens: Collection[str] = ()

    def signed(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Take the headers of a call: the tokens among them are not told from now on.

        Raises:
            Denied: a header can't be sent as it is; httpx would say so too, and repeat it.
        """
        secret = [value for name, value in headers.items() if SECRET_HEADER.search(name)]
        self._tokens = {part for value in secret for part in (value, *value.split()[-1:])}
        for name, value in headers.items():
            if not (value.isascii() and value.isprintable() and value == value.strip()):
                raise Denied(
                    f"{self._system} can't be called: {name} lacks its token, or holds signs that no call can carry",
                    remedy="copy the connection's token or password again, without line breaks or spaces around it",
                )
        return dict(headers)

    def hidden(self, words: str) -> str:
        """Put *** for what is secret."""
        return without_secrets(words, {*self._secrets, *self._tokens})

    def told(self, said: object) -> str:
        """Put on one line what somebody says."""
        return " ".join(self.hidden(str(said)).split())[:SHOWN]

    def words(self, data: Any) -> str:
        """What an answer says."""
        if data is None:
            return "nothing"
        return self.told(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))

    def refusal(self, answer: Answer) -> AdapterError:
        """A call that would be refused again."""
        if answer.has_moved:
            return self._moved(answer)
        said = f"{self._system} says {answer.status}: {self.words(answer.data)}"
        if answer.status == UNAUTHORIZED:
            return Denied(said, remedy="check the connection's token or password: it is wrong, or has expired")
        if answer.status == FORBIDDEN:
            return Denied(said, remedy="give the token the scope that is missing, where it was made")
        return BadSource(said, remedy="check the mapping, and what `handpicked sync fields` shows")

    def _moved(self, answer: Answer) -> BadSource:
        """Not followed: the token is meant for this host, and a POST would come there as a GET."""
        to = place(self._base.join(answer.headers["location"]))
        if to == place(self._base):
            said, remedy = "points to another page of its own", "check the connection's url: is it that of the API?"
        else:
            said, remedy = f"points to {self.told(to)}", "if it has moved there, put the new url into the connection"
        return BadSource(f"{self._system} says {answer.status}, and {said}", remedy=remedy)

    def not_callable(self, path: str, error: Exception) -> BadSource:
        """A path that makes no url."""
        said = f"{self._system} can't be asked for {self.told(repr(path))}: {self.told(error)}"
        return BadSource(said, remedy="check the id or the name that stands in it")

    def astray(self, url: httpx.URL) -> BadSource:
        """A call that would leave the host."""
        said = f"{self._system} is at {place(self._base)}, and was to be called at {self.told(place(url))}"
        return BadSource(said, remedy="check the connection's url; its token goes nowhere else")

    def unreachable(self, trouble: str, *, met: bool) -> Unreachable:
        """A system that can't be used for now; one that has never answered may not be there at all."""
        remedy = "nothing is lost; try again later" if met else "check the connection's url, or try again later"
        return Unreachable(f"{self._system} can't be used now: {trouble}", remedy=remedy)
