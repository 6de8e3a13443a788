"""When HubSpot fails, refuses or cuts short, nothing is lost or doubled, and the token is told nowhere."""

import json
import logging
from datetime import UTC, datetime

import pytest

from crm_adapters.base import FieldUpdate, System
from crm_adapters.errors import BadCursor, BadSource, Denied, SourceMissing, Unreachable
from crm_adapters.records import Stream
from crm_adapters.registry import Access
from tests.crm_adapters.hubspot.fake import TOKEN, batch, error, fault

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
CUSTOMERS, ORDERS = Stream.CUSTOMERS, Stream.ORDERS


@pytest.fixture
def filled(account):
    for number in range(1, 6):
        account.put("contacts", number, {"email": f"{number}@example.com"}, THEN)
    return account


def ids(adapter, since=None):
    return [one for page in adapter.pull(CUSTOMERS, since) for one in page.rows["id"].to_pylist()]


def refusing(status, headers=(), **more):
    def answer(_):
        refusal = error(status, "RATE_LIMITS", "You have reached your limit.", **more)
        refusal.headers = dict(headers)
        raise refusal

    return answer


def test_the_adapter_is_a_system(opened):
    assert isinstance(opened(), System)


def test_check_tells_the_account_and_how_far_its_clock_is_ahead(opened):
    health = opened().check()
    assert (health.account, health.api_version) == ("portal 62515, time zone US/Eastern", "v3")
    assert health.clock_skew_seconds == 7


def test_a_property_that_vanishes_is_named_and_nothing_is_overwritten(filled, opened):
    filled.dropped = {"firstname"}
    with pytest.raises(SourceMissing, match=r"HubSpot tells no 'firstname' of customers.*nothing was overwritten"):
        ids(opened())
    filled.properties["firstname"] = filled.properties["email"] | {"name": "firstname"}  # it is there, and empty
    assert ids(opened()) == ["1", "2", "3", "4", "5"]


def test_after_429_it_waits_as_long_as_it_is_told(filled, opened, clock):
    filled.troubles = [refusing(429, {"retry-after": "11"}, policyName="TEN_SECONDLY_ROLLING")]
    assert ids(opened()) == ["1", "2", "3", "4", "5"]
    assert sum(clock.waits) == 11


def test_after_429_without_a_time_it_waits_longer_each_time(filled, opened, clock):
    filled.troubles = [refusing(429), refusing(429)]
    assert ids(opened()) == ["1", "2", "3", "4", "5"]
    first, second = clock.waits
    assert 0.5 <= first <= 1 <= second <= 2


def test_it_searches_5_times_a_second_at_most(filled, opened, clock):
    assert ids(opened(page_records=1)) == ["1", "2", "3", "4", "5"]
    searches = len(filled.calls("/search"))
    assert searches == 8
    assert sum(clock.waits) == pytest.approx((searches - 1) // 5)


def test_it_calls_190_times_in_10_seconds_at_most(filled, opened, clock):
    adapter = opened()
    for _ in range(191):
        adapter.check()
    assert sum(clock.waits) == pytest.approx(10)


def test_a_write_that_took_effect_and_failed_is_made_again_and_is_the_same(filled, opened):
    def after_it_took_effect(answer):
        answer()
        return 500, {}, b'{"status":"error","message":"internal error"}'

    filled.troubles = [after_it_took_effect]
    (result,) = opened().push([FieldUpdate("1", {"pick": "Tea"})])
    assert result.status == "sent"
    assert filled.objects["contacts"][1]["properties"]["pick"] == "Tea"
    assert len(filled.calls("/batch/update")) == 2


def test_a_wrong_token_is_denied(filled, opened):
    for ask in (
        ids,
        lambda adapter: adapter.check(),
        lambda adapter: list(adapter.erase("1")),
    ):
        with pytest.raises(Denied, match="check the connection's token") as denied:
            ask(opened(token="pat-wrong-secret"))
        assert "pat-wrong-secret" not in str(denied.value)
    assert len(filled.requests) == 3


@pytest.mark.parametrize(
    ("scope", "ask"),
    [
        ("crm.objects.contacts.read", ids),
        ("crm.objects.orders.read", lambda adapter: list(adapter.pull(ORDERS, None))),
        ("crm.objects.contacts.write", lambda adapter: list(adapter.push([FieldUpdate("1", {"pick": "Tea"})]))),
        ("crm.objects.contacts.write", lambda adapter: list(adapter.erase(["1"]))),
    ],
)
def test_a_scope_that_is_missing_is_named(filled, opened, scope, ask):
    filled.lacking = {scope}
    with pytest.raises(Denied, match=f"the token lacks {scope}"):
        ask(opened())
    assert len(filled.requests) == 1


def test_another_403_is_told_in_hubspots_words(filled, opened):
    filled.troubles = [refusing(403)]
    with pytest.raises(Denied, match="You have reached your limit"):
        ids(opened())


@pytest.mark.parametrize(
    ("status", "kind", "content"),
    [
        (200, "application/json", b'{"total": 5, "results": [{"id": "1", "prope'),
        (200, "text/html", b"<html><body>Be right back</body></html>"),
        (502, "text/html", b"<html><body>Bad gateway</body></html>"),
    ],
)
def test_json_cut_short_and_pages_of_proxies_are_asked_for_again_and_in_the_end_told(
    filled, opened, status, kind, content
):
    def cut(_):
        return status, {"content-type": kind}, content

    filled.troubles = [cut]
    assert ids(opened()) == ["1", "2", "3", "4", "5"]
    filled.troubles = [cut] * 50
    with pytest.raises(Unreachable, match="try again later"):
        ids(opened())
    assert filled.objects["contacts"]


def test_a_page_that_was_not_read_does_not_move_the_cursor(filled, opened):
    pages = opened(page_records=2).pull(CUSTOMERS, None)
    first = next(pages)
    filled.troubles = [lambda _: (200, {}, b"<html>")] * 50
    with pytest.raises(Unreachable):
        list(pages)
    filled.troubles = []
    assert [*first.rows["id"].to_pylist(), *ids(opened(), first.cursor)] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("data", [[], {}, {"message": "hello"}, "hello", None])
def test_an_answer_of_another_form_is_told(filled, opened, data):
    filled.troubles = [lambda _: (200, {}, json.dumps(data).encode())] * 3
    with pytest.raises(BadSource, match="no results"):
        ids(opened())


def test_a_batch_that_fails_in_part_is_no_order_without_lines(account, opened):
    account.put("orders", 41, {"hs_createdate": "2026-01-05T10:00:00Z"}, THEN)
    status, data = batch([], [fault("INTERNAL_ERROR", "please try again")])
    account.troubles = [None, lambda _: (status, {}, json.dumps(data).encode())]
    with pytest.raises(Unreachable, match="please try again"):
        list(opened().pull(ORDERS, None))


def test_a_record_whose_time_is_none_is_told(account, opened):
    account.put("contacts", 1, {"email": "a@example.com"}, THEN)
    account.objects["contacts"][1]["properties"]["lastmodifieddate"] = "soon"
    with pytest.raises(BadSource, match="a time that is none: 'soon'"):
        ids(opened())


def test_the_token_is_in_no_log_error_result_or_repr(filled, opened, caplog):
    caplog.set_level(logging.DEBUG)

    def echo(_):
        raise error(400, "VALIDATION_ERROR", f"Authorization: Bearer {TOKEN} was not valid")

    adapter, told = opened(), []
    filled.troubles = [echo]
    with pytest.raises(BadSource) as refused:
        ids(adapter)
    told.append(str(refused.value))
    filled.troubles = [lambda _: (502, {}, TOKEN.encode())] * 9
    with pytest.raises(Unreachable) as unreachable:
        list(opened().pull(CUSTOMERS, None))
    told.append(str(unreachable.value))
    status, data = batch([], [fault("VALIDATION_ERROR", f"Bearer {TOKEN} is no value")])
    filled.troubles = [lambda _: (status, {}, json.dumps(data).encode())]
    told += [result.message for result in adapter.push([FieldUpdate("1", {"pick": "Tea"})])]
    filled.troubles = [lambda _: (400, {}, f"<html>{TOKEN}".encode())]
    told += [result.message for result in adapter.erase(["1"])]
    told += [repr(adapter), repr(Access("https://example.com", token=TOKEN)), caplog.text]
    assert "POST api.hubapi.com/crm/v3/objects/contacts/search: 400" in caplog.text
    assert all(TOKEN not in words for words in told)
    assert sum("***" in words for words in told) >= 3


@pytest.mark.parametrize(
    ("stream", "calls", "data"),
    [
        (CUSTOMERS, 0, {"results": 7}),
        (CUSTOMERS, 0, {"results": [{"id": "1"}]}),
        (CUSTOMERS, 0, {"results": [{"id": "one", "properties": {}, "updatedAt": "2026-01-05T10:00:00Z"}]}),
        (CUSTOMERS, 1, {"results": [{"archivedAt": "2026-01-05T10:00:00Z"}]}),
        (ORDERS, 1, {"results": [{"from": "41", "to": []}]}),
        (ORDERS, 1, {"results": [{"from": {"id": "41"}, "to": "51"}]}),
    ],
)
def test_a_record_of_another_form_is_told(account, opened, stream, calls, data):
    account.put("orders", 41, {"hs_createdate": "2026-01-05T10:00:00Z"}, THEN)
    account.troubles = [*[None] * calls, lambda _: (200, {}, json.dumps(data).encode())]
    with pytest.raises(BadSource, match=r"HubSpot answers in another form than expected: .*; see whether"):
        list(opened().pull(stream, None))


@pytest.mark.parametrize("archived", [[["7", "soon"]], [["7"]], [[7, 8]], [7], "x", None, [["7", "2026-01-05"]]])
def test_a_cursor_whose_archive_is_damaged_is_refused(filled, opened, archived):
    told = json.loads(list(opened().pull(CUSTOMERS, None))[-1].cursor)
    with pytest.raises(BadCursor, match="--full"):
        ids(opened(), json.dumps(told | {"archived": archived}))


@pytest.mark.parametrize(("status", "content"), [(200, b"<html>Sign in</html>"), (200, b'{"res'), (502, b"<html>Bad")])
def test_a_push_whose_answer_is_broken_is_sent_again_and_in_the_end_told(filled, opened, status, content):
    filled.troubles = [lambda _: (status, {}, content)]
    assert [each.status for each in opened().push([FieldUpdate("1", {"pick": "Tea"})])] == ["sent"]
    filled.troubles = [lambda _: (status, {}, content)] * 50
    with pytest.raises(Unreachable, match="try again later"):
        list(opened().push([FieldUpdate("1", {"pick": "Tea"})]))
