"""A small WooCommerce that remembers.

Its records have the keys of the examples in WooCommerce's reference. How it behaves beyond them is as in the source of
its controllers (read, not run): dates in questions go through the shop's zone, `modified` sorts by time and id, null
takes metadata away, keys that begin with _ are passed over, a batch answers for each record. Variations, refunds,
categories, the currency and the words of refusals are as documented by WooCommerce on other pages of the reference than
those kept in `specs`, or from memory of it, not run against a shop.
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import httpx

from tests.crm_adapters.woocommerce import docs

KEY, SECRET = "ck_5ec2e7000000000000000000000000000000key1", "cs_5ec2e70000000000000000000000000000secret"
DATE = "Mon, 05 Jan 2026 10:00:07 GMT"
BY = {
    "customers": ("id", "include", "name", "registered_date"),
    "orders": ("date", "id", "include", "title", "slug", "modified"),
}
BY["products"] = (*BY["orders"], "price", "popularity", "rating", "menu_order")
VARIATION = """
    id date_created date_created_gmt date_modified date_modified_gmt description permalink sku price regular_price
    sale_price date_on_sale_from date_on_sale_from_gmt date_on_sale_to date_on_sale_to_gmt on_sale status
    purchasable virtual downloadable downloads download_limit download_expiry tax_status tax_class manage_stock
    stock_quantity stock_status backorders backorders_allowed backordered weight dimensions shipping_class
    shipping_class_id image attributes menu_order meta_data _links
""".split()  # noqa: SIM905


class Refusal(Exception):
    """What is answered instead of a good answer."""

    def __init__(self, status, code, message):
        super().__init__(code)
        self.status, self.told = status, {"code": code, "message": message, "data": {"status": status}}


def moment(value):
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Shop:
    """All that a shop holds, and how it answers."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.zone = UTC
        self.held = {"customers": {}, "orders": {}, "products": {}}
        self.variations, self.refunds, self.categories = {}, {}, {}
        self.rights, self.role, self.sees_key = "read_write", "shop_manager", True
        self.batch_limit, self.next_meta = 100, 1000
        self.tells_totals, self.caches, self.sorts_by_own_clock, self.hides = True, False, False, set()
        self.bad = {}  # customers that can't be written -> code, message, status
        self.drops = set()  # metadata that a plugin drops on the way
        self.before = []  # called before the next answers, one each: something happens in the shop meanwhile
        self.troubles = []  # called instead of the next answers, one each; what they give is answered
        self.requests = []

    def stamped(self, at, name="date_modified"):
        """A time, as the shop shows it: in its own zone, and in UTC without saying so."""
        there = moment(at).astimezone(self.zone)
        return {name: plain(there), f"{name}_gmt": plain(moment(at).astimezone(UTC))}

    def put(self, kind, identity, updated, created="2025-01-01T00:00:00+00:00", meta=None, **more):
        own = docs.example(kind)
        before = self.held[kind].get(identity, {})
        own |= {"id": identity, "meta_data": before.get("meta_data", [])}
        own |= self.stamped(updated) | self.stamped(created, "date_created")
        for name, value in more.items():
            own[name] = {**own[name], **value} if isinstance(own[name], dict) else value
        self.held[kind][identity] = own
        for key, value in (meta or {}).items():
            self._set_meta(own, key, value)
        return own

    def vary(self, product, identity, **more):
        """A variation of a product."""
        parent = self.held["products"][product]
        own = {name: parent[name] for name in VARIATION if name in parent} | {"id": identity, "image": None}
        own |= {"sku": "", "attributes": [{"id": 6, "name": "Color", "option": "Black"}], "status": "publish", **more}
        self.variations.setdefault(product, {})[identity] = {name: own[name] for name in VARIATION}
        parent["variations"] = sorted(self.variations[product])

    def refund(self, order, identity, returned, amount="1.00"):
        """Money back for pieces of some lines: their ids -> how many."""
        own = self.held["orders"][order]
        own["refunds"] = [*own["refunds"], {"id": identity, "reason": "", "total": f"-{amount}"}]
        lines = [
            {**line, "id": 900 + line["id"], "quantity": -returned[line["id"]], "meta_data": [about(line)]}
            for line in own["line_items"]
            if line["id"] in returned
        ]
        told = {"id": identity, "amount": amount, "reason": "", "refunded_by": 1, "refunded_payment": False}
        self.refunds.setdefault(order, {})[identity] = {**told, "meta_data": [], "line_items": lines, "_links": {}}

    def calls(self, path=""):
        return [(method, where) for method, where, _, _ in self.requests if path in where]

    def asked(self, path):
        return [params for _, where, params, _ in self.requests if where == path]

    def bodies(self):
        return [body for _, _, _, body in self.requests if body]

    def transport(self):
        return httpx.MockTransport(self.handled)

    def handled(self, request):
        body = json.loads(request.content) if request.content else None
        path = request.url.path.partition("/wp-json/wc/v3/")[2]
        self.requests.append((request.method, path, dict(request.url.params), body))
        if self.before and (happen := self.before.pop(0)) is not None:
            happen()
        try:
            if self.troubles and (given := self.troubles.pop(0)) is not None:
                given = given(lambda: self._answer(request, path, body))
                if given is not None:
                    return given
            return self._answer(request, path, body)
        except Refusal as refusal:
            return answered(refusal.told, refusal.status)

    def _answer(self, request, path, body):
        self._let_in(request)
        for pattern, name in ROUTES:
            if found := re.fullmatch(pattern, f"{request.method} {path}"):
                return getattr(self, name)(dict(request.url.params), body, **found.groupdict())
        raise Refusal(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _let_in(self, request):
        given = request.headers.get("authorization", "")
        reads = request.method == "GET"
        if not self.sees_key:
            word = "list" if reads else "batch manipulate"
            raise Refusal(401, "woocommerce_rest_cannot_view", f"Sorry, you cannot {word} resources.")
        if given != f"Basic {base64.b64encode(f'{KEY}:{SECRET}'.encode()).decode()}":
            raise Refusal(401, "woocommerce_rest_authentication_error", "Consumer key is invalid.")
        if self.rights == "read" and not reads:
            words = "The API key provided does not have write permissions."
            raise Refusal(401, "woocommerce_rest_authentication_error", words)
        if self.role != "shop_manager":
            raise Refusal(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")

    def listed(self, params, body, kind):
        found = [each for each in self.held[kind].values() if self._fits(kind, each, params)]
        by = params.get("orderby", "name" if kind == "customers" else "date")
        if by not in BY[kind]:
            raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): orderby")
        found.sort(key=lambda each: self._place(each, by))
        if params.get("order", "asc" if kind == "customers" else "desc") == "desc":
            found.reverse()
        return self._page(found, params)

    def _fits(self, kind, told, params):
        if kind == "customers":
            return params.get("role", "customer") in ("all", told["role"])
        status = params.get("status", "any")
        in_state = told["status"] == status or (status == "any" and told["status"] != "trash")
        return in_state and self._is_after(told, params)

    def _is_after(self, told, params):
        """Strictly, as text; a time with a zone is turned into the shop's first, whatever it is held against."""
        if "modified_after" not in params:
            return True
        at = datetime.fromisoformat(params["modified_after"])
        at = at.astimezone(self.zone) if at.tzinfo else at
        return told["date_modified" + "_gmt" * (params.get("dates_are_gmt") == "true")] > plain(at)

    def _place(self, told, by):
        own = "date_modified" if self.sorts_by_own_clock else "date_modified_gmt"
        name = {"modified": own, "registered_date": "date_created_gmt", "date": "date_created_gmt"}.get(by, by)
        return told.get(name) or "", told["id"]

    def _page(self, found, params):
        size = int(params.get("per_page", 10))
        if not 1 <= size <= 100:
            raise Refusal(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        start = 0 if self.caches else int(params.get("offset") or (int(params.get("page", 1)) - 1) * size)
        some = [each for each in found[start : start + size] if each["id"] not in self.hides]
        pages = -(-len(found) // size)
        totals = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)} if self.tells_totals else {}
        return answered(some, headers=totals)

    def under(self, params, body, kind, number, part):
        within = {"variations": self.variations, "refunds": self.refunds}[part]
        if int(number) not in self.held[kind]:
            raise Refusal(404, f"woocommerce_rest_{kind[:-1]}_invalid_id", "Invalid ID.")
        return self._page([each for _, each in sorted(within.get(int(number), {}).items())], params)

    def all_categories(self, params, body):
        return self._page(list(self.categories.values()), {k: v for k, v in params.items() if k != "offset"})

    def currency(self, params, body):
        return answered({"code": "USD", "name": "United States (US) dollar", "symbol": "$", "_links": {}})

    def batch(self, params, body):
        if len(body["update"]) > self.batch_limit:
            words = f"Unable to accept more than {self.batch_limit} items for this request."
            raise Refusal(413, "woocommerce_rest_request_entity_too_large", words)
        return answered({"update": [self._updated(item) for item in body["update"]]})

    def _updated(self, item):
        own = self.held["customers"].get(item["id"])
        if own is None or item["id"] in self.bad:
            code, message, status = self.bad.get(
                item["id"], ("woocommerce_rest_invalid_id", "Invalid resource ID.", 400)
            )
            return {"id": item["id"], "error": {"code": code, "message": message, "data": {"status": status}}}
        for meta in item["meta_data"]:
            if not meta["key"].startswith("_") and meta["key"] not in self.drops:
                self._set_meta(own, meta["key"], meta["value"])
        own |= self.stamped(datetime.now(UTC))
        return own

    def _set_meta(self, own, key, value):
        """By its key; what is kept is text."""
        kept = [each for each in own["meta_data"] if each["key"] != key]
        if value is not None:
            self.next_meta += 1
            text = value if isinstance(value, str | list | dict) else str(value)
            kept.append({"id": self.next_meta, "key": key, "value": text})
        own["meta_data"] = kept

    def deleted(self, params, body, number):
        own = self.held["customers"].get(int(number))
        if params.get("force") != "true":
            raise Refusal(501, "woocommerce_rest_trash_not_supported", "Customers do not support trashing.")
        if own is None:
            raise Refusal(404, "wc_user_invalid_id", "Invalid user ID.")
        if own["role"] != "customer":
            words = f"Sorry, users with {own['role']} role cannot be deleted via this endpoint."
            raise Refusal(403, "woocommerce_rest_cannot_delete", words)
        return answered(self.held["customers"].pop(int(number)))


ROUTES = [
    (r"GET (?P<kind>customers|orders|products)", "listed"),
    (r"GET (?P<kind>orders|products)/(?P<number>\d+)/(?P<part>variations|refunds)", "under"),
    (r"GET products/categories", "all_categories"),
    (r"GET data/currencies/current", "currency"),
    (r"POST customers/batch", "batch"),
    (r"DELETE customers/(?P<number>\d+)", "deleted"),
]


def answered(told, status=200, headers=()):
    kind = {"date": DATE, "content-type": "application/json; charset=UTF-8"}
    return httpx.Response(status, headers={**kind, **dict(headers)}, content=json.dumps(told).encode())


def page(status=200, words="Be right back"):
    """What a plugin shows to people, in the place of the API."""
    return httpx.Response(status, headers={"content-type": "text/html"}, content=f"<html>{words}</html>".encode())


def plain(at):
    return at.replace(tzinfo=None).isoformat(timespec="seconds")


def about(line):
    return {"id": 2076, "key": "_refunded_item_id", "value": str(line["id"])}


def line_item(identity, product=93, variation=0, quantity=1, total="1.50", tax="0.00", name="Tea"):
    own = docs.example("orders")["line_items"][0]
    sums = {"quantity": quantity, "total": total, "total_tax": tax, "subtotal": "99.00"}
    return {**own, "id": identity, "name": name, "product_id": product, "variation_id": variation, **sums}


def hours(number):
    return timezone(timedelta(hours=number))
