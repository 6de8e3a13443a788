"""Salesforce as a connection of a project: its tokens stand in the project's folder, for its owner alone."""

import pytest

from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import connect
from crm_adapters.salesforce.adapter import Salesforce

CONNECTION = """
[connections."acme/eu"]
adapter = "salesforce"
url = "http://127.0.0.1:9"
user = "c0nsumer-key"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    init(tmp_path)
    settings = tmp_path / "handpicked.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + CONNECTION, encoding="utf-8")
    monkeypatch.setenv("HANDPICKED_CONNECTIONS__ACME/EU__PASSWORD", "c0nsumer-s3cret")
    monkeypatch.setenv("HANDPICKED_CONNECTIONS__ACME/EU__TOKEN", "refr3sh")
    with Project.open(tmp_path) as opened:
        yield opened


def test_a_connection_needs_key_secret_and_refresh_token_which_do_not_show(project):
    adapter = connect(project, "acme/eu")
    assert isinstance(adapter, Salesforce)
    assert all(secret not in repr(project.settings) + repr(adapter) for secret in ("s3cret", "refr3sh"))


def test_tokens_are_kept_in_a_file_of_the_connection_that_git_does_not_take(project):
    adapter = connect(project, "acme/eu")
    assert adapter._api._tokens._path == project.folder / ".handpicked-tokens" / "acme%2Feu.json"
    assert ".handpicked-tokens/" in (project.folder / ".gitignore").read_text().splitlines()
