"""INIT: lay out a project folder that works as it stands."""

from importlib import resources
from pathlib import Path

from campaigns.errors import BadSettings

SETTINGS = """\
# Handpicked: the settings of this project. Every one can also be given in the environment: HANDPICKED_TRANSPORT=smtp://...
database = "sqlite:///handpicked.db"     # or postgresql+psycopg://user@host/name
transport = "maildir:outbox"             # or smtp://user:password@host:587, ses://, postmark://, mailgun://
{pretend_now}
[shop]
name = "{name}"
sender = "{name} <hello@example.com>"
reply_to = "hello@example.com"
postal_address = "1 Market Street, Springfield, OH 45501, USA"
locale = "en_US"
currency = "USD"
time_zone = "America/New_York"
base_url = "https://shop.example.com"

# [mail]                                 # `handpicked doctor` says what to put into DNS for these
# return_path = "bounces@example.com"    # where bounces go, each to an address of its own
# mailbox = "imaps://user:password@imap.example.com/INBOX"     # and where `handpicked feedback read` finds them
# signatures = [{{ selector = "hp1", key = "dkim.pem" }}]        # DKIM: a private key in PEM

# [delivery]
# per_domain_per_second = {{ "gmail.com" = 20, "*" = 50 }}
# warm_up_per_day = [50, 100, 500, 1000, 5000]                 # a new sender's first days

# [web]                                  # `handpicked serve` answers the links in messages, behind base_url
# opens = false                          # an open pixel, for customers who agreed to be tracked

# [events]                               # what the pages tell `handpicked serve`, at /v1/batch (Segment, RudderStack)
# write_keys = ["..."]                   # better in the environment: HANDPICKED_EVENTS__WRITE_KEYS='["..."]'

[connections.shop]                       # `handpicked sync pull shop`
adapter = "files"                        # customers, products, orders, offers as .csv, .parquet or .jsonl
path = "data"
mapping = "mappings/shop.toml"
"""
UNTRACKED = (
    ".handpicked-secret",
    ".handpicked-tokens/",
    ".handpicked-delivering/",
    "handpicked.db*",
    "models/",
    "outbox/",
    "*.pem",
)
"""What is a secret, or changes as the project works: not for version control."""


def init(folder: Path, *, name: str = "Corner Market", pretend_now: str | None = None) -> list[Path]:
    """Lay out settings, a campaign, a mapping and a data folder; what is already there is never overwritten.

    Returns:
        the files made.

    Raises:
        BadSettings: the folder already holds a project.
    """
    settings = folder / "handpicked.toml"
    if settings.exists():
        raise BadSettings(f"{settings} is already there", remedy="choose an empty folder, or edit that file")
    moment = (
        f"pretend_now = {pretend_now}   # look at the data as if it were this moment; remove in real life\n"
        if pretend_now
        else ""
    )
    files = {
        settings: SETTINGS.format(name=name, pretend_now=moment),
        folder / "campaigns" / "weekly_digest.toml": _shipped("campaigns", "recipes/weekly_digest.toml"),
        folder / "mappings" / "shop.toml": _shipped("crm_adapters", "mappings/files.toml"),
        folder / ".gitignore": "".join(f"{name}\n" for name in UNTRACKED),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    return list(files)


def _shipped(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
