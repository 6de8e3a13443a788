"""Lay out a project whose outbox holds so many messages, each really rendered from a slate of eight."""

from datetime import UTC, datetime, timedelta

from campaigns.init import init
from campaigns.project import Project
from campaigns.store import runs

RUN = "weekly_digest@20260302T080000Z"
WORDS = ("Roasted", "Organic", "Golden", "Wild", "Smoked", "Fresh", "Dark", "Light", "Sweet", "Salted", "Whole", "Baby")
THINGS = ("coffee beans", "rye bread", "apple juice", "trail mix", "cheddar", "spinach", "pasta", "olives", "yogurt")


def lay_out(folder, count, *, transport, database=None, in_doubt="skip", extra=""):
    """Make a project in `folder` with one run of `count` messages that are due."""
    init(folder)
    settings = folder / "handpicked.toml"
    text = settings.read_text().replace('"maildir:outbox"', f'"{transport}"')
    if database:
        text = text.replace('"sqlite:///handpicked.db"', f'"{database}"')
    settings.write_text(f"{text}\n{extra}")
    with Project.open(folder) as project:
        campaign = project.campaign("weekly_digest").model_copy(update={"in_doubt": in_doubt})
        now = datetime.now(UTC)
        for start in range(0, count, 20_000):
            rows = [row_of(project, number, now) for number in range(start, min(start + 20_000, count))]
            header = {
                "id": RUN if start == 0 else f"{RUN}-{start}",
                "campaign": campaign.name,
                "scheduled_at": now + timedelta(microseconds=start),
                "as_of": now,
                "settings": campaign.model_dump(mode="json"),
            }
            runs.create(project.store, header, rows, now)


def address(number):
    """The address of one recipient."""
    return f"customer{number}@example.org"


def row_of(project, number, now):
    """One row of the outbox, before it is written."""
    return {
        "customer_id": str(number),
        "state": "waiting",
        "reason": "planned",
        "due_at": now,
        "expires_at": now + timedelta(hours=48),
        "address": address(number),
        "rfc_message_id": project.links.message_id(RUN, str(number), "example.com"),
        "content": {
            "first_name": f"Ada {number}",
            "locale": "en_US",
            "made_at": now.isoformat(),
            "picks": [_pick(number * 8 + place) for place in range(8)],
        },
    }


def _pick(seed):
    word, thing = WORDS[seed % len(WORDS)], THINGS[seed % len(THINGS)]
    return {
        "product_id": str(seed % 5000),
        "title": f"{word} {thing}, no. {seed % 5000}",
        "brand": f"Brand {seed % 37}",
        "size": f"{1 + seed % 9} lb",
        "category": thing.title(),
        "price_minor": 100 + seed % 2000,
        "offer": seed % 5 == 0,
        "reason": f"You buy this about every {7 + seed % 30} days",
        "score": 0.5,
        "url": "",
        "image_url": None,
    }
