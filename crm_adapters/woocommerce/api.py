"""Call a shop's REST API: lists from a place on, what belongs to one record, and what a refusal means."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import httpx

from crm_adapters.counted import Item, walk
from crm_adapters.errors import BadSource, Unreachable
from crm_adapters.http.answer import Answer
from crm_adapters.http.client import Client
from crm_adapters.http.clock import Clock
from crm_adapters.http.wording import FORBIDDEN, UNAUTHORIZED
from crm_adapters.woocommerce import rows, words

VERSION = "wc/v3"
MOST = 100
"""Of a page, and of a batch."""
BY_ID = {"orderby": "id", "order": "asc"}


class Api:
    """The API of one shop.

    Args:
        url: of the shop.
        key: the consumer key.
        secret: the consumer secret.
        transport: what carries calls; none: the network.
        clock: what time it is.

    Raises:
        BadSource: the url is none, or not encrypted.
    """

    def __init__(
        self, url: str, key: str, secret: str, *, transport: httpx.BaseTransport | None, clock: Clock | None
    ) -> None:
        headers = {"Authorization": f"Basic {b64encode(f'{key}:{secret}'.encode()).decode()}"}
        self._client = Client(
            words.guarded(url),
            system="WooCommerce",
            headers=lambda: headers,
            secrets=[key, secret],
            transport=transport,
            clock=clock,
        )
        self.host = httpx.URL(url).host

    @property
    def clock(self) -> Clock:
        """What time it is here."""
        return self._client.clock

    def under(self, path: str) -> list[Item]:
        """All that belongs to one record, e.g. the variations of a product; nothing if it was deleted a moment ago."""
        pages = walk(partial(self.ask, path, BY_ID, fine=(words.NOT_FOUND,)), place_of, MOST)
        return [each for found, _ in pages for each in found]

    @cached_property
    def currency(self) -> str:
        """The shop's own: its products name none."""
        told = self.call("GET", "data/currencies/current").data
        if not isinstance(told, Mapping) or not told.get("code"):
            raise BadSource("WooCommerce does not tell its currency", remedy=words.NO_API)
        return str(told["code"])

    @cached_property
    def paths(self) -> dict[int, str]:
        """The categories' paths. Their list can't be asked for from a place on, only page by page."""
        found: dict[int, Mapping[str, Any]] = {}
        for page in range(1, 1_000):
            params = {**BY_ID, "per_page": str(MOST), "page": str(page)}
            new = {each["id"]: each for each in listed(self.call("GET", "products/categories", params=params))}
            if not new.keys() - found.keys():
                break
            found |= new
        return rows.paths(list(found.values()))

    def ask(
        self, path: str, params: Mapping[str, str], offset: int, size: int, *, fine: Sequence[int] = ()
    ) -> tuple[list[Item], int | None]:
        """Some records from a place on, and how many there are, unless a proxy has dropped that header."""
        asked = {**params, "per_page": str(size), "offset": str(offset)}
        answer = self.call("GET", path, params=asked, fine=fine)
        if not answer.good:
            return [], 0
        total = answer.headers.get("x-wp-total", "")
        return listed(answer), int(total) if total.isdigit() else None

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        fine: Sequence[int] = (),
    ) -> Answer:
        """Make a call; `fine` are refusals that the caller judges itself, unless it is not the API that speaks.

        Raises:
            BadSource: there is no such API, or an old one.
            Denied: the key is wrong, does not arrive, or its user may not do this.
            Unreachable: the shop does not answer, or a page stands in the way of its API.
        """
        judged = (UNAUTHORIZED, FORBIDDEN, words.NOT_FOUND, *([words.REFUSED] if method == "GET" else []))
        try:
            answer = self._client.call(
                method, f"/wp-json/{VERSION}/{path}", params=params, body=body, fine=(*judged, *fine)
            )
        except Unreachable as error:
            if "something else than JSON" not in error.problem:
                raise
            raise Unreachable(error.problem, remedy=words.NO_JSON) from error
        if answer.good or (answer.status in fine and not words.is_no_api(answer)):
            return answer
        raise words.refusal(answer, self.told(answer.data), writes=method != "GET")

    def told(self, data: Any) -> str:
        """What WooCommerce says in words, without the key, whatever it repeats."""
        told = data.get("message") if isinstance(data, Mapping) else data
        return self._client.words(told or None)


def listed(answer: Answer) -> list[Item]:
    """The records that a list answers with.

    Raises:
        BadSource: it answers with something else.
    """
    found = answer.data
    if not isinstance(found, list) or not all(isinstance(each, Mapping) and _has_id(each) for each in found):
        raise BadSource("WooCommerce's answer is no list of records", remedy=words.NO_API)
    return found


def _has_id(raw: Item) -> bool:
    return isinstance(raw.get("id"), int)


def place_of(raw: Item) -> tuple[str, str]:
    """What a record is known again by, in a list by id or by change."""
    return str(raw["id"]), str(raw.get("date_modified_gmt"))
