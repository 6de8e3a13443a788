"""Segments of a project: told in words, kept from run to run, counted, drawn."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.errors import BadSettings, NotFound
from campaigns.init import init
from campaigns.project import Project
from campaigns.segment_picture import draw, refuse_other_kinds
from campaigns.segments import Segments, Story, describe
from campaigns.store import segmentations
from campaigns.store.database import alembic_config, open_store
from campaigns.store.tables import customer_traits, customers
from campaigns.store.tables import segmentations as saved_runs
from campaigns.sync import pull
from campaigns.train import save_traits, train, world

NOW = datetime(2026, 3, 2, 13, tzinfo=UTC)
BEFORE = NOW - timedelta(weeks=4)


@pytest.fixture
def shop(tmp_path, store, monkeypatch, write_shop):
    """A project with a synced shop, on each database."""
    monkeypatch.setenv("HANDPICKED_DATABASE", store.url)
    init(tmp_path, pretend_now=NOW.isoformat().replace("+00:00", "Z"))
    write_shop(tmp_path / "data")
    with Project.open(tmp_path) as project:
        pull(project, "shop")
        yield project


def renew(project, moment):
    save_traits(project, world(project, moment))


def traits(project):
    return pd.read_sql(sa.select(customer_traits), project.store.engine).set_index("customer_id")


def test_each_customer_keeps_the_segment_of_the_last_run(shop):
    renew(shop, BEFORE)
    first = traits(shop)
    assert first["previous_segment"].isna().all()
    renew(shop, NOW)
    assert traits(shop)["previous_segment"].to_dict() == first["segment"].to_dict()
    assert segmentations.latest(shop.store).since == BEFORE


def test_a_run_done_again_for_the_same_moment_tells_the_same(shop):
    renew(shop, BEFORE)
    with shop.store.writing() as write:
        write.execute(sa.update(customers).where(customers.c.id == "c1").values(objected=True))
    renew(shop, NOW)
    first = segmentations.latest(shop.store)
    renew(shop, NOW)
    assert segmentations.latest(shop.store) == first
    assert sum(move["customers"] for move in first.facts["moves"] if move["to_segment"] is None) == 1


def test_the_first_run_and_one_for_an_earlier_moment_have_no_last_run(shop):
    assert segmentations.last_run(shop.store, NOW) is None
    renew(shop, NOW)
    assert segmentations.last_run(shop.store, NOW) is None
    renew(shop, BEFORE)
    assert segmentations.latest(shop.store).since is None
    assert segmentations.latest(shop.store).facts["moves"] == []


def test_all_that_is_told_adds_up(shop):
    renew(shop, BEFORE)
    with shop.store.writing() as write:
        write.execute(sa.update(customers).where(customers.c.id == "c1").values(objected=True))
    train(shop)
    found = describe(shop, 2)
    stories = found.stories
    assert sum(story.customers for story in stories) == 58
    for story in stories:
        assert story.customers == story.stayed + sum(story.came.values()) + story.new
        assert [pick["rank"] for pick in story.picks] == [1, 2]
    assert sum(story.left for story in stories) + sum(now.get("", 0) for now in found.gone.values()) == 1
    assert json.loads(json.dumps(found.as_json()))["why"] == found.why
    assert list(found.lines())[-1] == found.why


def test_segments_of_an_older_handpicked_are_refused_with_the_remedy(shop):
    train(shop)
    with shop.store.writing() as write:
        write.execute(sa.delete(saved_runs))
    with pytest.raises(NotFound, match="run `handpicked train`"):
        describe(shop, 1)


def test_without_a_purchase_there_is_nothing_to_tell(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HANDPICKED_DATABASE", store.url)
    init(tmp_path, pretend_now=NOW.isoformat().replace("+00:00", "Z"))
    with Project.open(tmp_path) as project, pytest.raises(NotFound, match="no purchase before"):
        describe(project, 1)


def test_traits_of_an_older_store_outlive_its_migration(database, tmp_path):
    engine = sa.create_engine(database)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        kept = "INSERT INTO customer_traits (customer_id, segment, computed_at) VALUES ('a', 'loyal, buys weekly', 5)"
        connection.execute(sa.text(kept))
    engine.dispose()
    with open_store(database) as store:
        last = segmentations.last_run(store, NOW)
        assert last.members.values.tolist() == [["a", "loyal, buys weekly"]]
        assert segmentations.latest(store) is None


def story(name="loyal, buys weekly", **more):
    facts = {"orders": 9, "all_orders": 4, "spent_minor": 1200.0, "more_of": {}}
    given = {"customers": 30, "share": 0.6, "spent": "$12.00", "apart": "9 orders (all: 4)", "picks": [], "stayed": 20}
    return Story(name=name, **{**given, "facts": facts, "came": {}, "went": {}, "new": 0, "left": 0, **more})


def told(*stories, gone=None):
    return Segments(NOW, BEFORE, list(stories), gone or {}, "2 segments: because", [])


def test_movement_is_told_in_words():
    pick = {"rank": 1, "title": "Tea", "reason": "popular here"}
    one = story(picks=[pick], came={"regular, buys weekly": 1200}, new=3, went={"occasional": 12}, left=1)
    lines = list(told(one, gone={"drifting": {"occasional": 4, "": 2}}).lines())
    assert lines == [
        "loyal, buys weekly: 30 customers (60%)",
        "  9 orders (all: 4)",
        "  1. Tea - popular here",
        "  came: 1,200 from 'regular, buys weekly', 3 new",
        "  went: 12 to 'occasional', 1 left",
        "",
        "no more: drifting; its customers went to 'occasional' (4), left (2)",
        "2 segments: because",
    ]


@pytest.mark.parametrize("name", ["segments.png", "segments.SVG"])
def test_a_picture_of_the_same_segments_is_the_same_file(tmp_path, name):
    pytest.importorskip("matplotlib")
    found = told(story(), story("regular, $ and $, buys every other week, flowers & plants", spent="$1.00"))
    files = [tmp_path / f"{number}-{name}" for number in range(2)]
    for file in files:
        draw(found, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    if name.endswith("SVG"):
        assert "loyal, buys weekly" in files[0].read_text(encoding="utf-8")


def test_a_picture_of_another_kind_is_refused(tmp_path):
    with pytest.raises(BadSettings, match=r"segments\.pdf is neither"):
        refuse_other_kinds(tmp_path / "segments.pdf")


def test_the_command_prints_tells_as_json_and_draws(shop, tmp_path):
    pytest.importorskip("matplotlib")
    train(shop)
    run = ["--project", str(tmp_path), "segments", "--plot", str(tmp_path / "s.png")]
    printed = CliRunner().invoke(app, run)
    assert printed.exit_code == 0
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    facts = CliRunner().invoke(app, [*run, "--json"])
    assert {"segments", "since", "why", "tried", "gone", "as_of"} == set(json.loads(facts.stdout))
