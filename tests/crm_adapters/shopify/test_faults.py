"""When Shopify fails, refuses or wants no more calls, nothing is lost, and the token is told nowhere."""

import json
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crm_adapters.base import FieldUpdate
from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.http.client import PATIENCE_SECONDS
from crm_adapters.http.waiting import LONGEST_PAUSE
from crm_adapters.records import Stream
from tests.crm_adapters.shopify.fake import TOKEN
from tests.crm_adapters.shopify.world import line

CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def filled(world):
    for number in range(30):
        world.customer(f"{number:02}", THEN - timedelta(hours=1, seconds=-number))
    return world


KNOWN = [f"{number:02}" for number in range(30)]


def ids(adapter, since=None):
    return [one for page in adapter.pull(CUSTOMERS, since) for one in page.rows["id"].to_pylist()]


def failing(code, message="Oops"):
    told = {"errors": [{"message": message, "extensions": {"code": code} if code else {}}]}
    return lambda request, answer: httpx.Response(200, json=told)


def test_check_tells_the_shop_its_clock_and_the_version_that_answers(world, fake):
    fake.skew = 7
    health = world.open().check()
    assert (health.account, health.api_version) == ("Tea & Söhne (tea.myshopify.com)", "2026-10")
    assert health.clock_skew_seconds == 7


def test_check_says_when_a_later_version_answers_as_ours_has_expired(world, fake):
    fake.version = "2027-04"
    assert world.open().check().api_version == (
        "2027-04, as 2026-10 is no longer answered: time for a newer handpicked"
    )


def test_check_says_when_only_the_orders_of_60_days_are_seen(world, fake):
    fake.scopes.discard("read_all_orders")
    assert (
        world.open().check().account.endswith("; orders of the last 60 days only, as the token lacks read_all_orders")
    )


@pytest.mark.parametrize("scope", ["write_customers", "read_products", "read_orders"])
def test_check_names_a_scope_that_is_missing(world, fake, scope):
    fake.scopes.discard(scope)
    with pytest.raises(Denied, match=rf"the token lacks .*{scope}.*; give the app these scopes"):
        world.open().check()


@pytest.mark.parametrize(
    ("scope", "ask"),
    [
        ("write_customers", ids),
        ("read_orders", lambda adapter: list(adapter.pull(ORDERS, None))),
        ("write_customers", lambda adapter: list(adapter.push([FieldUpdate("1", {"pick": "Tea"})]))),
        ("write_customer_data_erasure", lambda adapter: list(adapter.erase(["1"]))),
    ],
)
def test_a_scope_that_is_missing_is_told_in_shopifys_words(world, fake, scope, ask):
    fake.scopes.discard(scope)
    with pytest.raises(Denied, match=r"Required access: `\w+` access scope.*; give the app that scope"):
        ask(world.open())


def test_a_wrong_token_is_denied(filled, fake):
    with pytest.raises(Denied, match="check the connection's token") as denied:
        ids(filled.open(token="shpat_wrong_secret"))
    assert "shpat_wrong_secret" not in str(denied.value)
    assert len(fake.requests) == 1


def test_it_calls_no_sooner_than_its_points_have_come_back(filled, fake, clock):
    """After the first answers it knows what a page costs, and is not refused once."""
    fake.maximum = fake.left = 100.0
    fake.restored = 10.0
    adapter = filled.open()
    assert ids(adapter) == KNOWN
    calls, start = len(fake.requests), clock.now()
    for _ in range(5):
        assert ids(adapter) == KNOWN
    spent = 5 * (3 * 42 + 1)
    assert len(fake.requests) - calls == 5 * 4
    assert spent - 100 <= (clock.now() - start) * 10 <= spent + 1


def test_throttled_with_status_200_it_waits_as_long_as_the_points_need(filled, fake, clock):
    fake.left = 2.0
    assert ids(filled.open()) == KNOWN
    assert 40 / 50 <= sum(clock.waits) < 10
    refused = len(fake.asked("UPDATED_AT")) - 3
    assert refused <= 1


@pytest.mark.parametrize("code", ["THROTTLED", None])
def test_throttled_without_a_word_of_points_it_waits_all_the_same(filled, fake, clock, code):
    fake.troubles = [None, failing(code, "Throttled"), failing(code, "Throttled")]
    assert ids(filled.open()) == KNOWN
    first, second = clock.waits[:2]
    assert 0.5 <= first <= 1 <= second <= 2


def test_throttled_for_ever_is_given_up(filled, fake, clock):
    fake.troubles = [failing("THROTTLED", "Throttled")] * 1_000
    with pytest.raises(Unreachable, match="can't be used now: Throttled; nothing is lost"):
        ids(filled.open())
    assert PATIENCE_SECONDS <= sum(clock.waits) <= PATIENCE_SECONDS + 2 * LONGEST_PAUSE


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT"])
def test_a_failure_with_status_200_is_tried_again_and_in_the_end_told(filled, fake, code):
    fake.troubles = [failing(code), failing(code)]
    assert ids(filled.open()) == KNOWN
    fake.troubles = [failing(code)] * 50
    with pytest.raises(Unreachable, match="Oops"):
        ids(filled.open())
    assert len(fake.troubles) == 42


def test_after_429_it_waits_as_long_as_it_is_told(filled, fake, clock):
    fake.troubles = [None, lambda *_: httpx.Response(429, headers={"retry-after": "11"}, json={"errors": "slow"})]
    assert ids(filled.open()) == KNOWN
    assert sum(clock.waits) == 11


def test_a_question_that_shopify_does_not_know_is_told_with_its_words(filled, fake):
    fake.troubles = [failing("undefinedField", "Field 'x' doesn't exist on type 'Shop'")]
    with pytest.raises(BadSource, match=r"Field 'x' doesn't exist.*version 2026-10"):
        ids(filled.open())


def test_a_page_of_one_that_is_too_dear_is_told(filled, fake):
    fake.troubles = [None, *[failing("MAX_COST_EXCEEDED", "Query cost is 2000")] * 20]
    with pytest.raises(BadSource, match="Query cost is 2000"):
        ids(filled.open())
    assert [each["first"] for each in fake.asked("UPDATED_AT")] == []
    assert len(fake.requests) == 5


@pytest.mark.parametrize(
    "given",
    [
        {"status_code": 200, "content": b'{"data": {"customers": {"no'},
        {"status_code": 200, "html": "<h1>Be right back</h1>"},
        {"status_code": 502, "html": "<h1>Bad gateway</h1>"},
    ],
)
def test_json_cut_short_and_pages_of_proxies_are_asked_for_again_and_in_the_end_told(filled, fake, given):
    fake.troubles = [None, None, lambda *_: httpx.Response(**given)]
    assert ids(filled.open()) == KNOWN
    pages = filled.open().pull(CUSTOMERS, None)
    first = next(pages)
    fake.troubles = [lambda *_: httpx.Response(**given)] * 50
    with pytest.raises(Unreachable, match="try again later"):
        list(pages)
    fake.troubles = []
    assert [*first.rows["id"].to_pylist(), *ids(filled.open(), first.cursor)] == KNOWN


@pytest.mark.parametrize("data", [{"shop": 1}, {"customers": 7}, {"customers": None, "x": 1}])
def test_an_answer_of_another_form_is_told(filled, fake, data):
    fake.troubles = [None, lambda *_: httpx.Response(200, json={"data": data})]
    with pytest.raises(BadSource, match="Shopify's answer has no customers; check the connection's url"):
        ids(filled.open())


def test_a_check_that_is_answered_in_another_form_is_told(world, fake):
    for data, name in (({"x": 1}, "shop"), ({"shop": {"name": "Tea"}}, "currentAppInstallation")):
        fake.troubles = [lambda *_, data=data: httpx.Response(200, json={"data": data})]
        with pytest.raises(BadSource, match=f"has no {name}"):
            world.open().check()


def test_the_token_is_in_no_log_error_result_or_repr(filled, fake, caplog):
    caplog.set_level(logging.DEBUG)
    adapter, told = filled.open(bulk_from=0), []
    assert ids(adapter)
    for code, error in (("undefinedField", BadSource), ("ACCESS_DENIED", Denied)):
        fake.troubles = [failing(code, f"who is {TOKEN}?")]
        with pytest.raises(error) as refused:
            ids(adapter)
        told.append(str(refused.value))
    fault = {"code": "INVALID", "message": f"{TOKEN} is none", "elementIndex": 0, "field": None}
    answer = {"data": {"metafieldsSet": {"userErrors": [fault]}}}
    fake.troubles = [None, lambda *_: httpx.Response(200, json=answer)]
    told += [result.message for result in adapter.push([FieldUpdate("1", {"pick": "Tea"})])]
    told += [repr(adapter), caplog.text]
    assert "POST tea.myshopify.com/admin/api/2026-10/graphql.json: 200" in caplog.text
    assert all(TOKEN not in words and "signed" not in words for words in told)
    assert sum("***" in words for words in told) == 3


def test_an_order_comes_with_all_its_lines_or_not_at_all(world, fake):
    world.order("9", THEN, lineItems=[line(number, "3") for number in range(1, 30)])
    fake.troubles = [None, None, *[lambda *_: httpx.Response(502)] * 50]
    with pytest.raises(Unreachable):
        list(world.open().pull(ORDERS, None))


def changing(change):
    """Answers as usual, with something changed within."""

    def changed(request, answer):
        told = json.loads(answer(request).content)
        change(told)
        return httpx.Response(200, json=told)

    return changed


def first(told):
    return next(iter(told["data"].values()))["nodes"][0]


@pytest.mark.parametrize(
    ("stream", "calls", "change"),
    [
        (CUSTOMERS, 0, lambda told: told.update(extensions=["x"])),
        (CUSTOMERS, 0, lambda told: told["data"]["counted"].pop("count")),
        (CUSTOMERS, 1, lambda told: told["data"]["customers"].pop("pageInfo")),
        (CUSTOMERS, 1, lambda told: first(told).update(id=["1"])),
        (PRODUCTS, 1, lambda told: first(told).update(variants=["Tea"])),
        (PRODUCTS, 1, lambda told: first(told).update(priceRangeV2="1.50")),
        (ORDERS, 1, lambda told: first(told)["lineItems"].update(nodes="Tea")),
        (ORDERS, 1, lambda told: first(told)["lineItems"]["nodes"][0].pop("quantity")),
    ],
)
def test_a_record_of_another_form_is_told(world, fake, stream, calls, change):
    world.customer("1", THEN)
    world.product("3", THEN)
    world.order("9", THEN, lineItems=[line(1, "3")])
    fake.troubles = [*[None] * calls, changing(change)]
    with pytest.raises(BadSource, match=r"Shopify answers in another form than expected: .*; see whether"):
        list(world.open().pull(stream, None))


@pytest.mark.parametrize("change", [lambda told: told["data"]["metafieldsSet"].update(userErrors=[{"x": 1}])])
def test_a_push_that_is_answered_in_another_form_says_of_nobody_that_it_was_written(filled, fake, change):
    fake.troubles = [None, changing(change)]
    with pytest.raises(BadSource, match="Shopify answers in another form than expected: it lacks"):
        list(filled.open().push([FieldUpdate("1", {"pick": "Tea"})]))


@pytest.mark.parametrize("given", [{"html": "<h1>Sign in</h1>"}, {"status_code": 502, "html": "<h1>Bad gateway</h1>"}])
def test_a_push_whose_answer_is_broken_is_sent_again_and_in_the_end_told(filled, fake, given):
    broken = lambda *_: httpx.Response(**{"status_code": 200, **given})  # noqa: E731
    fake.troubles = [None, broken]
    assert [each.status for each in filled.open().push([FieldUpdate("01", {"pick": "Tea"})])] == ["sent"]
    fake.troubles = [None, *[broken] * 50]
    with pytest.raises(Unreachable, match="try again later"):
        list(filled.open().push([FieldUpdate("01", {"pick": "Tea"})]))
