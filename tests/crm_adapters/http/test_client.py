"""Calls: what is made again, what is refused, and what is said about it."""

import itertools

import httpx
import pytest

from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.http import client as core
from crm_adapters.http.budget import Budget
from crm_adapters.http.form import Form

GOOD = {"status_code": 200, "json": {"ok": True}}
BUSY = {"status_code": 503, "json": {"error": "busy"}}
RESET = httpx.ReadError("connection reset")
PAGE = {"status_code": 200, "html": "<h1>Maintenance</h1>"}


def met(client):
    """A client that has been answered once, as nearly all calls are made by."""
    client.call("GET", "/hello")
    return client


def test_an_answer_holds_status_headers_and_data(client_of, network):
    answer = client_of(network({"status_code": 201, "json": [1, 2], "headers": {"x-left": "7"}})).call(
        "POST", "/orders"
    )
    assert (answer.status, answer.good, answer.headers["X-Left"], answer.data) == (201, True, "7", [1, 2])


def test_a_call_is_sent_as_asked(client_of, network):
    asked = network(GOOD)
    client_of(asked, "https://shop.example.com/api/v2").call("PATCH", "people/7", params={"a": "1 2"}, body={"é": None})
    (request,) = asked.requests
    assert (request.method, str(request.url)) == ("PATCH", "https://shop.example.com/api/v2/people/7?a=1+2")
    assert request.headers["authorization"] == "Bearer s3cret-t0ken"
    assert request.content.decode() == '{"é":null}'


def test_a_form_is_sent_as_a_form(client_of, network):
    asked = network(GOOD)
    client_of(asked).call("POST", "/token", body=Form({"grant": "a b", "key": "é&="}))
    (request,) = asked.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.content == b"grant=a+b&key=%C3%A9%26%3D"


def test_csv_stays_text(client_of, network):
    asked = network({"status_code": 200, "content": "Id\né\n".encode(), "headers": {"content-type": "text/csv"}})
    assert client_of(asked).call("GET", "/rows").data == "Id\né\n"


def test_headers_are_made_anew_for_each_call(client_of, network):
    asked, tokens = network(BUSY, GOOD), iter(["old", "new"])
    client_of(asked, headers=lambda: {"Authorization": next(tokens)}).call("GET", "/")
    assert [request.headers["authorization"] for request in asked.requests] == ["old", "new"]


def test_an_empty_body_is_no_data(client_of, network):
    assert client_of(network({"status_code": 204})).call("DELETE", "/people/7").data is None


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 302])
def test_a_fine_status_is_the_callers_to_judge(client_of, network, status):
    asked = network({"status_code": status, "json": {"why": "so"}, "headers": {"location": "/x"}})
    answer = client_of(asked).call("GET", "/", fine=(status,))
    assert (answer.status, answer.good, answer.data, asked.calls) == (status, False, {"why": "so"}, 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_what_may_pass_is_asked_again(client_of, network, status):
    asked = network({"status_code": status, "text": "a moment"}, GOOD)
    assert client_of(asked).call("GET", "/").data == {"ok": True}
    assert asked.calls == 2


@pytest.mark.parametrize("lost", [False, True])
def test_a_write_whose_answer_is_lost_is_made_again_and_stands_once(client_of, network, lost):
    contacts = {}

    def write(request):
        contacts["7"] = request.content
        if lost:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(500, text="<h1>Internal Server Error</h1>")

    def write_and_tell(request):
        contacts["7"] = request.content
        return httpx.Response(200, json={})

    asked = network(write, write_and_tell)
    client_of(asked).call("PUT", "/contacts/7", body={"pick": "tea"})
    first, second = asked.requests
    assert (first.method, first.url, first.content) == (second.method, second.url, second.content)
    assert contacts == {"7": b'{"pick":"tea"}'}


def test_pauses_grow_up_to_the_longest_and_are_drawn_by_lot(client_of, network, clock):
    asked = network(GOOD, BUSY)
    with pytest.raises(Unreachable):
        met(client_of(asked)).call("GET", "/")
    for tried, pause in enumerate(clock.waits):
        assert 0.5 * 2**tried <= pause <= 2**tried
    assert len(set(clock.waits)) == len(clock.waits) == core.TRIES - 1


@pytest.mark.parametrize("trouble", [httpx.ConnectError("Connection refused"), httpx.ConnectTimeout("too slow"), PAGE])
def test_a_system_that_never_answered_is_told_of_soon(client_of, network, clock, trouble):
    asked, start = network(trouble), clock.now()
    with pytest.raises(Unreachable, match="check the connection's url"):
        client_of(asked).call("GET", "/")
    assert asked.calls == core.FIRST_TRIES
    assert clock.now() - start < 5


@pytest.mark.parametrize("trouble", [RESET, httpx.ConnectError("Connection refused"), PAGE, BUSY])
def test_a_system_that_has_answered_is_given_more_tries(client_of, network, trouble):
    asked = network(GOOD, trouble)
    with pytest.raises(Unreachable, match="nothing is lost; try again later"):
        met(client_of(asked)).call("GET", "/")
    assert asked.calls == 1 + core.TRIES


def test_a_refusal_to_answer_now_is_an_answer_too(client_of, network):
    """The first call of a day meets a limit: the url is right, so the limit is waited for."""
    asked = network(*[{"status_code": 429}] * (core.TRIES - 1), GOOD)
    assert client_of(asked).call("GET", "/").good


def test_after_giving_up_the_next_call_comes_no_sooner(client_of, network, clock):
    asked = network(*[{"status_code": 429, "headers": {"retry-after": "90"}}] * core.TRIES, GOOD)
    client = client_of(asked)
    with pytest.raises(Unreachable):
        client.call("GET", "/")
    client.call("GET", "/")
    assert all(after - before >= 90 for before, after in itertools.pairwise(asked.times))


def test_who_is_told_to_wait_lets_all_of_a_budget_wait(client_of, network, clock):
    budget = Budget((), clock)
    limited = network({"status_code": 429, "headers": {"retry-after": "90"}})
    other = network(GOOD)
    with pytest.raises(Unreachable):
        client_of(limited, budget=budget).call("GET", "/")
    client_of(other, budget=budget).call("GET", "/")
    assert other.times[0] - limited.times[-1] >= 90


def test_a_wrong_token_is_denied_at_once(client_of, network):
    asked = network({"status_code": 401, "json": {"detail": "Invalid API key"}})
    with pytest.raises(Denied, match=r"Shop says 401: .*Invalid API key.*; check the connection's token or password"):
        client_of(asked).call("GET", "/")
    assert asked.calls == 1


def test_a_missing_scope_is_denied_in_the_systems_words(client_of, network):
    asked = network({"status_code": 403, "json": {"message": "needs scope contacts.write"}})
    with pytest.raises(Denied, match=r"403: .*needs scope contacts\.write.*; give the token the scope that is missing"):
        client_of(asked).call("GET", "/")
    assert asked.calls == 1


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 410, 413, 422])
def test_a_call_that_is_refused_is_not_made_again(client_of, network, status):
    asked = network({"status_code": status, "json": {"error": "no field 'größe'"}})
    with pytest.raises(BadSource, match=rf"Shop says {status}: .*no field 'größe'.*sync fields"):
        client_of(asked).call("GET", "/")
    assert asked.calls == 1


def test_a_refusal_without_words_says_so(client_of, network):
    with pytest.raises(BadSource, match="Shop says 404: nothing;"):
        client_of(network({"status_code": 404})).call("GET", "/")


def test_a_long_refusal_is_cut_and_put_on_one_line(client_of, network):
    with pytest.raises(BadSource) as refusal:
        client_of(network({"status_code": 400, "text": "line\n\n" * 5_000})).call("GET", "/")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_page_instead_of_json_is_asked_again_and_then_told(client_of, network):
    assert met(client_of(network(GOOD, PAGE, GOOD))).call("GET", "/").data == {"ok": True}
    with pytest.raises(Unreachable, match=r"something else than JSON \(text/html"):
        client_of(network(PAGE)).call("GET", "/")


@pytest.mark.parametrize("content", [b'{"a": [1, 2', b"\xff\xfe\x00", b"[" * 200_000, b" "])
def test_what_is_no_json_is_asked_again(client_of, network, content):
    asked = network({"status_code": 200, "content": content}, GOOD)
    assert client_of(asked).call("GET", "/").data == {"ok": True}


def test_a_body_that_can_not_be_unpacked_is_asked_again(client_of, network):
    broken = {"status_code": 200, "headers": {"content-encoding": "gzip"}, "stream": httpx.ByteStream(b"no gzip")}
    asked = network(lambda request: httpx.Response(**broken), GOOD)
    assert client_of(asked).call("GET", "/").data == {"ok": True}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_url_that_has_moved_is_told_and_not_followed(client_of, network, status):
    asked = network({"status_code": status, "headers": {"location": "https://u:p4ss@new.example.com/in?token=abc123"}})
    with pytest.raises(BadSource) as refusal:
        client_of(asked).call("POST", "/api", body={"email": "a@example.com"})
    assert str(refusal.value) == (
        f"Shop says {status}, and points to https://new.example.com; "
        "if it has moved there, put the new url into the connection"
    )
    assert [request.url.host for request in asked.requests] == ["shop.example.com"]


def test_a_move_from_http_to_https_is_told(client_of, network):
    asked = network({"status_code": 301, "headers": {"location": "https://shop.example.com/"}})
    with pytest.raises(BadSource, match=r"points to https://shop\.example\.com;"):
        client_of(asked, "http://shop.example.com").call("GET", "/")


@pytest.mark.parametrize("location", ["/login?next=/api", "https://shop.example.com:443/login", "login"])
def test_a_page_of_its_own_that_it_points_to_is_likely_not_the_api(client_of, network, location):
    asked = network({"status_code": 302, "headers": {"location": location}})
    with pytest.raises(BadSource, match="another page of its own; check the connection's url: is it that of the API"):
        client_of(asked).call("GET", "/")
    assert asked.calls == 1


@pytest.mark.parametrize("headers", [{}, {"location": "https://[::1"}])
def test_any_other_answer_of_the_third_kind_is_refused_as_it_is(client_of, network, headers):
    with pytest.raises(BadSource, match="Shop says 304: nothing"):
        client_of(network({"status_code": 304, "headers": headers})).call("GET", "/")


def test_a_move_to_nowhere_is_no_answer(client_of, network):
    with pytest.raises(Unreachable, match="location"):
        client_of(network({"status_code": 302, "headers": {"location": "https://[::1"}})).call("GET", "/")


@pytest.mark.parametrize(
    "path", ["https://evil.example.com/x", "http://shop.example.com/x", "https://shop.example.com:444/x"]
)
def test_a_call_never_leaves_the_host(client_of, network, path):
    asked = network(GOOD)
    with pytest.raises(BadSource, match=r"is at https://shop\.example\.com, and was to be called at .*nowhere else"):
        client_of(asked).call("GET", path)
    assert asked.calls == 0


def test_a_whole_url_on_the_same_host_may_be_called(client_of, network):
    asked = network(GOOD)
    client_of(asked).call("GET", "https://shop.example.com:443/next?page=2")
    assert str(asked.requests[0].url) == "https://shop.example.com/next?page=2"


def test_a_path_that_makes_no_url_is_refused(client_of, network):
    with pytest.raises(BadSource, match=r"can't be asked for '/people/\\x007'.*check the id"):
        client_of(network(GOOD)).call("GET", "/people/\x007")


def test_calls_wait_for_their_budget(client_of, network, clock):
    asked = network(GOOD)
    client = client_of(asked, budget=Budget([(2, 10.0)], clock))
    for _ in range(5):
        client.call("GET", "/")
    assert [time - asked.times[0] for time in asked.times] == [0, 0, 10, 10, 20]


def test_tries_are_counted_in_the_budget_too(client_of, network, clock):
    asked = network(BUSY)
    with pytest.raises(Unreachable):
        client_of(asked, budget=Budget([(1, 100.0)], clock)).call("GET", "/")
    assert all(after - before >= 100 for before, after in itertools.pairwise(asked.times))


def test_a_call_is_given_up_when_patience_ends(client_of, network, clock):
    asked = network({"status_code": 503, "headers": {"retry-after": "400"}})
    with pytest.raises(Unreachable, match="it says 503: nothing; the next try would be in 400 seconds"):
        client_of(asked).call("GET", "/")
    assert [time - asked.times[0] for time in asked.times] == [0, 400, 800]


def test_leaving_closes_the_connections(client_of, network):
    with client_of(network(GOOD)) as client:
        client.call("GET", "/")
    with pytest.raises(RuntimeError, match="closed"):
        client.call("GET", "/")


def test_errors_of_the_caller_pass_untouched(client_of, network):
    def no_headers():
        raise Denied("no token yet", remedy="log in")

    asked = network(GOOD)
    with pytest.raises(Denied, match="no token yet"):
        client_of(asked, headers=no_headers).call("GET", "/")
    assert asked.calls == 0
