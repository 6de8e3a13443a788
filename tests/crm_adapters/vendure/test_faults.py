"""What a Vendure answers wrongly; a real one can't be made to, so a small transport of three records plays it."""

import json

import httpx
import pytest

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import BadCursor, BadSource, Denied, Unreachable
from crm_adapters.records import Stream
from crm_adapters.vendure.adapter import MOST_BEGUN, Vendure
from tests.crm_adapters.clock import Clock

CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
every_stream = pytest.mark.parametrize("stream", [CUSTOMERS, PRODUCTS, ORDERS])
LOGIN = {"login": {"__typename": "CurrentUser"}}
FIELD = {"name": "pick", "type": "string", "readonly": False, "length": 255}
FIELDS = {"serverConfig": {"entityCustomFields": [{"entityName": "Customer", "customFields": [FIELD]}]}}
BROKEN = {
    "cut short": {"status_code": 200, "content": b'{"data": {"customers": {"it'},
    "html": {"status_code": 200, "html": "<h1>Be right back</h1>"},
    "502": {"status_code": 502, "html": "<h1>Bad gateway</h1>"},
}
broken = pytest.mark.parametrize("given", BROKEN.values(), ids=BROKEN)


def record(number):
    """One that may stand in any of the three lists."""
    line = {"id": str(number), "quantity": 1, "orderPlacedQuantity": 1, "proratedUnitPriceWithTax": 150}
    product = {"slug": str(number), "name": "Tea", "enabled": True, "collections": [], "facetValues": []}
    order = {"code": str(number), "state": "PaymentSettled", "orderPlacedAt": "2026-01-05T10:00:00Z", "payments": []}
    own = {"id": str(number), "updatedAt": f"2026-01-05T10:{number * 7:02}:00.000Z"}
    variant = {"sku": "t", "priceWithTax": 150, "currencyCode": "EUR", "stockLevel": "IN_STOCK", "enabled": True}
    more = {"emailAddress": f"{number}@example.com", "currencyCode": "EUR", "variants": [variant], "lines": [line]}
    return {**product, **order, **own, **more, "customer": {"id": "1"}}


class Fake:
    """Answers requests; `spoil` is given each answer's data but that of a login, and may give another answer."""

    def __init__(self):
        self.records, self.asked, self.user, self.spoil = [record(number) for number in (1, 2, 3)], [], "u", None

    def __call__(self, request):
        told = json.loads(request.content)
        self.asked.append(told["query"])
        if "login" in told["query"]:
            known = told["variables"]["user"] == self.user
            data = LOGIN if known else {"login": {"__typename": "InvalidCredentialsError", "message": "Wrong."}}
            return answered(data, {"vendure-auth-token": "t0ken"})
        data = self.data(told)
        instead = self.spoil(data) if self.spoil else None
        return instead if isinstance(instead, httpx.Response) else answered(data)

    def data(self, told):
        if "globalSettings" in told["query"]:
            return {"globalSettings": json.loads(json.dumps(FIELDS))}
        if "updateCustomer" in told["query"]:
            return {name: {"__typename": "Customer"} for name in told["variables"]}
        options = told["variables"]["options"]
        since = (options["filter"].get("updatedAt") or {}).get("after", "")
        found = [each for each in self.records if each["updatedAt"] > since]
        some = found[options["skip"] :][: options["take"]]
        name = told["query"].partition("{ ")[2].partition("(")[0]
        return {name: {"totalItems": len(found), "items": json.loads(json.dumps(some))}}

    def open(self, user="u", records=1):
        transport = httpx.MockTransport(self)
        return Vendure(
            "https://shop.example.com", user, "p4ss", page_records=records, transport=transport, clock=Clock()
        )


def answered(data, headers=None):
    return httpx.Response(200, json={"data": data}, headers=headers)


def faulty(message, code):
    return httpx.Response(200, json={"errors": [{"message": message, "extensions": {"code": code}}], "data": None})


def ids(pages, stream):
    return [one for page in pages for one in page.rows["order_id" if stream is ORDERS else "id"].to_pylist()]


def sent(adapter):
    return [result.status for result in adapter.push([FieldUpdate("1", {"pick": "Tea"})])]


@pytest.fixture
def fake():
    return Fake()


def once(spoil):
    """Spoils one answer."""
    left = [spoil]
    return lambda data: left.pop()(data) if left else None


@broken
@every_stream
def test_what_is_broken_is_asked_for_again_and_in_the_end_told_and_nothing_is_lost(fake, stream, given):
    whole = ids(fake.open().pull(stream, None), stream)
    assert len(whole) == 3
    fake.spoil = once(lambda _: httpx.Response(**given))
    assert ids(fake.open().pull(stream, None), stream) == whole
    pages = fake.open().pull(stream, None)
    fake.spoil = None
    first = next(pages)
    fake.spoil = lambda _: httpx.Response(**given)
    with pytest.raises(Unreachable, match="try again later"):
        list(pages)
    fake.spoil = None
    rest = ids(fake.open().pull(stream, first.cursor), stream)
    assert rest == (whole if stream is PRODUCTS else whole[1:])  # products come whole each time


@broken
def test_a_push_whose_answer_is_broken_is_sent_again_and_in_the_end_told(fake, given):
    adapter = fake.open()
    adapter.fields()
    fake.spoil = once(lambda _: httpx.Response(**given))
    assert sent(adapter) == ["sent"]
    fake.spoil = lambda _: httpx.Response(**given)
    with pytest.raises(Unreachable, match="try again later"):
        sent(adapter)


@pytest.mark.parametrize(
    "ask", [sent, *(lambda adapter, s=s: list(adapter.pull(s, None)) for s in (CUSTOMERS, ORDERS))]
)
def test_a_wrong_user_is_denied(fake, ask):
    with pytest.raises(Denied, match=r"does not know the user: Wrong\.; check user and password"):
        ask(fake.open(user="who"))
    assert len(fake.asked) == 1


@every_stream
def test_a_permission_that_is_missing_is_denied_after_one_more_login(fake, stream):
    fake.spoil = lambda _: faulty("You are not allowed.", "FORBIDDEN")
    with pytest.raises(Denied, match=r"You are not allowed\.; give the user's role the permission"):
        list(fake.open().pull(stream, None))
    assert sum("login" in each for each in fake.asked) == 2


def test_a_session_that_ends_amid_a_pull_is_begun_anew(fake):
    pages = fake.open().pull(CUSTOMERS, None)
    first = next(pages)
    fake.spoil = once(lambda _: faulty("You are not allowed.", "FORBIDDEN"))
    assert ids([first, *pages], CUSTOMERS) == ["1", "2", "3"]


@every_stream
def test_a_field_that_vanishes_is_told_in_vendures_words(fake, stream):
    words = 'Cannot query field "title" on type "Product".'
    fake.spoil = lambda _: faulty(words, "GRAPHQL_VALIDATION_FAILED")
    with pytest.raises(BadSource, match=f"{words}; check the fields that the mapping names"):
        list(fake.open().pull(stream, None))


@pytest.mark.parametrize(
    ("stream", "spoil"),
    [
        (CUSTOMERS, lambda data: data.update(customers=["x"])),
        (CUSTOMERS, lambda data: data["customers"].update(totalItems="many")),
        (CUSTOMERS, lambda data: data["customers"]["items"][0].pop("id")),
        (CUSTOMERS, lambda data: data["customers"]["items"][0].update(updatedAt=[1])),
        (CUSTOMERS, lambda data: data["customers"]["items"][0].update(addresses="here")),
        (PRODUCTS, lambda data: data["products"].pop("items")),
        (PRODUCTS, lambda data: data["products"]["items"][0].pop("variants")),
        (PRODUCTS, lambda data: data["products"]["items"][0].update(facetValues=[1])),
        (ORDERS, lambda data: data["orders"]["items"][0].update(lines="Tea")),
        (ORDERS, lambda data: data["orders"]["items"][0].update(payments=[{"refunds": None}])),
    ],
)
def test_an_answer_of_another_form_is_told(fake, stream, spoil):
    fake.spoil = spoil
    with pytest.raises(BadSource, match=r"Vendure answers in another form than expected: .*; see whether"):
        list(fake.open().pull(stream, None))


@pytest.mark.parametrize(
    "spoil", [lambda data: data.clear() or data.update(x=1), lambda data: data.update(globalSettings=[], c0=7)]
)
@pytest.mark.parametrize("is_known", [False, True], ids=["fields", "write"])
def test_a_push_that_is_answered_in_another_form_says_of_nobody_that_it_was_written(fake, is_known, spoil):
    adapter = fake.open()
    if is_known:
        adapter.fields()
    fake.spoil = spoil
    with pytest.raises(BadSource, match="another form than expected"):
        sent(adapter)


@pytest.mark.parametrize("cursor", ["x", "[]", "{}", '{"v": 2}'])
@pytest.mark.parametrize("stream", [CUSTOMERS, ORDERS])
def test_a_damaged_cursor_is_refused(fake, stream, cursor):
    with pytest.raises(BadCursor, match="--full"):
        list(fake.open().pull(stream, cursor))


@every_stream
@pytest.mark.parametrize("shown", [0, 1, 3])
def test_a_shop_that_counts_more_than_it_shows_is_told(fake, stream, shown):
    del fake.records[shown:]
    fake.spoil = lambda data: next(iter(data.values())).update(totalItems=900)
    with pytest.raises(BadSource, match=rf"Vendure counts 900 {stream}, and shows \d of them; try again later"):
        list(fake.open().pull(stream, None))
    assert len(fake.asked) <= (MOST_BEGUN + 2) * (shown + 2)


def test_a_record_that_comes_again_and_again_is_told(fake):
    del fake.records[1:]
    fake.data = lambda told: {"customers": {"totalItems": 900, "items": [record(1)]}}
    with pytest.raises(BadSource, match="try again later"):
        list(fake.open().pull(CUSTOMERS, None))
