"""What holds for every route: what can't be read is refused in words, and each answer is private."""

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from campaigns.store.tables import events, hits, preferences, suppressions
from campaigns.web.app import make_app

RUN = "weekly_digest@20260302T130000Z"
ROUTES = ["/unsubscribe/{}", "/preferences/{}", "/click/{}", "/open/{}.gif", "/more/{}", "/view/{}"]
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def made(shop, path_of):
    """One good path of each route."""
    links = shop.links
    return {
        "unsubscribe": path_of(links.unsubscribe("c1", "weekly_digest")),
        "preferences": path_of(links.preferences("c1")),
        "click": path_of(links.click(RUN, "c1", "p1", "https://shop.example.com/p1")),
        "open": path_of(links.open(RUN, "c1")),
        "more": path_of(links.honeypot(RUN, "c1")),
        "view": path_of(links.view(RUN, "c1", datetime.now(UTC))),
    }


def nothing_done(rows):
    return all(rows(table) == [] for table in (events, hits, preferences, suppressions))


@QUICK
@given(route=st.sampled_from(ROUTES), method=st.sampled_from(["GET", "HEAD", "POST"]), noise=st.text(max_size=80))
def test_a_token_of_any_garbage_is_refused_and_nothing_breaks(visit, rows, route, method, noise):
    answer = visit(method, route.format(quote(noise, safe="")))
    assert answer.status_code in (404, 405)
    assert nothing_done(rows)


@QUICK
@given(data=st.data())
def test_a_link_with_any_byte_changed_does_nothing(visit, rows, made, data):
    kind = data.draw(st.sampled_from(sorted(made)))
    path = made[kind]
    start, end = len(f"/{kind}/"), len(path) - (4 if kind == "open" else 0)
    place = data.draw(st.integers(start, end - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189-_.!~").filter(lambda letter: letter != path[place]))
    method = data.draw(st.sampled_from(["GET", "POST"]))
    answer = visit(method, path[:place] + other + path[place + 1 :])
    assert answer.status_code in (404, 405)
    assert nothing_done(rows)


def test_a_good_link_of_one_route_opens_no_other(visit, rows, made):
    for kind, path in made.items():
        token = path.removeprefix(f"/{kind}/").removesuffix(".gif")
        for route in ROUTES:
            if not route.startswith(f"/{kind}/"):
                assert visit("POST" if "s" in route[:13] else "GET", route.format(token)).status_code in (404, 405)
    assert nothing_done(rows)


def test_every_answer_is_private_and_may_run_nothing(visit, made):
    for path in [*made.values(), "/healthz", "/nowhere", "/unsubscribe/forged"]:
        told = visit("GET", path).headers
        assert told["cache-control"] == "no-store"
        assert told["referrer-policy"] == "no-referrer"
        assert told["x-content-type-options"] == "nosniff"
        assert "noindex" in told["x-robots-tag"]
        assert "set-cookie" not in told
        if told.get("content-type", "").startswith("text/html"):
            policy = told["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "script" not in policy


def test_the_style_of_a_page_is_the_one_that_its_policy_allows(visit):
    answer = visit("GET", "/nowhere")
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)[1]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert 'style="' not in answer.text


def test_a_forged_link_is_told_in_words_with_the_shops_name_and_nothing_else(visit):
    answer = visit("GET", "/preferences/forged")
    assert answer.status_code == 404
    assert "This link was not made here. Copy the whole link from the message." in answer.text
    assert "Corner Market" in answer.text
    assert not re.search(r"BadLink|Traceback|c1|sqlite", answer.text)


def test_a_view_link_that_is_too_old_is_told(shop, visit, path_of):
    old = path_of(shop.links.view(RUN, "c1", datetime.now(UTC) - timedelta(days=91)))
    answer = visit("GET", old)
    assert answer.status_code == 404
    assert "This link has expired. Open a newer message." in answer.text


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/healthz"), ("POST", "/healthz"), ("PUT", "/view/x")])
def test_a_method_that_a_page_does_not_know_is_refused(visit, method, path):
    assert visit(method, path).status_code == 405


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/", "/unsubscribe/", "/unsubscribe/a/b"])
def test_what_is_not_a_route_is_not_there(visit, path):
    assert visit("GET", path).status_code == 404


def test_health_is_good_while_the_database_answers(visit):
    answer = visit("GET", "/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_broken_database_is_a_page_that_asks_to_come_again(shop, visit, made, caplog):
    with shop.store.writing() as write:
        write.execute(text("DROP TABLE preferences"))
    answer = visit("GET", made["preferences"])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "OperationalError" in caplog.text
    assert made["preferences"].rpartition("/")[2] not in caplog.text


def test_a_page_of_the_projects_own_comes_before_the_shipped_one(shop, visitor, path_of):
    folder = shop.folder / "templates" / "console"
    folder.mkdir(parents=True)
    (folder / "unsubscribed.html").write_text("Bye from {{ shop.name }}")
    answer = visitor(make_app(shop))("POST", path_of(shop.links.unsubscribe("c1", "weekly_digest")))
    assert answer.text == "Bye from Corner Market"
