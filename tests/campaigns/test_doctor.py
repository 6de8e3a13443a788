"""The doctor: everything in order, and each thing that is not, with what to do."""

import json

import pytest
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.doctor import doctor
from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import pull


@pytest.fixture
def project(tmp_path, write_shop):
    init(tmp_path)
    write_shop(tmp_path / "data", customers=3)
    return tmp_path


def findings(folder):
    with Project.open(folder) as project:
        return {finding.what: finding for finding in doctor(project)}


def change(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_project_as_laid_out_is_in_order(project):
    found = findings(project)
    assert {"database", "transport", "connection shop", "campaign weekly_digest", "chromium"} == set(found)
    assert all(finding.good for finding in found.values())
    assert "customers, products, orders" in found["connection shop"].detail


def test_a_category_to_leave_out_that_no_product_has_is_told(project):
    with Project.open(project) as opened:
        pull(opened, "shop")
    campaign = project / "campaigns" / "weekly_digest.toml"
    change(campaign, "without_categories = []", 'without_categories = ["shelf 1"]')
    assert findings(project)["campaign weekly_digest"].good
    change(campaign, '"shelf 1"', '"Shelf1"')
    assert "did you mean 'Shelf 1'" in findings(project)["campaign weekly_digest"].detail


@pytest.mark.parametrize(
    ("file", "old", "new", "what", "words"),
    [
        ("handpicked.toml", '"maildir:outbox"', '"pigeon:outbox"', "transport", "pigeon"),
        ("handpicked.toml", 'path = "data"', 'path = "date"', "connection shop", "customers.csv"),
        ("handpicked.toml", 'adapter = "files"', 'adapter = "flies"', "connection shop", "did you mean 'files'"),
        ("campaigns/weekly_digest.toml", "subject =", "subjetc =", "campaign weekly_digest", "did you mean 'subject'"),
        (
            "campaigns/weekly_digest.toml",
            'template = "weekly',
            'template = "weakly',
            "campaign weekly_digest",
            "weakly",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do_and_the_rest_is_still_looked_at(project, file, old, new, what, words):
    change(project / file, old, new)
    found = findings(project)
    assert words in found[what].detail
    assert [name for name, finding in found.items() if not finding.good] == [what]


def test_the_exit_code_says_that_something_needs_you(project):
    run = CliRunner()
    assert run.invoke(app, ["--project", str(project), "doctor"]).exit_code == 0
    change(project / "handpicked.toml", '"maildir:outbox"', '"pigeon:outbox"')
    told = run.invoke(app, ["--project", str(project), "doctor", "--json"])
    assert told.exit_code == 3
    assert [finding["what"] for finding in json.loads(told.stdout) if not finding["good"]] == ["transport"]
