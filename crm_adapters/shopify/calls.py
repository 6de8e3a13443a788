"""Ask a Shopify shop: as much as its bucket of points holds, and its refusals in our words."""

from collections.abc import Mapping
from typing import Any

import httpx

from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.http.client import PATIENCE_SECONDS, TRIES, Client
from crm_adapters.http.clock import Clock, RealClock
from crm_adapters.http.cost import CostBudget
from crm_adapters.http.graphql import Fault, Reply, ask
from crm_adapters.http.waiting import wait_before

VERSION = "2026-10"
PATH = f"/admin/api/{VERSION}/graphql.json"
VERSION_HEADER = "x-shopify-api-version"
PASSING = ("THROTTLED", "INTERNAL_SERVER_ERROR", "TIMEOUT")
Price = tuple[str, Any]


class TooDear(BadSource):
    """A question that costs more points than one may; a smaller page costs less."""


class Shop:
    """One shop's Admin API.

    Args:
        url: the shop's own, `https://NAME.myshopify.com`.
        token: of the app that was installed there.
        transport: what carries calls; none: the network.
        clock: what time it is.
    """

    def __init__(
        self, url: str, token: str, transport: httpx.BaseTransport | None = None, clock: Clock | None = None
    ) -> None:
        self.clock = clock or RealClock()
        headers = {"X-Shopify-Access-Token": token}
        self._client = Client(
            url,
            system="Shopify",
            headers=lambda: headers,
            secrets=[token],
            transport=transport,
            clock=self.clock,
        )
        self._budget = CostBudget(self.clock)
        self._prices: dict[Price, float] = {}

    def read(self, name: str, query: str, variables: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Ask, and take what stands under a name; raises as `asked`, and BadSource where nothing stands there."""
        return part(self.asked(query, variables), name)

    def find(self, name: str, query: str, variables: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """Ask, and take what stands under a name, if anything does; raises as `asked`."""
        found = self.asked(query, variables).data.get(name)
        return found if isinstance(found, Mapping) else None

    def asked(self, query: str, variables: Mapping[str, Any] | None = None) -> Reply:
        """Ask; where there are too few points, or Shopify fails, again after a while.

        Raises:
            BadSource: Shopify refuses the question.
            Denied: the token is wrong, or lacks a scope.
            TooDear: the question costs more than any may.
            Unreachable: Shopify does not answer, or has no points for us for too long.
        """
        until, tried = self.clock.now() + PATIENCE_SECONDS, 1
        reply = self._once(query, variables or {})
        while fault := next(filter(_is_passing, reply.faults), None):
            if self.clock.now() > until or (tried >= TRIES and not _is_throttled(fault)):
                words = f"Shopify can't be used now: {fault.message}"
                raise Unreachable(words, remedy="nothing is lost; try again later")
            self.clock.wait(wait_before(tried, reply.answer.headers, self.clock.now()))
            tried += 1
            reply = self._once(query, variables or {})
        return _judged(reply)

    def words(self, fault: Mapping[str, Any]) -> str:
        """What a mutation says of a fault, without what is secret."""
        return self._client.hidden(str(fault["message"]))

    def _once(self, query: str, variables: Mapping[str, Any]) -> Reply:
        """Ask once, when there are as many points as the same question cost last time."""
        price = (query, variables.get("first"))
        cost = self._prices.get(price, 0.0)
        self._budget.spend(cost)
        told: Mapping[str, Any] = {}
        try:
            reply = ask(self._client, PATH, query, variables)
            told = _cost(reply)
        finally:
            status = told.get("throttleStatus") or {}
            self._budget.settle(
                cost, status.get("currentlyAvailable"), status.get("maximumAvailable"), status.get("restoreRate") or 0
            )
        self._prices[price] = told.get("requestedQueryCost") or cost
        return reply


def part(reply: Reply, name: str) -> Mapping[str, Any]:
    """What stands under a name.

    Raises:
        BadSource: nothing does.
    """
    found = reply.data.get(name)
    if not isinstance(found, Mapping):
        raise BadSource(f"Shopify's answer has no {name}", remedy="check the connection's url")
    return found


def _cost(reply: Reply) -> Mapping[str, Any]:
    """What Shopify says of points; it says nothing where a question is refused as a whole."""
    extensions = reply.answer.data.get("extensions") or {}
    return extensions.get("cost") or {}


def _is_throttled(fault: Fault) -> bool:
    """Some answers name no code."""
    return fault.code == "THROTTLED" or fault.message == "Throttled"


def _is_passing(fault: Fault) -> bool:
    return fault.code in PASSING or _is_throttled(fault)


def _judged(reply: Reply) -> Reply:
    for fault in reply.faults:
        if fault.code == "ACCESS_DENIED":
            raise Denied(
                f"Shopify says: {fault.message}",
                remedy="give the app that scope in the shop's settings, and install it again",
            )
        if fault.code == "MAX_COST_EXCEEDED":
            raise TooDear(f"Shopify says: {fault.message}", remedy="ask for fewer records at once")
    if reply.faults:
        raise BadSource(
            f"Shopify refuses the question: {reply.faults[0].message}",
            remedy=f"see whether the shop still speaks version {VERSION}: `handpicked doctor` shows it",
        )
    return reply
