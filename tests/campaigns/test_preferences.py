"""A plan keeps to what customers chose, and to what they agreed to."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from campaigns.compose import content_of, context
from campaigns.init import init
from campaigns.plan import decide, read_audience, tracked
from campaigns.project import Project, real_now
from campaigns.send import TRIAL
from campaigns.store.preferences import Preference, read_preference, save_preference
from campaigns.store.tables import customers, messages, runs


@pytest.fixture
def shop(tmp_path, store, monkeypatch):
    """A project on each database, with five customers who subscribed, and no holdout."""
    monkeypatch.setenv("HANDPICKED_DATABASE", store.url)
    init(tmp_path)
    path = tmp_path / "campaigns" / "weekly_digest.toml"
    path.write_text(path.read_text().replace("holdout = 0.05", "holdout = 0.0"))
    with Project.open(tmp_path) as project:
        with project.store.writing() as write:
            write.execute(insert(customers), [person(f"c{n}") for n in range(5)])
            run = {"id": "old", "campaign": "weekly_digest", "state": "finished"}
            write.execute(insert(runs).values(**run, scheduled_at=real_now(), as_of=real_now()))
        yield project


def person(name, **more):
    address = f"{name}@example.com"
    known = {"system": "s", "consent_email": "subscribed", "objected": False, "attributes": None}
    return {"id": name, "email": address, "email_normalised": address, **known, **more}


def written(shop, customer, age, state="sent"):
    message = {"run_id": "old", "customer_id": customer, "state": state, "changed_at": real_now() - age}
    with shop.store.writing() as write:
        write.execute(insert(messages).values(**message))


def decided(shop):
    campaign = shop.campaign("weekly_digest")
    rows = decide(shop, campaign, "run", read_audience(shop, campaign))
    return dict(zip(rows["customer_id"], zip(rows["state"], rows["reason"], strict=True), strict=True))


def test_who_does_not_want_a_campaign_is_skipped_in_it_and_not_in_others(shop):
    save_preference(shop.store, "c1", Preference(frozenset({"weekly_digest"})), real_now())
    save_preference(shop.store, "c2", Preference(frozenset({"weekly", "new_arrivals"})), real_now())
    found = decided(shop)
    assert found.pop("c1") == ("skipped", "does not want this campaign")
    assert set(found.values()) == {("waiting", "planned")}


WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
CASES = [  # days from one message to the next, age of the newest, its state, is the customer skipped?
    (7, timedelta(days=2), "sent", True),
    (7, WEEK - timedelta(minutes=5), "sent", False),  # last week's left a little late
    (7, timedelta(days=6), "sent", True),
    (14, WEEK, "sent", True),
    (14, 2 * WEEK, "sent", False),
    (30, 4 * WEEK, "sent", True),
    (7, HOUR, "waiting", True),  # another campaign's, not yet sent
    (7, HOUR, "in_doubt", True),
    (7, HOUR, "failed", False),
    (7, HOUR, "held_out", False),
    (None, HOUR, "sent", False),
]


def test_who_wants_fewer_messages_is_skipped_until_the_newest_is_old_enough(shop):
    names = [f"n{number}" for number in range(len(CASES))]
    with shop.store.writing() as write:
        write.execute(insert(customers), [person(name) for name in names])
    for name, (days, age, state, _) in zip(names, CASES, strict=True):
        save_preference(shop.store, name, Preference(every_days=days), real_now())
        written(shop, name, age, state)
    written(shop, "c1", HOUR)  # who never chose
    found = decided(shop)
    assert {found[name] for name in ("c1", "c2")} == {("waiting", "planned")}
    verdicts = {True: ("skipped", "wants fewer messages"), False: ("waiting", "planned")}
    assert [found[name] for name in names] == [verdicts[skipped] for *_, skipped in CASES]


def test_who_never_chose_wants_all(shop):
    assert read_preference(shop.store, "c1") == Preference(frozenset(), None)
    assert set(decided(shop).values()) == {("waiting", "planned")}


def test_only_a_yes_is_consent_to_be_tracked(shop):
    said = [True, "yes", 1, "True", False, "false", "unknown", None, 0, "", [True]]
    known = [*({"tracking_consent": word} for word in said), {}, None]
    people = [person(f"n{number:02}", attributes=attributes) for number, attributes in enumerate(known)]
    with shop.store.writing() as write:
        write.execute(insert(customers), people)
    audience = read_audience(shop, shop.campaign("weekly_digest"))
    new = audience["customer_id"].str.startswith("n")
    assert not tracked(shop, audience).any()  # opens are off unless the shop turns them on
    shop.settings.web.opens = True
    assert tracked(shop, audience)[new].tolist() == [True] * 4 + [False] * 9
    assert not tracked(shop, audience)[~new].any()


def test_a_message_has_the_open_pixel_only_if_its_outbox_row_says_so(shop):
    for seen in (True, False):
        html = rendered(shop, seen)
        assert (shop.links.open("run", "c1") in html) is seen
        assert ("/open/" in html) is seen


def rendered(shop, seen):
    made_at = datetime(2026, 3, 2, tzinfo=UTC)
    content = content_of(shop, "Ada", "", TRIAL["picks"], made_at, tracked=seen)
    words = context(shop, shop.campaign("weekly_digest"), "run", "c1", content)
    return shop.template("weekly_digest").render(words).html
