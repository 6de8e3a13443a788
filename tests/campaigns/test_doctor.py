"""The doctor: everything in order, and each thing that is not, with what to do."""

import json

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from campaigns.cli import app
from campaigns.doctor import doctor
from campaigns.init import init
from campaigns.mail.dkim import load_signer
from campaigns.project import Project
from campaigns.sync import pull


@pytest.fixture
def project(tmp_path, write_shop):
    init(tmp_path)
    write_shop(tmp_path / "data", customers=3)
    return tmp_path


def no_dns(name, kind, /):
    raise AssertionError(f"asked for {name} {kind}")


def findings(folder, resolve=no_dns):
    with Project.open(folder) as project:
        return {finding.what: finding for finding in doctor(project, resolve)}


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


@pytest.fixture
def server(free_port):
    """The port of a mail server that takes everything."""
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def sending(project, server):
    """A project that sends by SMTP, signed with a key of its own."""
    key = Ed25519PrivateKey.generate()
    (project / "dkim.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings = project / "handpicked.toml"
    change(settings, '"maildir:outbox"', f'"smtp://127.0.0.1:{server}"')
    change(settings, "[shop]", MAIL + "[shop]")
    return project


MAIL = """[mail]
return_path = "bounces@bounces.example.com"
signatures = [{selector = "s1", key = "dkim.pem"}]

"""


def dns_of(project):
    key = load_signer("example.com", "s1", project / "dkim.pem").key
    table = {
        "bounces.example.com TXT": ["v=spf1 mx -all"],
        "bounces.example.com MX": ["10 mail.example.com."],
        "_dmarc.example.com TXT": ["v=DMARC1; p=none"],
        "s1._domainkey.example.com TXT": [key.record],
    }
    return lambda name, kind, /: table.get(f"{name} {kind}", [])


def test_whoever_sends_has_the_senders_domain_looked_at(sending):
    found = findings(sending, dns_of(sending))
    looked = {what: found[what].good for what in found if what.startswith("sender domain")}
    assert looked == {f"sender domain: {what}": True for what in ("SPF", "DKIM s1", "DMARC", "alignment", "bounces")}


def test_an_empty_dns_is_told_with_what_to_put_there(sending):
    found = findings(sending, lambda name, kind, /: [])
    assert 'bounces.example.com. TXT "v=spf1 ip4:127.0.0.1 ~all"' in found["sender domain: SPF"].detail
    assert 's1._domainkey.example.com. TXT "v=DKIM1; k=ed25519; p=' in found["sender domain: DKIM s1"].detail
    assert '_dmarc.example.com. TXT "v=DMARC1; p=none;' in found["sender domain: DMARC"].detail


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('key = "dkim.pem"', 'key = "lost.pem"', "lost.pem can't be read"),
        ("bounces@bounces.example.com", "bounces", "the return path 'bounces' is no address"),
    ],
)
def test_what_is_wrong_with_the_sender_itself_is_told_before_dns_is_asked(sending, old, new, words):
    change(sending / "handpicked.toml", old, new)
    assert words in findings(sending)["sender domain"].detail


def test_the_exit_code_says_that_something_needs_you(project):
    run = CliRunner()
    assert run.invoke(app, ["--project", str(project), "doctor"]).exit_code == 0
    change(project / "handpicked.toml", '"maildir:outbox"', '"pigeon:outbox"')
    told = run.invoke(app, ["--project", str(project), "doctor", "--json"])
    assert told.exit_code == 3
    assert [finding["what"] for finding in json.loads(told.stdout) if not finding["good"]] == ["transport"]
