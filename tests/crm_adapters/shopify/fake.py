"""A small Shopify shop in memory, behind Shopify's own schema.

What the schema leaves open is as Shopify's guides have it, and was not run against an account: the bucket of points and
its words, the 250 records of a page and the 25,000 of a list, the form of a bulk operation's file and its host, the
codes of refusals of metafields.
"""

import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count

import httpx

from tests.crm_adapters.shopify.bulk import Operations
from tests.crm_adapters.shopify.listing import edges, indexed, page, place
from tests.crm_adapters.shopify.metafields import Metafields
from tests.crm_adapters.shopify.witness import Broken, answered, checked, cost

TOKEN = "shpat_a_token_of_the_fake_only"
SHOP = "https://tea.myshopify.com"
PATH = "/admin/api/2026-10/graphql.json"
FILES = "storage.googleapis.com"
SCOPES = ("read_all_orders", "read_orders", "read_products", "write_customer_data_erasure", "write_customers")
NEEDED = {
    "customers": "read_customers", "customersCount": "read_customers",
    "products": "read_products", "productsCount": "read_products", "product": "read_products",
    "orders": "read_orders", "ordersCount": "read_orders", "order": "read_orders",
    "metafieldsSet": "write_customers", "metafieldsDelete": "write_customers",
    "customerRequestDataErasure": "write_customer_data_erasure",
}  # fmt: skip
SINCE = re.compile(r"updated_at:>='(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)'")
MOST = 250
START = datetime(2026, 1, 5, 10, tzinfo=UTC).timestamp()


class Fake(Metafields, Operations):
    """Answers requests; `troubles` stand before the next ones, each given the request and what would be answered."""

    def __init__(self, clock):
        self.clock, self.numbers = clock, count(1)
        self.requests, self.queries, self.troubles = [], [], []
        self.scopes, self.version = set(SCOPES), "2026-10"
        self.maximum, self.restored = 1_000.0, 50.0
        self.shown, self.whole_days, self.skew = 25_000, False, 0
        self.forget()

    def forget(self):
        self.records = {"customers": {}, "products": {}, "orders": {}}
        self.left, self.filled_at = self.maximum, self.clock.now()
        self.forget_metafields()
        self.forget_operations()

    def asked(self, word):
        """The queries in which a word stands."""
        return [variables for query, variables in self.queries if word in query]

    def transport(self):
        return httpx.MockTransport(self)

    def __call__(self, request):
        self.requests.append(request)
        if self.troubles and (trouble := self.troubles.pop(0)):
            return trouble(request, self.answer)
        return self.answer(request)

    def answer(self, request):
        if request.url.host == FILES:
            return self.file(request)
        if request.headers.get("x-shopify-access-token") != TOKEN:
            return httpx.Response(401, json={"errors": "[API] Invalid API key or access token"})
        if (request.method, request.url.path) != ("POST", PATH):
            raise Broken(f"there is no {request.method} {request.url.path}")
        told = json.loads(request.content)
        self.queries.append((told["query"], told["variables"]))
        now = datetime.fromtimestamp(self.clock.now() + self.skew, UTC)
        headers = {"x-shopify-api-version": self.version, "date": format_datetime(now, usegmt=True)}
        return httpx.Response(200, json=self.told(told["query"], told["variables"]), headers=headers)

    def told(self, query, variables):
        """Data, or why there is none, and what it cost."""
        document = checked(query)
        points = cost(document, variables)
        if points > 1_000:
            words = f"Query cost is {points}, which exceeds the single query max cost limit (1000)."
            return refused(words, "MAX_COST_EXCEEDED", cost=points, maxCost=1_000)
        self.refill()
        if points > self.left + 1e-6:
            return {**refused("Throttled", "THROTTLED"), **self.points(points, None)}
        for field in (each.name.value for each in document.definitions[0].selection_set.selections):
            if (scope := NEEDED.get(field)) and not {scope, scope.replace("read_", "write_")} & self.scopes:
                return refused(f"Access denied for {field} field. Required access: `{scope}` access scope.")
        self.left -= points
        return {"data": answered(document, self.world(), variables), **self.points(points, points)}

    def refill(self):
        now = self.clock.now()
        self.left = min(self.maximum, self.left + (now - self.filled_at) * self.restored)
        self.filled_at = now

    def points(self, asked, actual):
        status = {"maximumAvailable": self.maximum, "currentlyAvailable": self.left, "restoreRate": self.restored}
        told = {"requestedQueryCost": asked, "actualQueryCost": actual, "throttleStatus": status}
        return {"extensions": {"cost": told}}

    def world(self):
        """What the schema's first fields give."""
        return {
            **{name: self.listing(name) for name in self.records},
            **{f"{name}Count": self.counting(name) for name in self.records},
            "product": lambda info, **given: self.shaped("products", given["id"]),
            "order": lambda info, **given: self.shaped("orders", given["id"]),
            "shop": {"name": "Tea & Söhne", "myshopifyDomain": "tea.myshopify.com"},
            "currentAppInstallation": {"accessScopes": [{"handle": each} for each in sorted(self.scopes)]},
            "customerRequestDataErasure": self.erased,
            **self.of_metafields(),
            **self.of_operations(),
        }

    def counting(self, name):
        return lambda info, limit=10_000, **_: {"count": len(self.records[name]), "precision": "EXACT"}

    def listing(self, name):
        def listed(info, first=None, after=None, query=None, sortKey=None, reverse=False):  # noqa: N803
            rows = sorted(self.records[name].values(), key=place)
            if first is None:  # a bulk operation's
                return edges([self.shaped(name, each["id"]) for each in rows])
            if sortKey != "UPDATED_AT" or reverse or not 0 < first <= MOST:
                raise Broken(f"{first} by {sortKey} are not to be asked for")
            rows = [each for each in rows if indexed(each) >= self.since(query)]
            found = page(rows, first, after, [name, query])
            if found["shown"] > self.shown:
                raise Broken(f"{found['shown']} records of one list are not shown")
            return {**found, "nodes": [self.shaped(name, each["id"]) for each in found["nodes"]]}

        return listed

    def since(self, query):
        if query is None:
            return ""
        (told,) = SINCE.fullmatch(query).groups()
        return told[:10] if self.whole_days else told

    def shaped(self, name, identity):
        record = self.records[name].get(identity)
        inner = {"products": "variants", "orders": "lineItems"}.get(name)
        if record is None or inner is None:
            return record

        def listed(info, first=None, after=None, **_):
            if first is None:
                return edges(record[inner])
            if not 0 < first <= MOST:
                raise Broken(f"{first} are not to be asked for")
            return page(record[inner], first, after, [identity])

        return {**record, inner: listed}

    def erased(self, info, customerId):  # noqa: N803
        if self.records["customers"].pop(customerId, None):
            return {"customerId": customerId, "userErrors": []}
        fault = {"field": ["customerId"], "code": "DOES_NOT_EXIST", "message": "Customer does not exist"}
        return {"customerId": None, "userErrors": [fault]}


def refused(words, code="ACCESS_DENIED", **more):
    return {"errors": [{"message": words, "extensions": {"code": code, **more}}]}
