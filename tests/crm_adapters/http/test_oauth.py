"""Tokens: one renewal for all that need it, kept before it is used, and clear words where it is refused."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from crm_adapters.errors import AdapterError, BadSource, Denied, Unreachable
from crm_adapters.http.answer import Answer
from crm_adapters.http.oauth import Login, Tokens, renewing

SECRET, FIRST = "cl1ent-s3cret", "refr3sh-0"


class Endpoint:
    """A token endpoint that gives a new refresh token each time; `grace`: it takes the one before, too."""

    def __init__(self):
        self.good, self.before, self.grace = FIRST, None, False
        self.asked, self.given, self.more = [], 0, {}
        self.lock, self.met, self.hold = threading.Lock(), threading.Event(), None

    def answer(self, form):
        """Status and data, as RFC 6749 says in 5.1 and 5.2."""
        with self.lock:
            self.asked.append(form)
            if (form.get("client_id"), form.get("client_secret")) != ("client", SECRET):
                return 401, {"error": "invalid_client", "error_description": f"not {form.get('client_secret')}"}
            if form["grant_type"] == "refresh_token":
                if form["refresh_token"] not in {self.good, self.before if self.grace else None}:
                    return 400, {"error": "invalid_grant", "error_description": "expired access/refresh token"}
                self.before = self.good
            self.given += 1
            told = {"access_token": f"acc3ss-{self.given}", "instance_url": "https://eu1.example.com", "issued_at": "7"}
            if form["grant_type"] == "refresh_token":
                self.good = told["refresh_token"] = f"refr3sh-{self.given}"
        self.met.set()
        if self.hold:
            self.hold.wait(20)
        return 200, told | self.more

    def transport(self):
        def handled(request):
            form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            status, data = self.answer(form)
            return httpx.Response(status, json=data)

        return httpx.MockTransport(handled)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        status, data = self.server.endpoint.answer({name: values[0] for name, values in parse_qs(body).items()})
        content = json.dumps(data).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # whoever asked was killed

    def log_message(self, *_):
        pass


@contextmanager
def on_loopback(endpoint):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.endpoint = endpoint
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def endpoint():
    return Endpoint()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens" / "shop.json"


def login(url="https://login.example.com", refresh=FIRST, secret=SECRET):
    return Login("Shop", url, "/oauth/token", "client", secret, refresh)


@pytest.fixture
def opened(endpoint, path, clock):
    """Opens the tokens, as after a restart."""
    return lambda **more: Tokens(login(**more), path, transport=endpoint.transport(), clock=clock)


CHILD = """
import os, signal, sys
from pathlib import Path
from crm_adapters.errors import AdapterError
from crm_adapters.http.oauth import Login, Tokens

url, path, stale, renames = sys.argv[1:]
if renames:  # "2": die when the answer is there and not yet kept; "2+": when it has just been kept
    met, last = [], renames.endswith("+")
    def hook(event, _):
        if len(met) == int(renames.rstrip("+")) and event == "open":
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "os.rename":
            met.append(event)
            if len(met) == int(renames.rstrip("+")) and not last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
tokens = Tokens(Login("Shop", url, "/oauth/token", "client", "cl1ent-s3cret", "refr3sh-0"), Path(path))
try:
    token = tokens.current()
    print(tokens.renewed(token).access if token.access == stale else token.access)
except AdapterError as error:
    print(error)
"""


def child(url, path, stale="", renames=""):
    command = [sys.executable, "-c", CHILD, url, str(path), stale, renames]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], env=os.environ | {"NO_PROXY": "*"}
    )


def told(process):
    output, _ = process.communicate(timeout=30)
    return output.strip()


def kept(path):
    return json.loads(path.read_text())


def test_a_token_is_got_with_the_refresh_token_and_told_with_what_came_with_it(opened, endpoint):
    token = opened().current()
    assert (token.access, token.until, token.told["instance_url"]) == ("acc3ss-1", None, "https://eu1.example.com")
    (form,) = endpoint.asked
    assert form == {
        "grant_type": "refresh_token",
        "refresh_token": FIRST,
        "client_id": "client",
        "client_secret": SECRET,
    }


def test_a_token_that_is_good_is_used_again_also_after_a_restart(opened, endpoint):
    tokens = opened()
    assert {tokens.current().access, tokens.current().access, opened().current().access} == {"acc3ss-1"}
    assert len(endpoint.asked) == 1


def test_each_renewal_takes_the_refresh_token_that_the_last_one_gave(opened, endpoint):
    for number in range(1, 4):
        tokens = opened()  # a new process each time: only the file knows
        assert tokens.renewed(tokens.current() if number > 1 else None).access == f"acc3ss-{number}"
    assert [form["refresh_token"] for form in endpoint.asked] == [FIRST, "refr3sh-1", "refr3sh-2"]


def test_a_system_that_gives_no_new_refresh_token_keeps_the_old_one(opened, endpoint):
    endpoint.more, endpoint.grace = {"refresh_token": None}, True
    tokens = opened()
    tokens.renewed(tokens.current())
    assert [form["refresh_token"] for form in endpoint.asked] == [FIRST, FIRST]


def test_without_a_refresh_token_the_client_acts_for_itself(opened, endpoint):
    assert opened(refresh="").current().access == "acc3ss-1"
    assert endpoint.asked == [{"grant_type": "client_credentials", "client_id": "client", "client_secret": SECRET}]


def test_a_new_refresh_token_in_the_settings_counts_at_once(opened, endpoint):
    opened().current()
    endpoint.good = "refr3sh-new"
    assert opened(refresh="refr3sh-new").current().access == "acc3ss-2"
    assert endpoint.asked[-1]["refresh_token"] == "refr3sh-new"


def test_another_url_of_the_same_system_keeps_what_was_given(opened, endpoint):
    opened().current()
    assert opened(url="https://acme.example.com").current().access == "acc3ss-1"
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("seconds", [3600, "3600", 3600.0])
def test_a_token_is_renewed_a_minute_before_it_expires(opened, endpoint, clock, seconds):
    endpoint.more = {"expires_in": seconds}
    tokens = opened()
    tokens.current()
    clock.time += 3539
    assert tokens.current().access == "acc3ss-1"
    clock.time += 1
    assert tokens.current().access == "acc3ss-2"


def test_a_token_of_a_short_life_is_used_for_most_of_it(opened, endpoint, clock):
    endpoint.more = {"expires_in": 30}
    tokens = opened()
    tokens.current()
    clock.time += 26
    assert tokens.current().access == "acc3ss-1"
    clock.time += 1
    assert tokens.current().access == "acc3ss-2"


def test_of_many_threads_that_find_it_expired_one_renews(opened, endpoint, clock):
    endpoint.more = {"expires_in": 3600}
    tokens = [opened() for _ in range(4)]
    assert {each.current().access for each in tokens} == {"acc3ss-1"}
    clock.time += 3600
    start = threading.Barrier(8)

    def ask(each):
        start.wait()
        return each.current().access

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, tokens * 2)) == {"acc3ss-2"}
    assert len(endpoint.asked) == 2


def test_of_many_threads_that_are_refused_one_renews(opened, endpoint):
    tokens = opened()
    stale = tokens.current()
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        return tokens.renewed(stale).access

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {"acc3ss-2"}
    assert len(endpoint.asked) == 2


def test_of_two_processes_that_are_refused_one_renews(endpoint, path):
    with on_loopback(endpoint) as url:
        assert told(child(url, path)) == "acc3ss-1"
        endpoint.met.clear()
        endpoint.hold = threading.Event()
        both = [child(url, path, stale="acc3ss-1") for _ in range(2)]
        assert endpoint.met.wait(20)  # one asks, the other waits for the lock
        endpoint.hold.set()
        assert [told(each) for each in both] == ["acc3ss-2"] * 2
    assert len(endpoint.asked) == 2


def killed_before_it_is_kept(endpoint, url, path, *, answered):
    """A real process is killed when a new refresh token is out and not kept: before its answer comes, or after it."""
    if answered:
        process = child(url, path, renames="2")
    else:
        endpoint.hold = threading.Event()
        process = child(url, path)
        assert endpoint.met.wait(20)
        process.kill()
        endpoint.hold.set()
    assert (told(process), process.returncode) == ("", -signal.SIGKILL)
    endpoint.hold = None
    assert (endpoint.given, kept(path)["refresh"], kept(path)["access"]) == (1, FIRST, "")


@pytest.mark.parametrize("answered", [False, True])
def test_after_a_kill_before_it_was_kept_the_old_refresh_token_is_tried_again(endpoint, path, answered):
    endpoint.grace = True
    with on_loopback(endpoint) as url:
        killed_before_it_is_kept(endpoint, url, path, answered=answered)
        assert told(child(url, path)) == "acc3ss-2"
    assert (kept(path)["refresh"], kept(path)["asked_at"]) == ("refr3sh-2", None)


@pytest.mark.parametrize("answered", [False, True])
def test_after_a_kill_before_it_was_kept_a_system_without_grace_needs_a_new_refresh_token(endpoint, path, answered):
    with on_loopback(endpoint) as url:
        killed_before_it_is_kept(endpoint, url, path, answered=answered)
        began = kept(path)["asked_at"]
        for _ in range(2):  # the second time it knows as well what happened
            words = told(child(url, path))
            assert words.startswith("Shop gives no token: expired access/refresh token (a renewal begun at ")
            assert f"begun at {began} was cut off" in words
            assert words.endswith("let Handpicked in there anew, and put the new refresh token into the connection")


def test_however_often_it_is_tried_the_time_told_is_that_of_the_renewal_that_was_cut_off(path, endpoint, opened, clock):
    known = endpoint.transport()

    def cut(request):
        known.handle_request(request)
        raise httpx.ReadError("reset", request=request)

    began = datetime.fromtimestamp(clock.now(), UTC).isoformat()
    with pytest.raises(Unreachable):
        Tokens(login(), path, transport=httpx.MockTransport(cut), clock=clock).current()
    for _ in range(2):
        clock.time += 3600
        with pytest.raises(Denied, match=re.escape(f"begun at {began} was cut off")):
            opened().current()


def test_after_a_kill_once_it_was_kept_nothing_is_asked_again(endpoint, path):
    with on_loopback(endpoint) as url:
        process = child(url, path, renames="2+")
        assert (told(process), process.returncode) == ("", -signal.SIGKILL)
        assert told(child(url, path)) == "acc3ss-1"
    assert len(endpoint.asked) == 1


def test_where_tokens_can_not_be_kept_none_is_asked_for(opened, endpoint, path):
    path.parent.mkdir()
    path.with_name("shop.json.new").mkdir()  # also root can't write there
    with pytest.raises(BadSource, match=r"tokens can't be kept in .*shop\.json: Is a directory"):
        opened().current()
    assert endpoint.asked == []


def test_a_folder_that_can_not_be_made_is_told(opened, endpoint, path):
    path.parent.write_text("a file")
    with pytest.raises(BadSource, match="tokens can't be kept"):
        opened().current()
    assert endpoint.asked == []


@pytest.mark.parametrize("damage", ["", '{"refresh": "refr3sh-', "[]"])
def test_a_damaged_file_is_told_and_not_repeated(opened, endpoint, path, damage):
    opened().current()
    path.write_text(damage)
    with pytest.raises(BadSource, match="a damaged file may be deleted") as refused:
        opened().current()
    assert "refr3sh" not in str(refused.value)
    assert len(endpoint.asked) == 1


def test_a_file_that_lacks_something_is_told(opened, path):
    opened().current()
    path.write_text(json.dumps({name: value for name, value in kept(path).items() if name != "until"}))
    with pytest.raises(BadSource, match="a damaged file may be deleted"):
        opened().current()


def test_the_file_and_its_folder_are_for_their_owner_alone(opened, path):
    opened().current()
    assert path.parent.stat().st_mode & 0o077 == 0
    assert all(each.stat().st_mode & 0o077 == 0 for each in path.parent.iterdir())
    assert sorted(each.name for each in path.parent.iterdir()) == ["shop.json", "shop.json.lock"]


def test_a_wrong_secret_is_denied_in_words_without_it(opened, endpoint):
    with pytest.raises(Denied, match="check the connection's user and password") as denied:
        opened(secret="wr0ng-s3cret").current()
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


def test_an_endpoint_that_does_not_answer_is_told_and_the_refresh_token_stays(path, endpoint, opened, clock):
    def lost(request):
        raise httpx.ReadTimeout("no answer", request=request)

    with pytest.raises(Unreachable):
        Tokens(login(), path, transport=httpx.MockTransport(lost), clock=clock).current()
    assert opened().current().access == "acc3ss-1"


def test_an_answer_that_was_lost_is_asked_for_with_the_same_refresh_token(path, endpoint, clock):
    endpoint.grace, known = True, endpoint.transport()

    def cut(request):
        answer = known.handle_request(request)
        if len(endpoint.asked) == 1:
            raise httpx.ReadError("reset", request=request)
        return answer

    tokens = Tokens(login(), path, transport=httpx.MockTransport(cut), clock=clock)
    assert tokens.current().access == "acc3ss-2"
    assert [form["refresh_token"] for form in endpoint.asked] == [FIRST, FIRST]


def calls(statuses, seen):
    def call(token):
        seen.append(token.access)
        return Answer(statuses.pop(0), httpx.Headers(), None)

    return call


def test_a_call_that_is_refused_is_made_again_once_with_a_new_token(opened):
    seen, tokens = [], opened()
    assert renewing(tokens, calls([200], seen)).status == 200
    assert renewing(tokens, calls([401, 200], seen)).status == 200
    assert renewing(tokens, calls([401, 401], seen)).status == 401
    assert seen == ["acc3ss-1", "acc3ss-1", "acc3ss-2", "acc3ss-2", "acc3ss-3"]


def test_no_token_is_in_a_log_an_error_or_a_repr(opened, endpoint, path, clock, caplog):
    caplog.set_level(logging.DEBUG)
    tokens = opened()
    words = [repr(tokens), repr(tokens.current()), repr(tokens.login)]

    def echo(request):
        return httpx.Response(400, json={"error": "invalid_grant", "error_description": request.content.decode()})

    with pytest.raises(AdapterError) as refused:
        Tokens(login(), path, transport=httpx.MockTransport(echo), clock=clock).renewed(tokens.current())
    words += [str(refused.value), caplog.text]
    assert "***" in words[-2]
    assert "/oauth/token" in caplog.text
    assert all(part not in each for each in words for part in (SECRET, "refr3sh-", "acc3ss-"))
