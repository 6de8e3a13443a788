"""Tokens are renewed once for all threads and processes, and kept before they are used, whoever is killed."""

import json
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.http.oauth import Tokens
from tests.crm_adapters.http.token_endpoint import FIRST, child, kept, login, on_loopback, told


def test_of_many_threads_that_find_it_expired_one_renews(tokens_of, endpoint, clock):
    endpoint.more = {"expires_in": 3600}
    tokens = [tokens_of() for _ in range(4)]
    assert {each.current().access for each in tokens} == {"acc3ss-1"}
    clock.time += 3600
    start = threading.Barrier(8)

    def ask(each):
        start.wait()
        return each.current().access

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, tokens * 2)) == {"acc3ss-2"}
    assert len(endpoint.asked) == 2


def test_of_many_threads_that_are_refused_one_renews(tokens_of, endpoint):
    tokens = tokens_of()
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


def test_however_often_it_is_tried_the_time_told_is_that_of_the_renewal_that_was_cut_off(
    path, endpoint, tokens_of, clock
):
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
            tokens_of().current()


def test_after_a_kill_once_it_was_kept_nothing_is_asked_again(endpoint, path):
    with on_loopback(endpoint) as url:
        process = child(url, path, renames="2+")
        assert (told(process), process.returncode) == ("", -signal.SIGKILL)
        assert told(child(url, path)) == "acc3ss-1"
    assert len(endpoint.asked) == 1


def test_where_tokens_can_not_be_kept_none_is_asked_for(tokens_of, endpoint, path):
    path.parent.mkdir()
    path.with_name("shop.json.new").mkdir()  # also root can't write there
    with pytest.raises(BadSource, match=r"tokens can't be kept in .*shop\.json: Is a directory"):
        tokens_of().current()
    assert endpoint.asked == []


def test_a_folder_that_can_not_be_made_is_told(tokens_of, endpoint, path):
    path.parent.write_text("a file")
    with pytest.raises(BadSource, match="tokens can't be kept"):
        tokens_of().current()
    assert endpoint.asked == []


@pytest.mark.parametrize("damage", ["", '{"refresh": "refr3sh-', "[]"])
def test_a_damaged_file_is_told_and_not_repeated(tokens_of, endpoint, path, damage):
    tokens_of().current()
    path.write_text(damage)
    with pytest.raises(BadSource, match="a damaged file may be deleted") as refused:
        tokens_of().current()
    assert "refr3sh" not in str(refused.value)
    assert len(endpoint.asked) == 1


def test_a_file_that_lacks_something_is_told(tokens_of, path):
    tokens_of().current()
    path.write_text(json.dumps({name: value for name, value in kept(path).items() if name != "until"}))
    with pytest.raises(BadSource, match="a damaged file may be deleted"):
        tokens_of().current()


def test_the_file_and_its_folder_are_for_their_owner_alone(tokens_of, path):
    tokens_of().current()
    assert path.parent.stat().st_mode & 0o077 == 0
    assert all(each.stat().st_mode & 0o077 == 0 for each in path.parent.iterdir())
    assert sorted(each.name for each in path.parent.iterdir()) == ["shop.json", "shop.json.lock"]


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
