"""Contact fields say what a marketer sees in the CRM: picks, segment, next purchase, value."""

import re
import shutil

import pytest

from campaigns.contact_fields import contact_fields, give_back
from campaigns.project import Project
from campaigns.sync import pull
from campaigns.train import train
from crm_adapters.errors import BadMapping


@pytest.fixture(scope="module")
def trained(twelve_weeks, tmp_path_factory):
    """A shop with a model; each test writes to a system of its own."""
    folder = tmp_path_factory.mktemp("trained") / "shop"
    shutil.copytree(twelve_weeks, folder)
    with Project.open(folder) as project:
        train(project)
    return folder


@pytest.fixture
def shop(trained):
    with Project.open(trained) as project:
        yield project


def with_mapping(shop, text):
    """The same project with a connection that writes back as a mapping says."""
    folder = shop.folder
    (folder / "mappings" / "back.toml").write_text(text)
    (folder / "back").mkdir(exist_ok=True)
    settings = folder / "handpicked.toml"
    if "[connections.back]" not in settings.read_text():
        back = '[connections.back]\nadapter = "files"\npath = "back"\nmapping = "mappings/back.toml"\n'
        settings.write_text(f"{settings.read_text()}\n{back}")
    return Project.open(folder)


def test_each_consenting_customer_has_picks_with_link_and_reason(shop):
    fields = contact_fields(shop, 2)
    assert len(fields) == 48
    for values in fields.values():
        assert {"recommended_1_id", "recommended_2_id", "segment", "value_band", "model"} <= set(values)
        assert values["recommended_1_url"].startswith("https://")
        assert values["recommended_1_reason"]
        assert "recommended_3_id" not in values


def test_the_next_purchase_is_a_day_not_before_today(shop):
    days = [values["next_purchase_on"] for values in contact_fields(shop, 1).values()]
    assert all(day is None or (re.fullmatch(r"\d{4}-\d\d-\d\d", day) and day >= "2026-03-02") for day in days)
    assert any(days)


def test_the_mapping_says_what_goes_back_and_how_many_picks(shop):
    with with_mapping(shop, '[push]\nrecommended_2_title = "Second pick"\nsegment = "Segment"\n') as project:
        done = give_back(project, "back")
        assert (done.written, done.fields["added"]) == (48, 96)
        header = (project.folder / "back" / "recommended.csv").read_text().splitlines()[0]
        assert sorted(header.split(",")) == ["Second pick", "Segment", "customer_id"]


def test_a_field_that_is_not_ours_is_refused_with_what_was_meant(shop):
    words = "did you mean 'next_purchase_on'"
    with with_mapping(shop, '[push]\nnext_purchase = "Next"\n') as project, pytest.raises(BadMapping, match=words):
        give_back(project, "back")


def test_two_fields_with_one_name_are_refused(shop):
    text = '[push]\nsegment = "X"\nvalue_band = "X"\n'
    with with_mapping(shop, text) as project, pytest.raises(BadMapping, match=r"back.toml:2: .*keep one of them"):
        give_back(project, "back")


def test_a_system_gets_the_fields_under_its_own_ids(shop, tmp_path):
    people = "id,email,consent_email\ncrm-1,c3@example.com,subscribed\ncrm-2,nobody@example.com,subscribed\n"
    folder = tmp_path / "shop"
    shutil.copytree(shop.folder, folder)
    (folder / "crm").mkdir()
    (folder / "crm" / "customers.csv").write_text(people)
    settings = folder / "handpicked.toml"
    settings.write_text(settings.read_text() + '\n[connections.crm]\nadapter = "files"\npath = "crm"\n')
    with Project.open(folder) as project:
        pull(project, "crm")
        train(project)  # which finds that the two records with one address are one customer
        give_back(project, "crm", 1)
        fields = contact_fields(project, 1)
    rows = (folder / "crm" / "recommended.csv").read_text().splitlines()
    ids = {row.split(",")[0] for row in rows[1:]}
    assert "crm-1" in ids
    assert ids <= {"crm-1", "crm-2"}
    assert len(fields) > len(ids)
