"""No secret comes out, whatever a system repeats and however it writes it."""

import json
from urllib.parse import quote, quote_plus

import httpx
import pytest

from crm_adapters.errors import AdapterError, Denied
from crm_adapters.http.answer import Answer
from crm_adapters.http.wording import Wording
from crm_adapters.registry import Access

PASSWORD = 'pä"ss \\wo/rd+&1'
GOOD = {"status_code": 200, "json": {}}


def refusal_of(client):
    with pytest.raises(AdapterError) as refusal:
        client.call("GET", "/")
    return "".join((str(refusal.value), refusal.value.problem, refusal.value.remedy, repr(refusal.value)))


def echo(status, **more):
    """A system that repeats what it was sent."""
    return lambda request: httpx.Response(status, text=f"unknown: {request.headers['authorization']}", **more)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_token_that_is_repeated_is_hidden(client_of, network, status):
    said = refusal_of(client_of(network(echo(status))))
    assert "s3cret-t0ken" not in said
    assert "unknown: ***" in said


@pytest.mark.parametrize("header", ["Authorization", "X-Shop-Access-Token", "api-key", "Cookie"])
def test_a_token_is_known_by_the_name_of_its_header(client_of, network, header):
    asked = network({"status_code": 400, "json": {"key": "t0ken-1"}})
    assert "t0ken-1" not in refusal_of(client_of(asked, headers=lambda: {header: "t0ken-1"}))


def test_a_header_that_is_no_secret_may_be_told(client_of, network):
    asked = network({"status_code": 400, "text": "unknown revision 2024-10-15"})
    assert "revision 2024-10-15" in refusal_of(client_of(asked, headers=lambda: {"revision": "2024-10-15"}))


@pytest.mark.parametrize(
    "form",
    [
        str,
        json.dumps,
        lambda word: json.dumps(word, ensure_ascii=False),
        repr,
        quote_plus,
        lambda word: quote(word, ""),
    ],
    ids=["as it is", "json", "json with letters", "repr", "form", "url"],
)
@pytest.mark.parametrize("status", [200, 400, 503])
def test_a_password_is_hidden_however_it_is_written(client_of, network, form, status):
    asked = network({"status_code": status, "text": f"no user with {form(PASSWORD)}!", "headers": {"x": "y"}})
    said = refusal_of(client_of(asked, secrets=[PASSWORD]))
    assert not [part for part in ("ss \\", "wo/rd", "rd%2B", "%2Frd") if part in said]


def test_a_password_within_data_is_hidden(client_of, network):
    asked = network({"status_code": 400, "json": {"errors": [{"value": PASSWORD}]}})
    assert "***" in refusal_of(client_of(asked, secrets=[PASSWORD]))


def test_the_password_of_a_url_is_hidden(client_of, network):
    asked = network({"status_code": 400, "text": "who is me:p4ssword?"})
    assert "p4ssword" not in refusal_of(client_of(asked, "https://me:p4ssword@shop.example.com"))


def test_a_type_of_content_that_repeats_a_token_is_hidden(client_of, network):
    asked = network({"status_code": 200, "text": "x", "headers": {"content-type": "s3cret-t0ken"}})
    assert "s3cret-t0ken" not in refusal_of(client_of(asked))


def test_a_host_that_repeats_a_token_is_hidden(client_of, network):
    asked = network({"status_code": 302, "headers": {"location": "https://s3cret-t0ken.example.com"}})
    assert "https://***.example.com" in refusal_of(client_of(asked))


def test_an_error_of_the_network_that_repeats_a_token_is_hidden(client_of, network):
    assert "s3cret-t0ken" not in refusal_of(client_of(network(httpx.ReadError("got 'Bearer s3cret-t0ken'"))))


def test_an_empty_password_hides_nothing(client_of, network):
    asked = network({"status_code": 400, "text": "no such user"})
    assert "Shop says 400: no such user;" in refusal_of(client_of(asked, secrets=["", " "]))


@pytest.mark.parametrize("token", ["t0ken\n", " t0ken", "t0k\ren", "t0ken\u2013x", "t\x000ken", "Bearer "])
def test_a_token_that_no_call_can_carry_is_refused_without_repeating_it(client_of, network, token):
    """httpx would say: Illegal header value b'...', with the token in it."""
    asked = network(GOOD)
    with pytest.raises(
        Denied, match="Authorization lacks its token, or holds signs that no call can carry; copy"
    ) as no:
        client_of(asked, headers=lambda: {"Authorization": token}).call("GET", "/")
    assert "t0k" not in str(no.value)
    assert asked.calls == 0


def test_nothing_secret_stands_in_what_python_shows(client_of, network):
    client = client_of(network(GOOD), "https://me:p4ssword@shop.example.com", secrets=[PASSWORD])
    client.call("GET", "/")
    answer = Answer(200, httpx.Headers({"auth-token": "n3w-t0ken"}), {"token": "n3w-t0ken"})
    wording = Wording("Shop", httpx.URL("https://shop.example.com"), [PASSWORD])
    access = Access("https://shop.example.com", "me", "p4ssword")
    shown = repr([client, vars(client), answer, wording, access])
    assert not [word for word in ("p4ssword", PASSWORD, "s3cret-t0ken", "n3w-t0ken") if word in shown]
    assert repr(answer) == "Answer(status=200)"


def test_a_new_token_is_hidden_once_it_is_sent(client_of, network):
    tokens = iter(["first-1", "second-2"])
    asked = network(GOOD, {"status_code": 401, "text": "second-2 is wrong"})
    client = client_of(asked, headers=lambda: {"Authorization": f"Bearer {next(tokens)}"})
    client.call("GET", "/")
    assert "*** is wrong" in refusal_of(client)
