"""Settings and campaign files: the environment wins, and what is wrong is told with its line."""

import pytest

from campaigns.campaign import Campaign
from campaigns.errors import BadCampaign, BadSettings
from campaigns.init import init
from campaigns.project import Project
from campaigns.settings import Settings
from campaigns.sync import connect


@pytest.fixture
def project(tmp_path):
    init(tmp_path)
    return tmp_path


def test_what_init_lays_out_can_be_read(project):
    assert Settings.load(project).shop.name == "Corner Market"
    assert Campaign.load(project / "campaigns" / "weekly_digest.toml").slate.size == 8


def test_the_environment_wins_over_the_file(project, monkeypatch):
    monkeypatch.setenv("HANDPICKED_TRANSPORT", "smtp://127.0.0.1:2525")
    monkeypatch.setenv("HANDPICKED_SHOP__NAME", "Other")
    settings = Settings.load(project)
    assert (settings.transport, settings.shop.name) == ("smtp://127.0.0.1:2525", "Other")
    assert settings.shop.currency == "USD"


def test_the_secret_is_made_once_for_its_owner_only_and_never_shown(project):
    settings = Settings.load(project)
    secret = settings.secret.get_secret_value()
    assert Settings.load(project).secret.get_secret_value() == secret
    assert secret not in repr(settings)
    assert (project / ".handpicked-secret").stat().st_mode & 0o077 == 0


def test_a_token_from_the_environment_reaches_its_system_and_is_never_shown(project, monkeypatch):
    path = project / "handpicked.toml"
    path.write_text(path.read_text() + '\n[connections.crm]\nadapter = "hubspot"\n')
    monkeypatch.setenv("HANDPICKED_CONNECTIONS__CRM__TOKEN", "pat-secret")
    with Project.open(project) as opened:
        assert "pat-secret" not in repr(opened.settings)
        assert connect(opened, "crm").name == "hubspot"


def test_a_typo_in_the_settings_is_told_with_its_line_and_what_was_meant(project):
    path = project / "handpicked.toml"
    path.write_text(path.read_text().replace("transport =", "transprot ="))
    with pytest.raises(BadSettings, match=r"handpicked.toml:3.*did you mean 'transport'"):
        Settings.load(project)


def test_a_folder_without_settings_is_told_to_init(tmp_path):
    with pytest.raises(BadSettings, match="handpicked init"):
        Settings.load(tmp_path)


def test_a_cron_line_that_is_none_is_refused(project):
    path = project / "campaigns" / "weekly_digest.toml"
    path.write_text(path.read_text().replace("0 8 * * mon", "every monday"))
    with pytest.raises(BadCampaign, match="cron"):
        Campaign.load(path)


def test_init_never_overwrites(project):
    with pytest.raises(BadSettings, match="already there"):
        init(project)


def test_a_missing_key_is_named(project):
    path = project / "campaigns" / "weekly_digest.toml"
    path.write_text(path.read_text().replace("subject =", "preheader2 =").replace("preheader2 =", "# "))
    with pytest.raises(BadCampaign, match=r"weekly_digest.toml: subject is missing; add it"):
        Campaign.load(path)


def test_a_campaign_whose_name_can_stand_in_no_header_is_refused(project):
    path = project / "campaigns" / "weekly_digest.toml"
    odd = path.with_name("Grüße an alle.toml")
    odd.write_text(path.read_text())
    with pytest.raises(BadCampaign, match="rename the file, with letters"):
        Campaign.load(odd)
