"""When Salesforce fails, refuses or cuts short, nothing is lost, and no secret is told anywhere."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from crm_adapters.base import FieldUpdate, System
from crm_adapters.errors import BadCursor, BadSource, Denied, Unreachable
from crm_adapters.records import Stream
from tests.crm_adapters.salesforce.fake import CLIENT, FIRST, SECRET
from tests.crm_adapters.salesforce.parts import identity, refused

THEN = "2026-01-05T10:00:00+00:00"
CUSTOMERS = Stream.CUSTOMERS


@pytest.fixture
def filled(org):
    for number in range(1, 6):
        org.put("Contact", number, {"Email": f"{number}@example.com"}, THEN)
    return org


def ids(adapter, since=None):
    return [one for page in adapter.pull(CUSTOMERS, since) for one in page.rows["id"].to_pylist()]


ALL = [identity("Contact", number) for number in range(1, 6)]


def refusing(status, code, words):
    def answer(_):
        raise refused(status, code, words)

    return answer


def test_the_adapter_is_a_system(opened):
    assert isinstance(opened(), System)


def test_check_tells_the_org_its_clock_and_the_calls_that_are_left(opened):
    health = opened().check()
    told = f"Acme, org {identity('Organization', 1)}, a sandbox, 14,982 of 15,000 calls left today"
    assert (health.account, health.api_version, health.clock_skew_seconds) == (told, "v64.0", 7)


def test_check_does_without_what_salesforce_does_not_tell(org, opened):
    told = {"records": [{"Name": "Acme", "Id": "00D", "IsSandbox": False}]}
    opened().check()
    org.troubles = [lambda _: httpx.Response(200, json=told)]
    health = opened().check()
    assert (health.account, health.clock_skew_seconds) == ("Acme, org 00D", None)


def test_a_session_that_ends_amid_a_pull_is_renewed_once_and_the_pull_goes_on(filled, opened):
    pages = opened(page_records=2).pull(CUSTOMERS, None)
    found = next(pages).rows["id"].to_pylist()
    filled.sessions.clear()
    found += [one for page in pages for one in page.rows["id"].to_pylist()]
    assert found == ALL
    assert [form["refresh_token"] for form in filled.asked] == [FIRST, "5Aep861.refresh-1"]


def test_of_two_threads_whose_session_ended_one_renews_it_and_both_go_on(filled, opened):
    adapters = [opened(page_records=2) for _ in range(2)]
    for adapter in adapters:
        adapter.check()
    filled.sessions.clear()
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(ids, adapters)) == [ALL, ALL]
    assert [form["refresh_token"] for form in filled.asked] == [FIRST, "5Aep861.refresh-1"]


def test_a_session_that_ends_amid_a_push_is_renewed_and_nothing_is_lost(filled, opened):
    adapter = opened()
    adapter.check()
    filled.sessions.clear()
    assert [each.status for each in adapter.push([FieldUpdate(ALL[0], {"Pick__c": "Tea"})])] == ["sent"]


def test_after_a_restart_the_stored_token_is_used(filled, opened):
    assert [ids(opened()) for _ in range(3)] == [ALL] * 3
    assert len(filled.asked) == 1


def test_a_session_that_is_refused_again_at_once_is_denied(filled, opened):
    filled.troubles = [refusing(401, "INVALID_SESSION_ID", "Session expired or invalid")] * 2
    with pytest.raises(Denied, match=r"lets us in no more .INVALID_SESSION_ID.* put the new refresh token"):
        ids(opened())
    assert len(filled.asked) == 2


def test_a_refresh_token_that_is_refused_is_denied(filled, opened):
    filled.refresh = "another"
    with pytest.raises(Denied, match="gives no token: expired access/refresh token; let Handpicked in there anew"):
        ids(opened())
    assert filled.requests == []


def test_a_wrong_secret_is_denied(opened):
    with pytest.raises(Denied, match="invalid client credentials; check the connection's user and password"):
        opened(secret="wr0ng").check()


def test_without_a_refresh_token_the_app_acts_for_itself(filled, opened):
    assert ids(opened(refresh="")) == ALL
    assert [form["grant_type"] for form in filled.asked] == ["client_credentials"]


def test_a_permission_that_is_missing_is_told(filled, opened):
    filled.forbidden = "insufficient access rights"
    for ask in (ids, lambda adapter: adapter.check(), lambda adapter: list(adapter.erase([ALL[0]]))):
        with pytest.raises(Denied, match=r"INSUFFICIENT_ACCESS: insufficient access rights.* API Enabled"):
            ask(opened())


def test_when_the_calls_of_a_day_are_spent_it_is_told_at_once_and_is_no_denial(filled, opened, clock):
    filled.used = filled.most
    with pytest.raises(Unreachable, match=r"takes no more calls .REQUEST_LIMIT_EXCEEDED.* last 24 hours"):
        ids(opened())
    assert clock.waits == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        (400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    ],
)
def test_what_may_pass_is_waited_for_and_in_the_end_told(filled, opened, clock, status, code, words):
    filled.troubles = [refusing(status, code, words)] * 3
    assert ids(opened()) == ALL
    assert clock.waits == [5, 10, 20]
    filled.troubles = [refusing(status, code, words)] * 50
    with pytest.raises(Unreachable, match=code):
        ids(opened())
    assert clock.waits == [5, 10, 20, 5, 10, 20, 40]


def test_after_503_it_waits_as_long_as_it_is_told(filled, opened, clock):
    filled.troubles = [lambda _: httpx.Response(503, headers={"retry-after": "11"}, json=[])]
    assert ids(opened()) == ALL
    assert sum(clock.waits) == 11


def test_a_question_that_is_no_soql_is_told_without_repeating_it(filled, opened):
    words = "\nSELECT Id FRM Contact\n          ^\nERROR at Row:1:Column:11\nunexpected token: 'FRM'"
    filled.troubles = [refusing(400, "MALFORMED_QUERY", words)]
    with pytest.raises(BadSource, match="MALFORMED_QUERY: ERROR at Row:1:Column:11 unexpected token: 'FRM'"):
        ids(opened())


def test_a_list_that_expires_while_it_is_read_is_told_and_the_pull_goes_on_later(filled, opened):
    filled.batch = 2
    pages = opened(page_records=4).pull(CUSTOMERS, None)
    first = next(pages)
    filled.troubles = [None, refusing(400, "INVALID_QUERY_LOCATOR", "invalid query locator")]
    adapter = opened(page_records=4)
    with pytest.raises(Unreachable, match=r"INVALID_QUERY_LOCATOR.* nothing is lost"):
        list(adapter.pull(CUSTOMERS, None))
    filled.troubles = []
    assert first.rows["id"].to_pylist() + ids(opened(), first.cursor) == ALL


@pytest.mark.parametrize("locator", [True, False])
def test_a_page_that_repeats_is_told_instead_of_read_for_ever(filled, opened, locator):
    records = [{"Id": ALL[0], "SystemModstamp": "2026-01-05T10:00:00.000+0000", "IsDeleted": False}]
    told = {"done": False, "records": records} | (
        {"nextRecordsUrl": "/services/data/v64.0/query/01g"} if locator else {}
    )
    filled.troubles = [None, *[lambda _: httpx.Response(200, json=told)] * 5]
    with pytest.raises(BadSource, match="the same page again and again"):
        ids(opened(page_records=1))


@pytest.mark.parametrize(
    ("status", "kind", "content"),
    [
        (200, "application/json", b'{"totalSize": 5, "records": [{"Id": "003'),
        (200, "text/html", b"<html><body>Be right back</body></html>"),
        (502, "text/html", b"<html><body>Bad gateway</body></html>"),
    ],
)
def test_json_cut_short_and_pages_of_proxies_are_asked_for_again_and_in_the_end_told(
    filled, opened, status, kind, content
):
    def cut(_):
        return httpx.Response(status, headers={"content-type": kind}, content=content)

    filled.troubles = [cut]
    assert ids(opened()) == ALL
    filled.troubles = [cut] * 50
    with pytest.raises(Unreachable, match="try again later"):
        ids(opened())


@pytest.mark.parametrize("data", [[], {}, {"records": None}, "hello", None])
def test_an_answer_of_another_form_is_told(filled, opened, data):
    filled.troubles = [None, lambda _: httpx.Response(200, json=data)]
    with pytest.raises(BadSource, match="Salesforce's answer has no records"):
        ids(opened())
    filled.troubles = [lambda _: httpx.Response(200, json=data)]
    with pytest.raises(BadSource, match="Salesforce's answer has no fields"):
        opened().fields()


@pytest.mark.parametrize("record", [{"Id": "003"}, {"Id": "003", "SystemModstamp": "soon"}, {"SystemModstamp": THEN}])
def test_a_record_without_a_place_in_the_order_of_changes_is_told(filled, opened, record):
    filled.troubles = [None, lambda _: httpx.Response(200, json={"records": [record]})]
    with pytest.raises(BadSource, match="without a place in the order of changes"):
        ids(opened())


def test_a_token_that_names_no_host_is_told(org, opened, monkeypatch):
    def nameless(form):
        return httpx.Response(200, json={"access_token": "t"})

    org._token = nameless
    with pytest.raises(BadSource, match="a token of no instance_url"):
        opened().check()


def test_no_secret_is_in_a_log_error_result_or_repr(filled, opened, caplog):
    caplog.set_level(logging.DEBUG)
    adapter = opened()
    adapter.check()
    (token,) = filled.sessions
    told = [repr(adapter)]
    for status in (400, 403, 502):
        filled.troubles = [lambda _, status=status: httpx.Response(status, text=f"Bearer {token} {SECRET} {FIRST}")] * 9
        with pytest.raises((BadSource, Denied, Unreachable)) as failed:
            ids(adapter)
        told.append(str(failed.value))
    fault = {"success": False, "errors": [{"statusCode": "X", "message": f"{token} is no value"}]}
    filled.troubles = [lambda _: httpx.Response(200, json=[fault])]
    told += [result.message for result in adapter.push([FieldUpdate(ALL[0], {"Pick__c": "Tea"})])]
    told.append(caplog.text)
    assert "GET acme.my.example.com/services/data/v64.0/queryAll?q: 400" in caplog.text
    assert all(secret not in words for words in told for secret in (token, SECRET, FIRST, "5Aep861", CLIENT))
    assert sum("***" in words for words in told) == 4


def shown(*numbers, **more):
    told = {"SystemModstamp": "2026-01-05T10:00:00.000+0000", "IsDeleted": False}
    return {"records": [{"Id": ALL[number], **told} for number in numbers], **more}


@pytest.mark.parametrize("behind", [{}, {"next": True}], ids=["questions", "parts of one answer"])
def test_pages_of_one_time_that_take_turns_are_told_instead_of_read_for_ever(filled, opened, behind):
    places = [{"nextRecordsUrl": f"/services/data/v64.0/query/{n}"} if behind else {} for n in range(40)]
    pages = [shown(0 if behind else n % 2, **place) for n, place in enumerate(places)]
    filled.troubles = [None, *[lambda _, page=page: httpx.Response(200, json=page) for page in pages]]
    with pytest.raises(BadSource, match="the same page again and again"):
        ids(opened(page_records=1))
    assert len(filled.requests) <= 5


@pytest.mark.parametrize(
    ("stream", "record"),
    [
        (CUSTOMERS, {"IsDeleted": None, "gone": "IsDeleted"}),
        (Stream.ORDERS, {"OrderItems": "Tea"}),
        (Stream.ORDERS, {"OrderItems": [7]}),
        (Stream.PRODUCTS, {"PricebookEntries": 7}),
    ],
)
def test_a_record_of_another_form_is_told(filled, opened, stream, record):
    record = dict(record)
    (found,) = shown(0)["records"]
    found |= record
    found.pop(found.pop("gone", ""), None)
    filled.troubles = [*[None] * (stream is CUSTOMERS), lambda _: httpx.Response(200, json={"records": [found]})]
    with pytest.raises(BadSource, match=r"Salesforce answers in another form than expected: .*; see whether"):
        list(opened().pull(stream, None))


def test_fields_of_another_form_are_told(filled, opened):
    filled.troubles = [lambda _: httpx.Response(200, json={"fields": [{"name": "Pick__c"}]})]
    with pytest.raises(BadSource, match="another form than expected: it lacks 'type'"):
        opened().fields()


def test_a_cursor_whose_times_are_of_two_kinds_is_refused(filled, opened):
    told = json.loads(list(opened(page_records=2).pull(CUSTOMERS, None))[-1].cursor)
    with pytest.raises(BadCursor, match="--full"):
        ids(opened(), json.dumps(told | {"settled": ["soon", "x"]}))


@pytest.mark.parametrize("given", [{"html": "<h1>Sign in</h1>"}, {"status_code": 502, "html": "<h1>Bad gateway</h1>"}])
def test_a_push_whose_answer_is_broken_is_sent_again_and_in_the_end_told(filled, opened, given):
    broken = lambda _: httpx.Response(**{"status_code": 200, **given})  # noqa: E731
    filled.troubles = [broken]
    assert [each.status for each in opened().push([FieldUpdate(ALL[0], {"Pick__c": "Tea"})])] == ["sent"]
    filled.troubles = [broken] * 50
    with pytest.raises(Unreachable, match="try again later"):
        list(opened().push([FieldUpdate(ALL[0], {"Pick__c": "Tea"})]))
