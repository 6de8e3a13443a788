"""How Klaviyo is called: who we are, what may go wrong on the way, and what never shows."""

import logging

import httpx
import pytest

from crm_adapters.base import FieldUpdate, System
from crm_adapters.errors import BadSource, Denied, Unreachable
from crm_adapters.records import Stream
from tests.crm_adapters.klaviyo.fake import KEY, refusal, reply

CUSTOMER = {"id": "1", "email": "1@example.com", "updated_at": "2026-01-05T10:00:00+00:00"}
TOO_MANY = refusal(429, "throttled", "Request was throttled.")


def named(world):
    return [row["id"] for page in world.open().pull(Stream.CUSTOMERS, None) for row in page.rows.to_pylist()]


def sent(world):
    return [result.status for result in world.open().push([FieldUpdate("1", {"segment": "loyal"})])]


def throttled(*seconds):
    return lambda request, answer: httpx.Response(
        429,
        headers={"retry-after": seconds[0], **TOO_MANY.headers} if seconds else TOO_MANY.headers,
        content=TOO_MANY.content,
    )


def after_the_write(request, answer):
    answer(request)
    return refusal(500, "error", "Something went wrong.")


def test_it_says_whose_account_it_is_and_how_far_its_clock_is_ahead(world):
    adapter = world.open()
    health = adapter.check()
    assert (health.account, health.api_version) == ("Shöp & Söhne", "2026-07-15")
    assert health.clock_skew_seconds == pytest.approx(42, abs=1)  # the Date header counts whole seconds
    assert isinstance(adapter, System)


def test_every_request_names_key_revision_and_media_type(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    sent(world)
    named(world)
    for request in world.fake.requests:
        assert request.headers["authorization"] == f"Klaviyo-API-Key {KEY}"
        assert request.headers["revision"] == "2026-07-15"
        assert request.headers["content-type"] == request.headers["accept"] == "application/vnd.api+json"


@pytest.mark.parametrize("stream", [Stream.CUSTOMERS, Stream.PRODUCTS, Stream.ORDERS])
def test_a_wrong_key_is_denied(stream, world):
    with pytest.raises(Denied, match="says 401"):
        list(world.open(token="pk_wrong").pull(stream, None))
    with pytest.raises(Denied, match="says 401"):
        world.open(token="pk_wrong").check()


def test_a_key_that_lacks_a_scope_is_denied(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.fake.scopes -= {"profiles:read", "profiles:write", "data-privacy:write"}
    for ask in (named, sent, lambda world: list(world.open().erase(["1"]))):
        with pytest.raises(Denied, match=r"403.*give the token the scope"):
            ask(world)


def test_too_many_requests_are_waited_for_as_long_as_klaviyo_says(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.fake.troubles = [throttled("37")]
    assert named(world) == ["1"]
    assert sum(world.clock.waits) >= 37


def test_too_many_requests_without_a_time_are_waited_for_ever_longer(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.fake.troubles = [throttled(), throttled()]
    assert sent(world) == ["sent"]
    first, second, *_ = world.clock.waits
    assert 0.5 <= first <= 1 <= second <= 2
    assert len(world.fake.asked("POST", "profile-bulk-import-jobs")) == 3


def test_a_write_whose_answer_was_lost_is_written_again_and_changes_nothing(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.fake.troubles = [after_the_write]
    assert sent(world) == ["sent"]
    assert world.pushed() == {"1": {"segment": "loyal"}}
    assert [job["total"] for job in world.fake.jobs.values()] == [1, 1]


def test_klaviyo_that_fails_for_good_is_not_reachable_and_nothing_is_said_to_be_sent(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.fake.troubles = [lambda request, answer: refusal(503, "unavailable", "Down.")] * 99
    with pytest.raises(Unreachable, match=r"503: .*Down"):
        sent(world)
    assert world.pushed() == {"1": {}}


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda whole: httpx.Response(200, headers=whole.headers, content=whole.content[:-9]),
        lambda whole: httpx.Response(200, headers={"content-type": "text/html"}, content=b"<html>Sign in</html>"),
    ],
    ids=["cut-short", "html"],
)
def test_what_is_no_json_is_asked_for_again_and_then_given_up(spoilt, world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.witness.strict = False

    def spoil(request, answer):
        whole = answer(request)
        return spoilt(httpx.Response(200, headers={"content-type": "application/vnd.api+json"}, content=whole.content))

    world.fake.troubles = [spoil]
    assert named(world) == ["1"]
    world.fake.troubles = [spoil] * 99
    with pytest.raises(Unreachable, match="something else than JSON"):
        named(world)


def test_the_key_shows_in_no_log_no_error_and_no_repr(world, caplog):
    caplog.set_level(logging.DEBUG)
    world.witness.strict = False
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    named(world)
    adapter = world.open()
    world.fake.troubles = [lambda request, answer: refusal(403, "no", f"The key {KEY} may not do this.")]
    with pytest.raises(Denied) as denied:
        adapter.check()
    world.fake.troubles = [lambda request, answer: refusal(500, "no", f"Klaviyo-API-Key {KEY}")] * 99
    with pytest.raises(Unreachable) as unreachable:
        adapter.fields()
    shown = [caplog.text, repr(adapter), str(denied.value), str(unreachable.value)]
    assert all(words and KEY not in words for words in shown)
    assert "1@example.com" not in caplog.text


def test_what_errors_of_a_push_repeat_is_told_without_the_key(world):
    world.put(Stream.CUSTOMERS, [CUSTOMER])
    world.fake.bad["1"] = f"The key {KEY} may not write this."
    for values in ({"a": "b"}, {"a": None}):
        (result,) = world.open().push([FieldUpdate("1", values)])
        assert KEY not in result.message


def test_the_account_is_read_as_the_sdk_reads_it(world):
    """The witness lets no answer pass that the SDK can't read; this one stands in none of the specification's files."""
    world.fake.troubles = [lambda request, answer: reply({"data": [{"type": "account", "id": 5, "attributes": {}}]})]
    with pytest.raises(BadSource) as refused:
        world.open().check()
    assert "validation error" in str(refused.value.__cause__)
