"""Tokens: got, renewed in time, and clear words where they are refused."""

import logging

import httpx
import pytest

from crm_adapters.errors import AdapterError, BadSource, Denied, Unreachable
from crm_adapters.http.answer import Answer
from crm_adapters.http.oauth import Tokens, renewing
from tests.crm_adapters.http.token_endpoint import FIRST, SECRET, login


def test_a_token_is_got_with_the_refresh_token_and_told_with_what_came_with_it(tokens_of, endpoint):
    token = tokens_of().current()
    assert (token.access, token.until, token.told["instance_url"]) == ("acc3ss-1", None, "https://eu1.example.com")
    (form,) = endpoint.asked
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": FIRST,
        "client_id": "client",
        "client_secret": SECRET,
    }


def test_a_token_that_is_good_is_used_again_also_after_a_restart(tokens_of, endpoint):
    tokens = tokens_of()
    assert {tokens.current().access, tokens.current().access, tokens_of().current().access} == {"acc3ss-1"}
    assert len(endpoint.asked) == 1


def test_each_renewal_takes_the_refresh_token_that_the_last_one_gave(tokens_of, endpoint):
    for number in range(1, 4):
        tokens = tokens_of()  # a new process each time: only the file knows
        assert tokens.renewed(tokens.current() if number > 1 else None).access == f"acc3ss-{number}"
    assert [form["refresh_token"] for form in endpoint.asked] == [FIRST, "refr3sh-1", "refr3sh-2"]


def test_a_system_that_gives_no_new_refresh_token_keeps_the_old_one(tokens_of, endpoint):
    endpoint.more, endpoint.grace = {"refresh_token": None}, True
    tokens = tokens_of()
    tokens.renewed(tokens.current())
    assert [form["refresh_token"] for form in endpoint.asked] == [FIRST, FIRST]


def test_without_a_refresh_token_the_client_acts_for_itself(tokens_of, endpoint):
    assert tokens_of(refresh="").current().access == "acc3ss-1"
    assert endpoint.asked == [{"grant_type": "client_credentials", "client_id": "client", "client_secret": SECRET}]


def test_a_new_refresh_token_in_the_settings_counts_at_once(tokens_of, endpoint):
    tokens_of().current()
    endpoint.good = "refr3sh-new"
    assert tokens_of(refresh="refr3sh-new").current().access == "acc3ss-2"
    assert endpoint.asked[-1]["refresh_token"] == "refr3sh-new"


def test_another_url_of_the_same_system_keeps_what_was_given(tokens_of, endpoint):
    tokens_of().current()
    assert tokens_of(url="https://acme.example.com").current().access == "acc3ss-1"
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("seconds", [3600, "3600", 3600.0])
def test_a_token_is_renewed_a_minute_before_it_expires(tokens_of, endpoint, clock, seconds):
    endpoint.more = {"expires_in": seconds}
    tokens = tokens_of()
    tokens.current()
    clock.time += 3539
    assert tokens.current().access == "acc3ss-1"
    clock.time += 1
    assert tokens.current().access == "acc3ss-2"


def test_a_token_of_a_short_life_is_used_for_most_of_it(tokens_of, endpoint, clock):
    endpoint.more = {"expires_in": 30}
    tokens = tokens_of()
    tokens.current()
    clock.time += 26
    assert tokens.current().access == "acc3ss-1"
    clock.time += 1
    assert tokens.current().access == "acc3ss-2"


def test_a_wrong_secret_is_denied_in_words_without_it(tokens_of, endpoint):
    with pytest.raises(Denied, match="check the connection's user and password") as denied:
        tokens_of(secret="wr0ng-s3cret").current()
    assert "gives no token: not ***;" in str(denied.value)


def test_a_refusal_that_is_no_json_is_told(path, clock):
    transport = httpx.MockTransport(lambda _: httpx.Response(403, html="<h1>No</h1>"))
    with pytest.raises(Denied, match="Shop gives no token: <h1>No</h1>"):
        Tokens(login(), path, transport=transport, clock=clock).current()


@pytest.mark.parametrize("data", [[], {}, {"access_token": None}, "hello"])
def test_an_answer_without_a_token_is_told(path, clock, data):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=data))
    with pytest.raises(BadSource, match="answers without an access token"):
        Tokens(login(), path, transport=transport, clock=clock).current()


def test_an_endpoint_that_does_not_answer_is_told_and_the_refresh_token_stays(path, endpoint, tokens_of, clock):
    def lost(request):
        raise httpx.ReadTimeout("no answer", request=request)

    with pytest.raises(Unreachable):
        Tokens(login(), path, transport=httpx.MockTransport(lost), clock=clock).current()
    assert tokens_of().current().access == "acc3ss-1"


def calls(statuses, seen):
    def call(token):
        seen.append(token.access)
        return Answer(statuses.pop(0), httpx.Headers(), None)

    return call


def test_a_call_that_is_refused_is_made_again_once_with_a_new_token(tokens_of):
    seen, tokens = [], tokens_of()
    assert renewing(tokens, calls([200], seen)).status == 200
    assert renewing(tokens, calls([401, 200], seen)).status == 200
    assert renewing(tokens, calls([401, 401], seen)).status == 401
    assert seen == ["acc3ss-1", "acc3ss-1", "acc3ss-2", "acc3ss-2", "acc3ss-3"]


def test_no_token_is_in_a_log_an_error_or_a_repr(tokens_of, endpoint, path, clock, caplog):
    caplog.set_level(logging.DEBUG)
    tokens = tokens_of()
    words = [repr(tokens), repr(tokens.current()), repr(tokens.login)]

    def echo(request):
        return httpx.Response(400, json={"error": "invalid_grant", "error_description": request.content.decode()})

    with pytest.raises(AdapterError) as refused:
        Tokens(login(), path, transport=httpx.MockTransport(echo), clock=clock).renewed(tokens.current())
    words += [str(refused.value), caplog.text]
    assert "***" in words[-2]
    assert "/oauth/token" in caplog.text
    assert all(part not in each for each in words for part in (SECRET, "refr3sh-", "acc3ss-"))
