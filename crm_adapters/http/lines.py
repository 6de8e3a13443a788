"""Read a file of lines from another host, to which no token is sent: line by line, and on where a connection broke."""

from collections.abc import Collection, Iterator

import httpx

from crm_adapters.errors import BadSource, Unreachable
from crm_adapters.http.address import place
from crm_adapters.http.answer import TOO_MANY
from crm_adapters.http.client import TIMEOUT, TRIES
from crm_adapters.http.clock import Clock
from crm_adapters.http.journal import note, told_here_alone
from crm_adapters.http.waiting import wait_before

PARTIAL = 206


class LineFile:
    """Files of one system, on hosts that it is known to keep them on.

    Args:
        system: its name, for people.
        hosts: where a file may be; no other host is called.
        clock: what time it is.
        transport: what carries calls; none: the network.
    """

    def __init__(
        self, system: str, hosts: Collection[str], clock: Clock, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._system, self._hosts, self._clock, self._transport = system, hosts, clock, transport

    def lines(self, url: str) -> Iterator[bytes]:
        """Yield the lines of a file, those that are empty left out; of the file only one piece is in memory.

        Raises:
            BadSource: it is on a host that is not allowed, or is not there.
            Unreachable: it breaks off again and again.
        """
        address = self._allowed(url)
        read = b""  # what came of the line that is not whole yet
        done, failed = 0, 0
        with httpx.Client(timeout=TIMEOUT, transport=self._transport, follow_redirects=False) as client:
            while True:
                try:
                    for piece in self._pieces(client, address, done):
                        done, failed = done + len(piece), 0 if piece else failed
                        *whole, read = (read + piece).split(b"\n")
                        yield from filter(None, map(bytes.strip, whole))
                    break
                except (httpx.RequestError, _Passing) as error:
                    failed += 1
                    self._pause(failed, error)
        if read.strip():
            yield read.strip()

    def _pieces(self, client: httpx.Client, url: httpx.URL, start: int) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        request, began = client.build_request("GET", url, headers=headers), self._clock.now()
        with told_here_alone():
            response = client.send(request, stream=True)
        try:
            note(request, str(response.status_code), self._clock.now() - began)
            self._judge(response)
            skip = 0 if response.status_code == PARTIAL else start
            for piece in response.iter_bytes():
                yield piece[skip:]
                skip = max(0, skip - len(piece))
        finally:
            response.close()

    def _allowed(self, url: str) -> httpx.URL:
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise BadSource(
                f"{self._system}'s file has no url that can be called", remedy="nothing was fetched"
            ) from error
        if place(address) not in (f"https://{host}" for host in self._hosts):
            known = ", ".join(sorted(self._hosts))
            raise BadSource(
                f"{self._system} has put a file at {address.scheme}://{address.host}, and was expected to at {known}",
                remedy="nothing was fetched; tell us, with that address, so that it may be added",
            )
        return address

    def _judge(self, response: httpx.Response) -> None:
        if response.status_code >= 500 or response.status_code == TOO_MANY:
            raise _Passing(f"it says {response.status_code}")
        if not response.is_success:
            raise BadSource(
                f"{self._system}'s file is not there: {place(response.url)} says {response.status_code}",
                remedy="it may be too old; pull again",
            )

    def _pause(self, failed: int, error: Exception) -> None:
        if failed >= TRIES:
            raise Unreachable(
                f"{self._system}'s file breaks off: {str(error) or type(error).__name__}",
                remedy="nothing is lost; try again later",
            ) from error
        self._clock.wait(wait_before(failed, {}, self._clock.now()))


class _Passing(Exception):
    """The file may come a little later."""
