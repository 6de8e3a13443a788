"""The whole journey of a small shop: CRM rows -> inbox -> report -> CRM, on SQLite and PostgreSQL, Maildir and SMTP."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pandas as pd
import pytest
from sqlalchemy import select

from campaigns.compose import compose
from campaigns.contact_fields import contact_fields
from campaigns.deliver import deliver
from campaigns.errors import BadRule, BadTemplate, TransportError
from campaigns.init import init
from campaigns.picks import write_picks
from campaigns.plan import plan
from campaigns.preview import preview
from campaigns.project import Project
from campaigns.report import report
from campaigns.send import send
from campaigns.store import claims, frames
from campaigns.store.tables import message_contents, messages
from campaigns.sync import pull
from campaigns.train import train
from campaigns.write_back import push

NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path, store, monkeypatch, write_shop):
    """A laid-out project with a synced shop, on each database."""
    monkeypatch.setenv("HANDPICKED_DATABASE", store.url)
    init(tmp_path, pretend_now=NOW.isoformat().replace("+00:00", "Z"))
    write_shop(tmp_path / "data")
    with Project.open(tmp_path) as project:
        pull(project, "shop")
        yield project


def states(project, run):
    with project.store.engine.connect() as connection:
        return Counter(connection.execute(select(messages.c.state).where(messages.c.run_id == run)).scalars())


def test_every_customer_ends_in_one_state_and_each_message_is_in_the_maildir_once(shop):
    edit(shop, "holdout = 0.05", "holdout = 0.3")  # of 48 customers, 5 % are none in one run of twelve
    planned = send(shop, "weekly_digest")
    deliver(shop, until_empty=True)
    found = report(shop, "weekly_digest")[0]
    files = list((shop.folder / "outbox" / "new").iterdir())
    assert found.audience == 60
    assert set(found.states) == {"sent", "held_out", "suppressed"}
    assert found.states["sent"] == len(files)
    assert found.reasons["suppressed"] == {"unsubscribed": 6, "consent unknown": 6}
    assert states(shop, planned.run_id) == found.states
    parsed = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
    assert len({message["Message-ID"] for message in parsed}) == len(files)
    assert len({message["To"] for message in parsed}) == len(files)
    for message in parsed:
        assert message.get_body(("plain",)) is not None
        assert message.get_body(("html",)) is not None
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert not message.defects


def test_no_message_shows_a_product_of_a_category_that_the_campaign_leaves_out(shop):
    edit(shop, "without_categories = []", 'without_categories = ["Shelf 1", "kind 2"]')
    planned = send(shop, "weekly_digest")
    with shop.store.engine.connect() as read:
        query = select(message_contents.c.content).where(message_contents.c.run_id == planned.run_id)
        shown = {pick["product_id"] for content in read.execute(query).scalars() for pick in content["picks"]}
    unwanted = {f"p{n}" for n in range(40) if n % 8 == 1} | {"p2"}
    assert shown
    assert not shown & unwanted


def change_people(shop, **changes):
    """Change customers in the export, each by name: a column and its new values by id; then pull again."""
    path = shop.folder / "data" / "customers.csv"
    people = pd.read_csv(path, dtype=str).set_index("id", drop=False)
    for column, values in changes.items():
        for customer, value in values.items():
            people.loc[customer, column] = value
    people.to_csv(path, index=False)
    pull(shop, "shop", full=True)


def outcome(shop, customer):
    with shop.store.engine.connect() as connection:
        named = messages.c
        return tuple(connection.execute(select(named.state, named.reason).where(named.customer_id == customer)).one())


def test_whoever_unsubscribed_under_one_record_is_not_written_to_under_another(shop):
    change_people(shop, email={"c1": "c8@example.com"})  # c8 has unsubscribed
    send(shop, "weekly_digest")
    assert outcome(shop, "c1") == ("suppressed", "unsubscribed under another record")
    assert outcome(shop, "c8") == ("skipped", "duplicate of another customer")


def test_whoever_objects_leaves_audience_and_training_under_every_record(shop):
    assert {"c2", "c3"} <= set(frames.purchases(shop.store, NOW)["customer_id"])
    change_people(shop, email={"c3": "c2@example.com"}, objected={"c2": "true"})
    assert not {"c2", "c3"} & set(frames.purchases(shop.store, NOW)["customer_id"])
    assert not {"c2", "c3"} & set(frames.customers(shop.store)["customer_id"])
    send(shop, "weekly_digest")
    assert outcome(shop, "c3")[0] == "suppressed"


def test_planning_a_run_again_changes_nothing(shop):
    campaign = shop.campaign("weekly_digest")
    first = plan(shop, campaign, NOW)
    again = plan(shop, campaign, NOW)
    assert (first.new, again.new) == (True, False)
    assert first.counts == again.counts


def picked_as_of(shop, as_of, size):
    """The picks that are written, and nothing left beside them."""
    path = shop.folder / "picks.parquet"
    written = write_picks(shop, as_of, size, path)
    picked = pd.read_parquet(path)
    assert len(picked) == written
    assert not list(shop.folder.glob("picks.parquet.*"))
    return picked


def test_a_preview_shows_the_products_that_are_sent(shop):
    send(shop, "weekly_digest")
    with shop.store.engine.connect() as connection:
        customer, content = connection.execute(
            select(message_contents.c.customer_id, message_contents.c.content).limit(1)
        ).one()
    shown = preview(shop, "weekly_digest", customer)
    assert [pick["product_id"] for pick in shown.picks] == [pick["product_id"] for pick in content["picks"]]


def test_a_customer_who_never_bought_gets_a_slate(shop):
    assert preview(shop, "weekly_digest", "c59").picks


def test_what_is_not_recommendable_is_never_picked(shop):
    picked = picked_as_of(shop, NOW, 20)
    assert "p0" not in set(picked["product_id"])
    assert picked.groupby("customer_id")["rank"].apply(list).map(lambda ranks: ranks == sorted(ranks)).all()


def test_picks_know_nothing_of_what_comes_after(shop):
    cut = NOW - timedelta(weeks=4)
    before = picked_as_of(shop, cut, 5)
    orders = pd.read_csv(shop.folder / "data" / "orders.csv")
    late = pd.to_datetime(orders["placed_at"], format="ISO8601") >= cut
    orders.loc[late, "product_id"] = "p7"
    orders.to_csv(shop.folder / "data" / "orders.csv", index=False)
    pull(shop, "shop", full=True)
    pd.testing.assert_frame_equal(before, picked_as_of(shop, cut, 5))


def test_a_second_push_writes_nothing(shop):
    train(shop)
    fields = contact_fields(shop, 3)
    first, second = push(shop, "shop", fields), push(shop, "shop", fields)
    assert (first.written, first.unchanged) == (48, 0)
    assert (second.written, second.unchanged) == (0, 48)


def test_a_dry_run_writes_nothing(shop):
    send(shop, "weekly_digest", dry_run=True)
    with shop.store.engine.connect() as connection:
        assert connection.execute(select(messages)).first() is None


def edit(shop, old, new):
    path = shop.folder / "campaigns" / "weekly_digest.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_rule_that_names_an_unknown_field_plans_nothing(shop):
    path = shop.folder / "campaigns" / "weekly_digest.toml"
    lines = [
        'audience = "recency_dais < 5"' if line.startswith("audience") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    with pytest.raises(BadRule, match="recency_days"):
        send(shop, "weekly_digest")


@pytest.mark.parametrize(
    ("words", "told"),
    [("{{ custmer.first_name }}", "custmer"), ("{{ customer.first_name }}", "no unsubscribe link")],
)
def test_a_template_with_a_fault_sends_nothing_and_is_told(shop, words, told):
    folder = shop.folder / "templates" / "emails"
    folder.mkdir(parents=True)
    column = f"<mj-section><mj-column><mj-text>{words}</mj-text></mj-column></mj-section>"
    (folder / "weekly_digest.mjml").write_text(f"<mjml><mj-body>{column}</mj-body></mjml>")
    (folder / "weekly_digest.txt").write_text("{{ customer.first_name }} {{ links.unsubscribe }}")
    with pytest.raises(BadTemplate, match=told):
        send(shop, "weekly_digest")
    with shop.store.engine.connect() as connection:
        assert connection.execute(select(messages)).first() is None


def test_a_message_is_the_same_bytes_whenever_it_is_rendered(shop):
    send(shop, "weekly_digest")
    campaign, template = shop.campaign("weekly_digest"), shop.template("weekly_digest")
    with shop.store.engine.connect() as connection:
        waiting = connection.scalar(select(messages.c.rfc_message_id).where(messages.c.state == "waiting").limit(1))
        [row] = claims.read(connection, [waiting])
    first = compose(shop, campaign, template, row, NOW)
    time.sleep(1.1)
    assert compose(shop, campaign, template, row, NOW) == first


def test_an_unreachable_smtp_host_loses_nothing(shop, monkeypatch):
    planned = send(shop, "weekly_digest")
    waiting = states(shop, planned.run_id)["waiting"]
    shop.settings.transport = "smtp://127.0.0.1:9"
    with pytest.raises(TransportError, match=r"127\.0\.0\.1"):
        deliver(shop)
    assert states(shop, planned.run_id)["waiting"] == waiting


def test_a_name_with_line_breaks_and_html_is_shown_harmlessly(shop):
    change_people(shop, first_name={"c0": "Eve\r\nBcc: all@example.com <script>alert(1)</script>"})
    edit(shop, "holdout", "holdout = 0.0 #")
    send(shop, "weekly_digest")
    deliver(shop, until_empty=True)
    files = (shop.folder / "outbox" / "new").iterdir()
    parsed = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
    eve = [message for message in parsed if message["To"].addresses[0].addr_spec == "c0@example.com"]
    assert len(eve) == 1
    assert eve[0]["Bcc"] is None
    assert "<script>" not in eve[0].get_body(("html",)).get_content()


def test_report_is_plain_json(shop):
    send(shop, "weekly_digest")
    assert json.loads(json.dumps(report(shop, "weekly_digest")[0].as_json()))["audience"] == 60
