"""Clicks, opens, the hidden link and a message in the browser: what each answers, and what is kept of it."""

import logging
import sqlite3

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import delete, text

from campaigns.project import Project, real_now
from campaigns.record import LONGEST_USER_AGENT
from campaigns.store.tables import hits, message_contents
from campaigns.web.app import make_app

RUN = "weekly_digest@20260302T130000Z"
TARGET = "https://shop.example.com/products/p1?a=1&b=ü"
READER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.fixture
def click(shop, path_of):
    return path_of(shop.links.click(RUN, "c1", "p1", TARGET))


def test_a_click_leads_to_its_product_and_is_kept(visit, rows, click):
    answer = visit("GET", click, headers=READER)
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://shop.example.com/products/p1?a=1&b=%C3%BC"
    (hit,) = rows(hits)
    kept = (hit.kind, hit.run_id, hit.customer_id, hit.product_id, hit.method, hit.user_agent, hit.verdict)
    assert kept == ("click", RUN, "c1", "p1", "GET", READER["User-Agent"], None)


def test_a_head_request_is_kept_as_one(visit, rows, click):
    assert visit("HEAD", click).status_code == 302
    assert [hit.method for hit in rows(hits)] == ["HEAD"]


def test_who_asked_is_kept_as_a_hash_only_and_a_long_user_agent_is_cut(visit, rows, click):
    visit("GET", click, headers={"User-Agent": "x" * 5000})
    visit("GET", click, headers={"User-Agent": "y\x00\tz"})
    first, second = sorted(rows(hits), key=lambda hit: hit.user_agent)
    assert first.address == second.address
    assert len(first.address) == 16
    assert "192.0.2.7" not in str(rows(hits))
    assert first.user_agent == "x" * LONGEST_USER_AGENT
    assert second.user_agent == "y z"


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example.com", "/products/1", "http://", "http://[", ""],
)
def test_a_click_leads_to_the_web_only(shop, visit, rows, path_of, target):
    answer = visit("GET", path_of(shop.links.click(RUN, "c1", "p1", target)))
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert rows(hits) == []


def test_an_open_shows_one_dot_that_is_never_kept_by_a_cache(shop, visit, rows, path_of):
    answer = visit("GET", path_of(shop.links.open(RUN, "c1")))
    assert answer.content.startswith(b"GIF89a")
    assert answer.content[6:10] == b"\1\0\1\0"  # one by one
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/gif", "no-store")
    assert [hit.kind for hit in rows(hits)] == ["open"]


def test_who_follows_the_hidden_link_is_kept_too(shop, visit, rows, path_of):
    assert visit("GET", path_of(shop.links.honeypot(RUN, "c1"))).status_code == 200
    assert [hit.kind for hit in rows(hits)] == ["more"]


def test_when_the_hit_cannot_be_kept_the_reader_gets_on_and_the_log_tells(shop, visit, click, caplog):
    with shop.store.writing() as write:
        write.execute(text("DROP TABLE hits"))
    with caplog.at_level(logging.WARNING):
        assert visit("GET", click).status_code == 302
    assert "was not recorded: OperationalError" in caplog.text


def test_a_locked_database_does_not_keep_a_reader_from_the_shop(shop, visitor, click, caplog, monkeypatch):
    monkeypatch.setattr("campaigns.store.database.BUSY_SECONDS", 0.1)
    with Project.open(shop.folder) as project:
        visit = visitor(make_app(project))
        other = sqlite3.connect(shop.folder / "handpicked.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            assert visit("GET", click).status_code == 302
        stop = shop.links.unsubscribe("c1", "weekly_digest").removeprefix("https://shop.example.com")
        refused = visit("POST", stop)
        other.execute("ROLLBACK")
        other.close()
        assert "was not recorded" in caplog.text
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        assert "again in a minute" in refused.text
        assert visit("POST", stop).status_code == 200


@pytest.fixture
def view(shop, path_of):
    return path_of(shop.links.view(RUN, "c1", real_now()))


def test_a_message_is_shown_as_it_was_without_the_open_pixel(visit, rows, view):
    answer = visit("GET", view)
    page = BeautifulSoup(answer.text, "html.parser")
    assert "Hello Ada," in page.text
    assert "/open/" not in answer.text
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script" not in answer.headers["content-security-policy"]
    assert [hit.kind for hit in rows(hits)] == ["view"]


def test_a_message_that_is_no_longer_kept_is_told(shop, visit, view):
    with shop.store.writing() as write:
        write.execute(delete(message_contents))
    answer = visit("GET", view)
    assert answer.status_code == 404
    assert "This message is no longer kept." in answer.text


def test_a_message_of_a_template_that_is_gone_is_not_shown_and_why_stands_in_the_log(shop, visit, view, caplog):
    folder = shop.folder / "templates" / "emails"
    folder.mkdir(parents=True)
    (folder / "weekly_digest.mjml").write_text("<mjml><mj-body><mj-raw>{{ custmer }}</mj-raw></mj-body></mjml>")
    (folder / "weekly_digest.txt").write_text("")
    answer = visit("GET", view)
    assert answer.status_code == 503
    assert "custmer" not in answer.text
    assert "custmer" in caplog.text
