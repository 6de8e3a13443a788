"""Unsubscribing and choosing, as mail programs, people and scanners do it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import insert, update

from campaigns.project import real_now
from campaigns.store.buckets import Limits
from campaigns.store.claims import claim
from campaigns.store.suppression import SUPPRESSED, suppressed_addresses
from campaigns.store.tables import customers, events, messages, preferences, runs, suppressions

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def stop(shop, path_of):
    return path_of(shop.links.unsubscribe("c1", "weekly_digest"))


@pytest.fixture
def choose(shop, path_of):
    return path_of(shop.links.preferences("c1"))


@pytest.fixture
def other_campaign(shop):
    source = shop.folder / "campaigns" / "weekly_digest.toml"
    (shop.folder / "campaigns" / "new_arrivals.toml").write_text(source.read_text())


def post(visit, path, **fields):
    return visit("POST", path, content=urlencode(fields, doseq=True), headers=FORM)


@pytest.mark.parametrize(
    "told",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},  # RFC 8058, section 3.2: either form
        {"content": b""},
        {"content": b"\xff\x00 no form at all"},
        {"json": {"List-Unsubscribe": "One-Click"}},
    ],
    ids=["form", "multipart", "empty", "noise", "json"],
)
def test_one_post_unsubscribes_from_everything_whatever_its_body(shop, visit, rows, stop, told):
    answer = visit("POST", stop, **told)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert suppressed_addresses(shop.store, ["c1@example.com", "c2@example.com"]) == {"c1@example.com"}
    assert [(e.kind, e.customer_id, e.properties) for e in rows(events)] == [
        ("unsubscribed", "c1", {"campaign": "weekly_digest"})
    ]


def test_unsubscribing_again_is_welcome_and_changes_nothing(visit, rows, stop):
    first = visit("POST", stop, data=ONE_CLICK)
    kept = (rows(suppressions), rows(events))
    again = visit("POST", stop, data=ONE_CLICK)
    assert (again.status_code, again.text) == (200, first.text)
    assert (rows(suppressions), rows(events)) == kept


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_page_changes_nothing(visit, rows, stop, choose, method):
    for path in (stop, choose):
        assert visit(method, path).status_code == 200
    assert rows(suppressions) == rows(events) == rows(preferences) == []


def test_the_page_has_one_button_that_posts_to_itself_and_a_way_to_the_preferences(shop, visit, stop):
    page = BeautifulSoup(visit("GET", stop).text, "html.parser")
    form = page.select_one("form")
    assert (form["method"], form.get("action"), form.button.text) == ("post", None, "Unsubscribe")
    assert page.select_one(".other a")["href"] == shop.links.preferences("c1")
    assert page.html["lang"] == "en"
    assert page.select("script, img, link") == []


def test_the_address_that_was_written_to_is_suppressed_even_when_the_record_has_another_now(shop, visit, stop):
    with shop.store.writing() as write:
        changed = {"email": "New@example.com", "email_normalised": "new@example.com"}
        write.execute(update(customers).where(customers.c.id == "c1").values(**changed))
    visit("POST", stop)
    both = {"c1@example.com", "new@example.com"}
    assert suppressed_addresses(shop.store, both) == both


def test_a_message_that_waits_is_not_sent_any_more(shop, visit, rows, stop):
    with shop.store.writing() as write:
        mine = {"run_id": "next", "state": "waiting", "due_at": real_now(), "changed_at": real_now()}
        write.execute(insert(runs).values(id="next", campaign="w", state="delivering", scheduled_at=NOW, as_of=NOW))
        waits = {"c1": "c1@Example.com", "c0": "c0@example.com", "c2": "C1@example.com"}
        write.execute(
            insert(messages),
            [
                {**mine, "customer_id": i, "address": address, "rfc_message_id": f"<next{i}@x>"}
                for i, address in waits.items()
            ],
        )
    visit("POST", stop)
    assert states(rows) == {"c0": ("waiting", None), "c1": ("suppressed", SUPPRESSED), "c2": ("waiting", None)}
    with shop.store.keeping() as kept:  # c2 has another address today: it is found when the message is claimed
        claimed = claim(kept, "worker", real_now(), timedelta(minutes=1), 10, Limits())
    assert claimed == ["<nextc0@x>"]
    assert states(rows)["c2"] == ("suppressed", SUPPRESSED)


def states(rows):
    return {row.customer_id: (row.state, row.reason) for row in rows(messages) if row.run_id == "next"}


def test_a_customer_of_whom_nothing_is_known_gets_the_same_answer(shop, visit, rows, path_of):
    answer = visit("POST", path_of(shop.links.unsubscribe("gone", "weekly_digest")))
    assert answer.status_code == 200
    assert rows(suppressions) == rows(events) == []


def test_what_is_chosen_is_kept_and_shown_again(visit, rows, choose, other_campaign):
    saved = post(visit, choose, wanted=["new_arrivals", "no such campaign"], often="fortnight")
    assert "Saved." in saved.text
    assert [(p.customer_id, p.unwanted, p.every_days) for p in rows(preferences)] == [("c1", ["weekly_digest"], 14)]
    shown = BeautifulSoup(visit("GET", choose).text, "html.parser")
    ticked = {field["value"] for field in shown.select("input[checked]")}
    assert ticked == {"new_arrivals", "fortnight"}
    assert all(label.input and label.text.strip() for label in shown.select("label"))
    assert {legend.text for legend in shown.select("fieldset > legend")} == {
        "What would you like to get?",
        "How often may we write?",
    }


def test_a_later_choice_takes_the_place_of_an_earlier_one(visit, rows, choose):
    post(visit, choose, often="week")
    post(visit, choose, wanted="weekly_digest", often="any")
    assert [(p.unwanted, p.every_days) for p in rows(preferences)] == [([], None)]


def test_a_campaign_whose_file_is_away_stays_unwanted(shop, visit, rows, choose, other_campaign):
    post(visit, choose, wanted="weekly_digest", often="any")
    (shop.folder / "campaigns" / "new_arrivals.toml").unlink()
    post(visit, choose, wanted="weekly_digest", often="week")
    assert rows(preferences)[0].unwanted == ["new_arrivals"]


def test_from_the_preferences_all_can_be_stopped(shop, visit, choose):
    assert "unsubscribed" in post(visit, choose, stop="all").text
    assert suppressed_addresses(shop.store, ["c1@example.com"])
    page = BeautifulSoup(visit("GET", choose).text, "html.parser")
    assert "You have unsubscribed" in page.text
    assert page.select("form") == []


@pytest.mark.parametrize("form", [{"often": "hourly"}, {}, {"wanted": "weekly_digest"}])
def test_a_choice_that_is_not_offered_is_refused_and_nothing_is_kept(visit, rows, choose, form):
    assert post(visit, choose, **form).status_code == 404
    assert rows(preferences) == []


def test_an_erased_customer_has_nothing_to_choose(shop, visit, rows, choose):
    with shop.store.writing() as write:
        write.execute(update(customers).where(customers.c.id == "c1").values(erased_at=real_now()))
    assert visit("GET", choose).status_code == post(visit, choose, often="week").status_code == 404
    assert rows(preferences) == []


def test_a_body_of_more_than_64_kilobytes_is_refused(visit, rows, choose, stop):
    for path in (choose, stop):
        assert visit("POST", path, content=b"x" * (64 * 1024 + 1)).status_code == 413
    assert rows(suppressions) == rows(preferences) == []
    assert visit("POST", stop, content=b"x" * 64 * 1024).status_code == 200
