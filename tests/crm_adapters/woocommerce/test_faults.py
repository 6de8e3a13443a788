"""When the shop fails, refuses or shows something else, nothing is lost, and the key is told nowhere."""

import base64
import json
import logging
from datetime import UTC, datetime

import httpx
import pytest

from crm_adapters.base import FieldUpdate, System
from crm_adapters.errors import BadSource, Denied, SourceMissing, Unreachable
from crm_adapters.records import Stream
from crm_adapters.woocommerce.adapter import WooCommerce
from tests.crm_adapters.woocommerce.fake import KEY, SECRET, answered, page

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CUSTOMERS, PRODUCTS, ORDERS = Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS
ASKED = [
    lambda adapter: adapter.check(),
    lambda adapter: list(adapter.pull(CUSTOMERS, None)),
    lambda adapter: list(adapter.pull(ORDERS, None)),
    lambda adapter: list(adapter.push([FieldUpdate("1", {"pick": "Tea"})])),
    lambda adapter: list(adapter.erase(["1"])),
    lambda adapter: adapter.fields(),
]


@pytest.fixture
def filled(shop):
    for number in range(1, 10):
        shop.put("customers", number, THEN)
    return shop


def ids(adapter, since=None):
    return [int(one) for found in adapter.pull(CUSTOMERS, since) for one in found.rows["id"].to_pylist()]


def refusing(status, code="some_code", message="No.", headers=()):
    return lambda _: answered({"code": code, "message": message, "data": {"status": status}}, status, headers)


def test_the_adapter_is_a_system(opened):
    assert isinstance(opened(), System)


def test_check_tells_shop_currency_version_and_how_far_its_clock_is_ahead(filled, opened):
    health = opened().check()
    assert (health.account, health.api_version) == ("shop.example.com, prices in USD", "wc/v3")
    assert health.clock_skew_seconds == 7
    assert [path for _, path in filled.calls()] == ["customers", "data/currencies/current"]


def test_a_shop_may_be_in_a_folder_of_its_host(filled, opened):
    assert len(ids(opened(url="https://example.com/shop/"))) == 9


@pytest.mark.parametrize("told", [None, {"address": "a@example.com"}], ids=["vanishes", "changes_type"])
def test_a_field_that_drifts_is_named_and_nothing_is_overwritten(filled, opened, told):
    def drifted(usual):
        found = [{name: one for name, one in each.items() if name != "email"} for each in json.loads(usual().content)]
        more = {"email": told} if told else {}
        headers = {"x-wp-total": "9", "x-wp-totalpages": "1"}
        return httpx.Response(200, json=[each | more for each in found], headers=headers)

    filled.troubles = [drifted]
    with pytest.raises(SourceMissing, match="WooCommerce tells no 'email' of customers, or no plain value of it; see"):
        ids(opened(transport=filled.transport()))  # the witness would not let such an answer through
    assert len(ids(opened())) == 9


@pytest.mark.parametrize("url", ["http://shop.example.com", "http://10.0.0.1", "http://localhost.example.com"])
def test_a_key_goes_nowhere_without_encryption(url):
    with pytest.raises(BadSource, match=r"begins with http: .*; write it with https"):
        WooCommerce(url, KEY, SECRET)


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:81", "https://a.example"])
def test_a_shop_on_this_machine_may_be_called_without(url):
    assert WooCommerce(url, KEY, SECRET).name == "woocommerce"


def test_what_is_no_url_is_told():
    with pytest.raises(BadSource, match="the url of WooCommerce is none"):
        WooCommerce("shop.example.com", KEY, SECRET)


@pytest.mark.parametrize("ask", ASKED)
def test_a_wrong_key_is_denied_at_once_with_the_place_to_look(filled, opened, ask):
    with pytest.raises(Denied, match=r"401: Consumer key is invalid.; check the connection's user .*REST API"):
        ask(opened(secret="cs_wrong"))
    assert len(filled.requests) == 1


def test_a_key_that_may_only_read_is_told_what_it_lacks(filled, opened):
    filled.rights = "read"
    assert len(ids(opened())) == 9
    for write in ASKED[3:5]:
        with pytest.raises(Denied, match=r"does not have write permissions.*; to write, it needs the right Read/Write"):
            write(opened())


@pytest.mark.parametrize("ask", ASKED)
def test_a_user_who_does_not_manage_the_shop_is_denied(filled, opened, ask):
    filled.role = "author"
    if ask is ASKED[4]:
        assert [one.status for one in ask(opened())] == ["rejected"]
        return
    with pytest.raises(Denied, match=r"403: Sorry, .*; give the key to a user who manages the shop"):
        ask(opened())


@pytest.mark.parametrize("ask", ASKED)
def test_a_web_server_that_keeps_the_key_back_is_told_apart_from_a_wrong_key(filled, opened, ask):
    filled.sees_key = False
    with pytest.raises(Denied, match=r"401: Sorry, you cannot .*; its web server keeps the key back: .*CGIPassAuth On"):
        ask(opened())


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(
    "answer",
    [lambda _: page(404, "Page not found"), refusing(404, "rest_no_route", "No route was found.")],
    ids=["page", "no route"],
)
def test_where_there_is_no_such_api_it_is_said_what_to_look_at(filled, opened, ask, answer):
    filled.troubles = [answer]
    with pytest.raises(BadSource, match=r"404: .*; check the connection's url; .*permalinks .*must not be plain"):
        ask(opened())
    assert len(filled.requests) == 1


@pytest.mark.parametrize("part", ["/refunds", "/variations"])
def test_a_shop_without_the_api_is_not_taken_for_an_order_without_refunds(filled, opened, part):
    filled.put("orders", 1, THEN)
    filled.refund(1, 101, {})
    filled.put("products", 1, THEN)
    filled.vary(1, 2)
    stream, calls = (ORDERS, 2) if part == "/refunds" else (PRODUCTS, 1)
    filled.troubles = [None] * calls + [lambda _: page(404)]
    with pytest.raises(BadSource, match="permalinks"):
        list(opened().pull(stream, None))
    assert filled.calls()[-1][1].endswith(part)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda answer: page(200, "Briefly unavailable for scheduled maintenance"),
        lambda answer: httpx.Response(200, content=answer().content[:-20]),
        lambda answer: httpx.Response(200, content=b"<br />\n<b>Warning</b>: Undefined array key" + answer().content),
    ],
    ids=["page of a plugin", "cut short", "warning before it"],
)
def test_what_is_no_json_is_asked_for_again_and_in_the_end_told(filled, opened, spoilt):
    filled.troubles = [spoilt, spoilt]
    assert ids(opened()) == list(range(1, 10))
    filled.troubles = [spoilt] * 50
    with pytest.raises(Unreachable, match=r"something else than JSON.*; a page stands in the way .*wp-json alone"):
        ids(opened())


def test_a_page_that_was_not_read_does_not_move_the_cursor(filled, opened):
    pages = opened(page_records=4).pull(CUSTOMERS, None)
    first = next(pages)
    filled.troubles = [lambda _: page()] * 50
    with pytest.raises(Unreachable):
        list(pages)
    filled.troubles = []
    assert [*map(int, first.rows["id"].to_pylist()), *ids(opened(), first.cursor)] == list(range(1, 10))


@pytest.mark.parametrize(
    "told", [{}, {"customers": []}, "hello", [1, 2], [{"email": "a@example.com"}], [{"id": "x"}], None]
)
def test_an_answer_of_another_form_is_told(filled, opened, told):
    filled.troubles = [lambda _: answered(told)] * 3
    with pytest.raises(BadSource, match="no list of records"):
        ids(opened(transport=filled.transport()))


def test_a_currency_that_is_not_told_is_missed(filled, opened):
    filled.troubles = [None, lambda _: answered([])]
    with pytest.raises(BadSource, match="does not tell its currency"):
        opened().check()


def test_a_shop_too_old_to_sort_by_change_says_so(filled, opened):
    filled.troubles = [refusing(400, "rest_invalid_param", "Invalid parameter(s): orderby")]
    with pytest.raises(BadSource, match=r"Invalid parameter\(s\): orderby; update WooCommerce"):
        list(opened().pull(ORDERS, None))


def test_after_429_it_waits_as_long_as_it_is_told(filled, opened, clock):
    filled.troubles = [refusing(429, headers={"retry-after": "11"})]
    assert len(ids(opened())) == 9
    assert sum(clock.waits) == 11


def test_after_429_without_a_time_it_waits_longer_each_time(filled, opened, clock):
    filled.troubles = [refusing(429), refusing(429)]
    assert len(ids(opened())) == 9
    first, second = clock.waits
    assert 0.5 <= first <= 1 <= second <= 2


def test_a_write_that_took_effect_and_failed_is_made_again_and_is_the_same(filled, opened):
    def after_it_took_effect(answer):
        answer()
        return page(500, "There has been a critical error on this website.")

    filled.troubles = [after_it_took_effect]
    (result,) = opened().push([FieldUpdate("1", {"pick": "Tea"})])
    assert result.status == "sent"
    assert [each["value"] for each in filled.held["customers"][1]["meta_data"]] == ["Tea"]
    assert len(filled.calls("batch")) == 2


def test_neither_key_nor_secret_is_in_a_log_error_result_or_repr(filled, opened, caplog):
    caplog.set_level(logging.DEBUG)
    hidden = (SECRET, KEY, base64.b64encode(f"{KEY}:{SECRET}".encode()).decode())
    adapter, told = opened(), []
    for trouble in (refusing(401, "x", " ".join(hidden)), refusing(400, "x", " ".join(hidden))):
        filled.troubles = [trouble]
        with pytest.raises((Denied, BadSource)) as refused:
            ids(adapter)
        told.append(str(refused.value))
    filled.troubles = [lambda _: page(502, " ".join(hidden))] * 9
    with pytest.raises(Unreachable) as unreachable:
        ids(opened())
    told.append(str(unreachable.value))
    filled.bad[1] = ("x", " ".join(hidden), 400)
    told += [one.message for one in adapter.push([FieldUpdate("1", {"pick": "Tea"})])]
    told += [repr(adapter), caplog.text]
    assert "GET shop.example.com/wp-json/wc/v3/customers" in caplog.text
    assert all(one not in words for words in told for one in hidden)
    assert sum("***" in words for words in told) >= 4


@pytest.mark.parametrize(
    ("stream", "change"),
    [
        (CUSTOMERS, {"meta_data": 7}),
        (PRODUCTS, {"images": {"src": "x"}}),
        (PRODUCTS, {"categories": ["Tea"]}),
        (ORDERS, {"line_items": ["Tea"]}),
        (ORDERS, {"date_modified_gmt": ["2026"]}),
    ],
)
def test_a_record_of_another_form_is_told(filled, opened, stream, change):
    def changed(usual):
        told = usual()
        return answered([each | change for each in json.loads(told.content)], headers={"x-wp-total": "1"})

    filled.put(str(stream), 1, THEN)
    filled.troubles = [changed] * 4
    with pytest.raises(BadSource, match=r"WooCommerce answers in another form than expected: .*; see whether"):
        list(opened(transport=filled.transport()).pull(stream, None))


@pytest.mark.parametrize("told", [{"update": ["x"]}, {"update": [{"email": "a@example.com"}]}])
def test_a_batch_that_is_answered_in_another_form_says_of_nobody_that_it_was_written(filled, opened, told):
    filled.troubles = [lambda _: answered(told)]
    with pytest.raises(BadSource, match="another form than expected"):
        list(opened(transport=filled.transport()).push([FieldUpdate("1", {"pick": "Tea"})]))


@pytest.mark.parametrize("part", ["refunds", "variations"])
@pytest.mark.parametrize("total", ["", "900"])
def test_refunds_and_variations_that_repeat_end(filled, opened, part, total):
    filled.put("orders", 1, THEN)
    filled.refund(1, 101, {})
    filled.put("products", 1, THEN)
    filled.vary(1, 2)
    many = [{"id": number, "status": "publish", "line_items": []} for number in range(100)]
    same = lambda _: answered(many, headers={"x-wp-total": total})  # noqa: E731
    stream, calls = (ORDERS, 2) if part == "refunds" else (PRODUCTS, 1)
    filled.troubles = [*[None] * calls, *[same] * 60]
    with pytest.raises(BadSource, match=r"comes again and again; .*nothing is lost"):
        list(opened(transport=filled.transport()).pull(stream, None))
    assert len(filled.calls(part)) <= 12


@pytest.mark.parametrize("status", [200, 502])
def test_a_push_whose_answer_is_a_page_is_sent_again_and_in_the_end_told(filled, opened, status):
    filled.troubles = [lambda _: page(status)]
    assert [each.status for each in opened().push([FieldUpdate("1", {"pick": "Tea"})])] == ["sent"]
    filled.troubles = [lambda _: page(status)] * 50
    with pytest.raises(Unreachable, match="WooCommerce can't be used now"):
        list(opened().push([FieldUpdate("1", {"pick": "Tea"})]))
