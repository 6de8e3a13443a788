"""The receiver of behaviour events: who may send, what is refused, and that what is answered with 200 is kept once."""

import gzip
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from campaigns.collect import LONGEST_BATCH, LONGEST_EVENT
from campaigns.errors import BadSettings
from campaigns.project import Project
from campaigns.settings import Settings
from campaigns.store.tables import customers, events, identities, quarantine
from campaigns.web.app import make_app
from tests.campaigns.web.sending import KEY, OTHER, basic, batch, poster, ready, viewed


@pytest.fixture
def shop(shop):
    return ready(shop)


@pytest.fixture
def post(visit):
    return poster(visit)


def kept(rows):
    return sorted((row.customer_id, row.kind, row.product_id) for row in rows(events))


def test_a_batch_is_kept(post, rows):
    answer = post(batch(viewed(1), viewed(2)))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert kept(rows) == [("c1", "viewed", "p1"), ("c1", "viewed", "p2")]


@pytest.mark.parametrize("packed", [gzip.compress, lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])])
def test_a_gzipped_batch_is_kept(post, rows, packed):
    body = packed(json.dumps(batch(viewed(1))).encode())
    assert post(body, headers={"Content-Encoding": "gzip"}).status_code == 200
    assert len(rows(events)) == 1


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group", "alias"])
def test_one_event_has_a_path_of_its_own(post, rows, kind):
    told = viewed(1, previousId="a1") | {"type": "nonsense"}
    assert post(told, f"/v1/{kind}").json() == {"success": True}
    named = {"track": ["viewed"], "page": ["visited"], "screen": ["visited"]}
    assert [row.kind for row in rows(events)] == named.get(kind, [])
    assert [row.person for row in rows(identities)][-1] == "user:c1"
    assert rows(quarantine) == []


@pytest.mark.parametrize(("path", "kind"), [("t", "viewed"), ("p", "visited"), ("b", "viewed")])
def test_a_browser_says_the_first_letter_only_and_has_the_key_in_the_body(visit, rows, path, kind):
    told = {**viewed(1), "writeKey": KEY, "type": {"p": "page"}.get(path, "track")}
    body = {"writeKey": KEY, "batch": [told, {**told, "userId": {}}]} if path == "b" else told
    where = {"Origin": "https://shop.example.com", "Content-Type": "text/plain"}
    answer = visit("POST", f"/v1/{path}", content=json.dumps(body), headers=where)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert [row.kind for row in rows(events)] == [kind]
    assert KEY not in str(rows(quarantine))


def test_a_browser_that_asks_first_may_post_with_the_key_from_any_page(visit):
    where = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
    told = visit("OPTIONS", "/v1/batch", headers=where | {"Access-Control-Request-Headers": "authorization"})
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (204, "*")
    assert told.headers["access-control-allow-methods"] == "POST"
    assert "Authorization" in told.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in told.headers
    assert visit("POST", "/v1/batch", json={}).headers["access-control-allow-origin"] == "*"


def test_other_paths_are_not_there(post):
    for path in ("/v1/nothing", "/v1", "/v1/", "/v1/batch/x", "/v2/batch"):
        assert post(batch(), path).status_code == 404


STRANGERS = [{}, *map(basic, ("", "wrong-key-of-a-test", KEY[:-1], KEY + "x"))]
STRANGERS += [{"Authorization": word} for word in (f"Basic {KEY}", "Basic !!!", "Basic /w==", f"Bearer {KEY}", "x")]


def test_without_the_key_nothing_is_kept(visit, rows):
    for headers in STRANGERS:
        answer = visit("POST", "/v1/batch", json=batch(viewed(1)), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "WrongKey")
        assert KEY not in answer.text
    assert rows(events) == rows(quarantine) == []


def test_a_project_without_keys_takes_in_nothing(shop, visit, rows):
    shop.settings.events.write_keys = ()
    for headers in ({}, basic(""), basic(KEY)):
        assert visit("POST", "/v1/batch", json=batch(viewed(1), writeKey=""), headers=headers).status_code == 401
    assert rows(events) == []


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_the_key_may_stand_in_the_body_and_any_of_them_opens(visit, rows, key):
    assert visit("POST", "/v1/batch", json=batch(viewed(1), writeKey=key)).status_code == 200
    assert visit("POST", "/v1/track", json={**viewed(2), "writeKey": key}).status_code == 200
    assert len(rows(events)) == 2
    assert visit("POST", "/v1/batch", json=batch(viewed(3), writeKey=[key])).status_code == 401


def test_a_key_is_never_kept(visit, rows):
    assert visit("POST", "/v1/track", json={"userId": {}, "writeKey": KEY}).status_code == 200
    (bad,) = rows(quarantine)
    assert KEY not in str(bad)


NO_BATCH = [b"", b"{", b"[]", b"5", b"null", b'"text"', b"{}", b'{"batch": 5}', b'{"batch": {}}', b'{"batch": [NaN]}']
NO_BATCH += [b"\xff\xfe\x00", b"\x1f\x8b", b"[" * 200_000, gzip.compress(b"{"), gzip.compress(b'{"batch": []}')[:-9]]


def test_what_is_no_batch_is_refused(post, rows):
    for body in NO_BATCH:
        answer = post(body)
        assert (answer.status_code, answer.json()["success"], answer.json()["code"]) == (400, False, "BadEvents")
    assert rows(events) == rows(quarantine) == []


def test_an_empty_batch_is_nothing(post):
    assert post(batch()).status_code == 200


def test_one_bad_event_does_not_lose_the_others_and_is_kept_with_its_reason(post, rows):
    bad = [viewed(3, userId={"a": 1}), 5, {"type": "track"}, viewed(4, timestamp="soon")]
    assert post(batch(viewed(1), *bad, viewed(2))).status_code == 200
    assert [product for _, _, product in kept(rows)] == ["p1", "p2"]
    reasons = {"bad_userId", "not_an_object", "missing_event", "bad_timestamp"}
    assert {row.reason for row in rows(quarantine)} == reasons
    assert '"timestamp": "soon"' in next(row.record for row in rows(quarantine) if row.reason == "bad_timestamp")
    post(batch(bad[0], bad[3]))
    assert len(rows(quarantine)) == 4


def test_a_batch_that_is_too_long_is_refused_and_one_that_just_fits_is_not(post, rows):
    fitting = [viewed(n, context={"x": "y" * 20_000}) for n in range(24)]
    assert len(json.dumps(batch(*fitting))) < LONGEST_BATCH
    assert post(batch(*fitting)).status_code == 200
    long = batch(*fitting, *(viewed(n) for n in range(24, 500)))
    answer = post(long)
    assert (answer.status_code, answer.json()["code"]) == (413, "TooLong")
    assert post(gzip.compress(json.dumps(long).encode())).status_code == 413
    assert len(rows(events)) == 24


def test_a_bomb_is_left_as_soon_as_it_is_too_long(post, rows):
    bomb = gzip.compress(b" " * (200 << 20), compresslevel=9)
    assert len(bomb) < LONGEST_BATCH
    assert post(bomb).status_code == 413
    assert post(gzip.compress(bomb)).status_code == 413
    assert rows(events) == []


def test_an_event_that_is_too_long_goes_to_quarantine_and_alone_is_refused(post, rows):
    long = viewed(1, context={"x": "ü" * (LONGEST_EVENT // 2)})
    assert post(batch(long, viewed(2, context={"x": "ü" * (LONGEST_EVENT // 2 - 500)}))).status_code == 200
    assert [product for _, _, product in kept(rows)] == ["p2"]
    assert [row.reason for row in rows(quarantine)] == ["too_long"]
    assert post(long, "/v1/track").status_code == 413


def test_told_twice_is_once_also_at_the_same_moment(post, rows):
    told = batch(*(viewed(n) for n in range(20)))
    with ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(lambda _: post(told).status_code, range(8)))
    assert answers == [200] * 8
    assert len(rows(events)) == 20


def test_what_is_not_committed_is_not_answered_with_200(shop, visitor, rows, monkeypatch):
    monkeypatch.setattr("campaigns.store.database.BUSY_SECONDS", 0.1)
    with Project.open(shop.folder) as project:
        project.settings.events.write_keys = (SecretStr(KEY),)
        visit = visitor(make_app(project))
        other = sqlite3.connect(shop.folder / "handpicked.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        told = batch(viewed(1))
        refused = visit("POST", "/v1/batch", json=told, headers=basic(KEY))
        other.execute("ROLLBACK")
        other.close()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        assert rows(events) == []
        assert visit("POST", "/v1/batch", json=told, headers=basic(KEY)).status_code == 200
        assert len(rows(events)) == 1


def test_a_broken_store_keeps_neither_good_nor_bad(shop, post, rows):
    with shop.store.writing() as write:
        write.execute(text("DROP TABLE cursors"))
    assert post(batch(viewed(1), 5)).status_code == 503
    assert rows(events) == rows(quarantine) == rows(identities) == []


def test_a_clock_that_is_wrong_is_set_right(post, rows):
    slow = datetime.now(UTC) - timedelta(days=400)
    told = viewed(1, timestamp=(slow - timedelta(minutes=10)).isoformat())
    assert post({"batch": [told], "sentAt": slow.isoformat()}).status_code == 200
    (event,) = rows(events)
    assert abs(datetime.now(UTC) - event.at - timedelta(minutes=10)) < timedelta(minutes=1)


def test_receiving_events_is_no_consent_to_be_written_to_and_makes_no_customer(shop, post, rows):
    with shop.store.writing() as write:
        write.execute(update(customers).values(consent_email="unknown"))
    before = rows(customers)
    traits = {"email": "new@example.com", "firstName": "Ada"}
    assert post(batch({"type": "identify", "userId": "c1", "traits": traits}, viewed(1))).status_code == 200
    assert post(batch({"type": "identify", "userId": "new", "traits": traits})).status_code == 200
    assert rows(customers) == before


def test_of_who_did_not_agree_nothing_is_kept_unless_the_pages_ask_themselves(shop, post, rows):
    with shop.store.writing() as write:
        write.execute(update(customers).values(attributes=None))
    assert post(batch(viewed(1))).json() == {"success": True}
    assert rows(events) == []
    shop.settings.events.need_consent = False
    assert post(batch(viewed(1))).status_code == 200
    assert len(rows(events)) == 1


def test_every_answer_is_private(post):
    for answer in (post(batch()), post(b"{"), post(batch(), key="wrong")):
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers


def test_a_key_that_can_be_guessed_is_refused(shop, monkeypatch):
    monkeypatch.setenv("HANDPICKED_EVENTS__WRITE_KEYS", '["short"]')
    with pytest.raises(BadSettings, match="a write key has at least 16 letters"):
        Settings.load(shop.folder)


def test_keys_come_from_the_environment_and_are_shown_nowhere(shop, monkeypatch):
    monkeypatch.setenv("HANDPICKED_EVENTS__WRITE_KEYS", json.dumps([KEY]))
    loaded = Settings.load(shop.folder)
    assert [key.get_secret_value() for key in loaded.events.write_keys] == [KEY]
    assert KEY not in repr(loaded)


def test_numbers_without_end_are_read(post, rows):
    body = json.dumps(batch(viewed(1), viewed(2, userId="HUGE"))).replace('"HUGE"', "9" * 9_000)
    assert post(body.encode()).status_code == 200
    assert [row.reason for row in rows(quarantine)] == ["bad_userId"]
    assert len(rows(events)) == 1
